"""Nodes of an expression that ask of one value whether it is in a list, within a range, or there at all."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from bots_app.expressions.values import COMPARE, Columns, Literal, Number, Varying, inside
from bots_app.table.values import Floats, Mask, bits_in, bits_of

#: Lists of more items are searched by halves; shorter ones are quicker compared one after the other (measured).
MOST_COMPARED = 96


@dataclass(frozen=True)
class OneOf:
    """`in (5, 8)` and `not in (5, 8)`; the items are sorted and different."""

    value: Varying
    items: tuple[Literal, ...]
    is_negated: bool
    power: ClassVar[int] = COMPARE

    def spelled(self) -> str:
        items = ", ".join(item.spelled() for item in self.items)
        return f"{inside(self.value, COMPARE + 1)} {_in(self.is_negated)} ({items})"

    def mask(self, columns: Columns) -> Mask:
        values = self.value.of(columns)
        mask = np.zeros(len(values), dtype=np.bool_)
        if len(self._numbers):
            mask |= _is_one_of(values, self._numbers)
        if len(self._codes):
            mask |= _is_one_of(bits_in(values), self._codes)
        return _opposite(mask, self.value.missing(values)) if self.is_negated else mask

    @cached_property
    def _numbers(self) -> Floats:
        return np.array([item.value for item in self.items if isinstance(item, Number)], dtype=np.float64)

    @cached_property
    def _codes(self) -> npt.NDArray[np.uint64]:
        """Bits of the texts and booleans among the items."""
        codes = [bits_of(item.value) for item in self.items if not isinstance(item, Number)]
        return np.array(sorted(codes), dtype=np.uint64)


def _is_one_of(values: npt.NDArray[Any], wanted: npt.NDArray[Any]) -> Mask:
    """Tell of each value whether it is among the wanted ones, which are sorted."""
    if len(wanted) > MOST_COMPARED:
        found: Mask = wanted.take(np.searchsorted(wanted, values), mode="clip") == values
        return found
    mask: Mask = values == wanted[0]
    for one in wanted[1:]:
        mask |= values == one
    return mask


@dataclass(frozen=True, slots=True)
class InRange:
    """`in 5..20` and `not in 5..20`, both ends included."""

    value: Varying
    low: Number
    high: Number
    is_negated: bool
    power: ClassVar[int] = COMPARE

    def spelled(self) -> str:
        range_ = f"{self.low.spelled()}..{self.high.spelled()}"
        return f"{inside(self.value, COMPARE + 1)} {_in(self.is_negated)} {range_}"

    def mask(self, columns: Columns) -> Mask:
        values = self.value.of(columns)
        mask = values >= self.low.value
        mask &= values <= self.high.value
        return _opposite(mask, self.value.missing(values)) if self.is_negated else mask


@dataclass(frozen=True, slots=True)
class IsMissing:
    """`is missing` and `is not missing`."""

    value: Varying
    is_negated: bool
    power: ClassVar[int] = COMPARE

    def spelled(self) -> str:
        return f"{inside(self.value, COMPARE + 1)} {'is not missing' if self.is_negated else 'is missing'}"

    def mask(self, columns: Columns) -> Mask:
        mask = self.value.missing(self.value.of(columns))
        return np.logical_not(mask, out=mask) if self.is_negated else mask


def _in(is_negated: bool) -> str:
    return "not in" if is_negated else "in"


def _opposite(mask: Mask, missing: Mask) -> Mask:
    """Return the opposite of the mask, in place, but false where there is no value: a comparison with none is false."""
    np.logical_not(mask, out=mask)
    mask &= ~missing
    return mask
