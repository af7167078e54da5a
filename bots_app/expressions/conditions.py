"""Nodes of an expression that are true or false in each row: comparisons, and what `and`, `or`, `not` make of them.

A comparison with a missing value is false, whichever it is; so `not` of it is true. A text or a boolean is a value:
equal to itself alone, unequal to every number, neither above nor below one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from bots_app.expressions.membership import InRange, IsMissing, OneOf
from bots_app.expressions.values import AND, COMPARE, NOT, OR, Boolean, Columns, Field, Number, Text, Value, inside
from bots_app.table.values import Mask, bits_in, is_missing, is_value

_ORDERS = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Values compared each with the next, as in `5 <= config.fast <= 20`; of every two one has a field."""

    first: Value
    rest: tuple[tuple[str, Value], ...]
    power: ClassVar[int] = COMPARE

    def spelled(self) -> str:
        rest = (f" {operator} {inside(value, COMPARE + 1)}" for operator, value in self.rest)
        return inside(self.first, COMPARE + 1) + "".join(rest)

    def mask(self, columns: Columns) -> Mask:
        """Return in which rows it holds, as a new array, as every condition does."""
        nodes = (self.first, *(value for _, value in self.rest))
        # One after the other: values that wait for their turn would not fit the processor's cache.
        sides = pairwise((node, None if isinstance(node, Text | Boolean) else node.of(columns)) for node in nodes)
        masks = (_compared(operator, *pair) for (operator, _), pair in zip(self.rest, sides, strict=True))
        mask = next(masks)
        for another in masks:
            mask &= another
        return mask


#: A node, and its values in the rows: an array, a number, or None of a text or boolean.
_Side = tuple[Value, Any]


def _compared(operator: str, left: _Side, right: _Side) -> Mask:
    """Compare two sides, of which a text or boolean has no number and stands beside a field and `=` or `!=` alone."""
    if operator in _ORDERS:
        mask: Mask = _ORDERS[operator](left[1], right[1])
        return mask
    mask = _equal(left, right)
    if operator == "=":
        return mask
    np.logical_not(mask, out=mask)
    for node, values in (left, right):
        if not isinstance(node, Number | Text | Boolean):
            mask &= ~node.missing(values)
    return mask


def _equal(left: _Side, right: _Side) -> Mask:
    for (literal, _), (_, values) in ((left, right), (right, left)):
        if isinstance(literal, Text | Boolean):
            return is_value(values, literal.value)
    mask: Mask = np.equal(left[1], right[1])
    if isinstance(left[0], Field) and isinstance(right[0], Field):
        mask |= (bits_in(left[1]) == bits_in(right[1])) & ~is_missing(left[1])
    return mask


@dataclass(frozen=True, slots=True)
class Not:
    """Holds where a condition does not."""

    condition: Condition
    power: ClassVar[int] = NOT

    def spelled(self) -> str:
        return f"not {inside(self.condition, NOT)}"

    def mask(self, columns: Columns) -> Mask:
        mask = self.condition.mask(columns)
        return np.logical_not(mask, out=mask)


@dataclass(frozen=True, slots=True)
class Every:
    """Conditions joined by `and`."""

    conditions: tuple[Condition, ...]
    power: ClassVar[int] = AND

    def spelled(self) -> str:
        return " and ".join(inside(condition, NOT) for condition in self.conditions)

    def mask(self, columns: Columns) -> Mask:
        first, *others = self.conditions
        mask = first.mask(columns)
        for condition in others:
            mask &= condition.mask(columns)
        return mask


@dataclass(frozen=True, slots=True)
class Some:
    """Conditions joined by `or`."""

    conditions: tuple[Condition, ...]
    power: ClassVar[int] = OR

    def spelled(self) -> str:
        return " or ".join(inside(condition, AND) for condition in self.conditions)

    def mask(self, columns: Columns) -> Mask:
        first, *others = self.conditions
        mask = first.mask(columns)
        for condition in others:
            mask |= condition.mask(columns)
        return mask


Condition = Comparison | OneOf | InRange | IsMissing | Not | Every | Some
