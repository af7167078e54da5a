"""Nodes of an expression that are a value: fields, numbers, texts, booleans, and what is computed from them.

How tightly a node holds together is its `power`; where one stands within another of more power, it takes brackets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from bots_app.expressions.tokens import quoted_name, quoted_text
from bots_app.table.values import Floats, Mask, is_missing

#: Precedence as in Python.
OR, AND, NOT, COMPARE, SUM, PRODUCT, SIGN, ATOM = range(1, 9)

#: The rows that are evaluated at a time, by field.
Columns = Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class Field:
    """A column."""

    name: str
    power: ClassVar[int] = ATOM

    def spelled(self) -> str:
        """Return the node in its one normal spelling, as every node does."""
        return quoted_name(self.name)

    def of(self, columns: Columns) -> Floats:
        """Return the value in every row; the array is the caller's and not to be written to."""
        return columns[self.name]

    def missing(self, values: Floats) -> Mask:
        """Tell which of the node's values there are none of."""
        return is_missing(values)


@dataclass(frozen=True, slots=True)
class Number:
    """A finite number."""

    value: float
    power: ClassVar[int] = ATOM

    def spelled(self) -> str:
        return repr(self.value + 0.0).removesuffix(".0")

    def of(self, columns: Columns) -> float:
        return self.value


@dataclass(frozen=True, slots=True)
class Text:
    """A text in quotes."""

    value: str
    power: ClassVar[int] = ATOM

    def spelled(self) -> str:
        return quoted_text(self.value)


@dataclass(frozen=True, slots=True)
class Boolean:
    """true or false."""

    value: bool
    power: ClassVar[int] = ATOM

    def spelled(self) -> str:
        return "true" if self.value else "false"


@dataclass(frozen=True, slots=True)
class Negative:
    """A value with its sign turned."""

    operand: Varying
    power: ClassVar[int] = SIGN

    def spelled(self) -> str:
        return f"-{inside(self.operand, SIGN)}"

    def of(self, columns: Columns) -> Floats:
        return np.negative(self.operand.of(columns))

    def missing(self, values: Floats) -> Mask:
        return np.isnan(values)


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """A sum or a product: a first operand, then operators with theirs, from left to right."""

    power: int
    first: Computable
    rest: tuple[tuple[str, Computable], ...]

    def spelled(self) -> str:
        rest = (f" {operator} {inside(operand, self.power + 1)}" for operator, operand in self.rest)
        return inside(self.first, self.power + 1) + "".join(rest)

    def of(self, columns: Columns) -> Floats:
        result: Any = self.first.of(columns)
        for operator, operand in self.rest:
            result = _without_infinite(_OPERATIONS[operator](result, operand.of(columns)))
        values: Floats = result  # never a number: what is computed from numbers alone is a Number since it was read
        return values

    def missing(self, values: Floats) -> Mask:
        """Tell where there is none; what was computed from a text keeps its code in the NaN, and is none too."""
        return np.isnan(values)


#: What may differ from row to row.
Varying = Field | Negative | Arithmetic
#: What can be computed with.
Computable = Varying | Number
Literal = Number | Text | Boolean
Value = Varying | Literal

_OPERATIONS: dict[str, Callable[..., Floats]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
}


def _without_infinite(result: Floats) -> Floats:
    """Return the result of an operation, in place, with NaN where it is infinite.

    A division by zero and an overflow have no value that could be ranked or compared. Looked for first: it is seldom.
    """
    if np.isinf(result).any():
        result -= result * 0.0
    return result


def computed(operator: str, left: float, right: float) -> float:
    """Return what two numbers give, NaN or infinite where that is nothing."""
    with np.errstate(all="ignore"):
        return float(_OPERATIONS[operator](np.float64(left), np.float64(right)))


class Node(Protocol):
    """What every node has, a value or a condition."""

    @property
    def power(self) -> int: ...

    def spelled(self) -> str: ...


def inside(node: Node, power: int) -> str:
    """Return the spelling of a node inside one of this power, in brackets where it needs them."""
    return node.spelled() if node.power >= power else f"({node.spelled()})"
