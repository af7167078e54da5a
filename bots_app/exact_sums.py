"""Sums of profits and of their squares without any rounding, as the scripts keep them (includes/sums.lua). No Redis."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction

import numpy as np

#: Profits beyond this are in no kept sum: their squares would overflow.
WIDE = 1e150
#: Profits gathered before they are summed.
GATHERED = 4_096
#: Bits of a double's mantissa, and of the half of it that sums of many stay within 64 bits of.
_MANTISSA, _HALF = 53, 26


class ExactSum:
    """A sum of doubles: whole numbers of each power of two, which Python holds of any size."""

    def __init__(self) -> None:
        self._by_exponent: defaultdict[int, int] = defaultdict(int)

    def add(self, values: np.ndarray) -> None:
        """Add finite doubles, any number of them below 2**36."""
        mantissas, exponents = np.frexp(values)
        whole = np.ldexp(mantissas, _MANTISSA).astype(np.int64)
        high, low = whole >> _HALF, whole & ((1 << _HALF) - 1)
        for exponent in np.unique(exponents):
            at = exponents == exponent
            self._by_exponent[int(exponent)] += (int(high[at].sum()) << _HALF) + int(low[at].sum())

    def merge(self, other: ExactSum) -> None:
        """Add another sum."""
        for exponent, whole in other._by_exponent.items():
            self._by_exponent[exponent] += whole

    def total(self) -> Fraction:
        """Return the sum."""
        found = {exponent: whole for exponent, whole in self._by_exponent.items() if whole}
        if not found:
            return Fraction(0)
        least = min(found)
        whole = sum(count << (exponent - least) for exponent, count in found.items())
        shift = least - _MANTISSA
        return Fraction(whole << shift) if shift >= 0 else Fraction(whole, 1 << -shift)


class Figures:
    """What is kept of the runs of one status: their number, sums over their profits, how many are too wide."""

    def __init__(self) -> None:
        self.count = self.ranked = self.wide = 0
        self._sum, self._squares = ExactSum(), ExactSum()
        self._gathered: list[float] = []

    def add(self, profit: float | None) -> None:
        """Count a run in."""
        self.count += 1
        if profit is not None:
            self.ranked += 1
            self._gathered.append(profit)
            if len(self._gathered) >= GATHERED:
                self._settle()

    def merge(self, other: Figures) -> None:
        """Count in the runs of another one."""
        other._settle()
        self.count += other.count
        self.ranked += other.ranked
        self.wide += other.wide
        self._sum.merge(other._sum)
        self._squares.merge(other._squares)

    def _settle(self) -> None:
        values = np.array(self._gathered, dtype=np.float64)
        self._gathered = []
        summed = values[np.abs(values) <= WIDE]
        self.wide += len(values) - len(summed)
        product, rest = squares(summed)
        self._sum.add(summed)
        self._squares.add(product)
        self._squares.add(rest)

    def totals(self) -> tuple[Fraction, Fraction]:
        """Return the sum of the profits and that of their squares."""
        self._settle()
        return self._sum.total(), self._squares.total()

    def fields(self) -> tuple[int, str, str, int]:
        """Return n, sum, sq and wide as the scripts keep them."""
        total, square = self.totals()
        return self.count, parts_text(total), parts_text(square), self.wide


def squares(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each square as a double and what it lacks: exact unless that is below the smallest double (Dekker 1971).

    As `square_of` of the scripts does it, so that taking a run out leaves what was there without it.
    """
    product, split = values * values, 134217729.0 * values
    high = split - (split - values)
    low = values - high
    return product, ((high * high - product) + 2 * high * low) + low * low


def parts_text(total: Fraction) -> str:
    """Return a sum as doubles that do not overlap, smallest first. It must be a sum of doubles."""
    parts: list[float] = []
    while total:
        part = float(total)
        parts.append(part)
        total -= Fraction(part)
    return " ".join(map(repr, reversed(parts)))


def parts_total(text: str) -> Fraction:
    """Return a kept sum, which is stored as doubles that do not overlap."""
    return sum((Fraction(float(part)) for part in text.split()), Fraction(0))
