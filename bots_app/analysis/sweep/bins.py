"""Bins of one width, and to which of them a value belongs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bots_app.analysis.sweep.columns import Codes, Floats
from bots_app.analysis.sweep.places import bounds_passed

FEWEST_BINS, MOST_BINS = 10, 200
#: Whole numbers beyond it have no float half-way to the next.
LARGEST_WHOLE = 2.0**51


@dataclass(frozen=True, eq=False)
class Bins:
    """Hold k bins [edges[i], edges[i + 1]), the last closed. `edges` rises strictly, shape (k + 1,)."""

    edges: Floats
    are_whole: bool = False

    def __len__(self) -> int:
        return len(self.edges) - 1

    def places(self, values: Floats) -> Codes:
        """Return the bin of every value, -1 for one outside (or NaN); exact by the edges as stated."""
        is_inside = (values >= self.edges[0]) & (values <= self.edges[-1])
        return np.where(is_inside, bounds_passed(self.edges[1:-1], values), np.int32(-1))


def equal_width(known: Floats, bins: int | None = None, *, low: float | None = None, high: float | None = None) -> Bins:
    """Make bins from `low` to `high` (the least and greatest value by default) over finite values, at least one.

    Their number, when not given, is Freedman and Diaconis's (1981) over the values in range, held to 10..200. Bins of
    whole numbers are a whole number wide and begin half-way between two, so that none mixes more numbers than another;
    there may be fewer than asked for, and the last may reach past `high`. Raises ValueError when `low` > `high`, or
    either is not finite.
    """
    given = low is not None or high is not None
    bottom = low if low is not None else min(float(known.min()), math.inf if high is None else high)
    top = high if high is not None else max(float(known.max()), bottom)
    if not (math.isfinite(bottom) and math.isfinite(top) and bottom <= top):
        raise ValueError(f"No bins from {bottom} to {top}.")
    inside = known[(known >= bottom) & (known <= top)] if given else known
    wanted = freedman_diaconis(inside, bottom, top) if bins is None else bins
    if len(inside) and max(abs(bottom), abs(top)) <= LARGEST_WHOLE and (inside == np.rint(inside)).all():
        first, last = math.ceil(bottom), math.floor(top)
        width = -(-(last - first + 1) // wanted)
        count = -(-(last - first + 1) // width)
        return Bins(first - 0.5 + width * np.arange(count + 1, dtype=np.float64), are_whole=True)
    return Bins(_edges(bottom, top, wanted))


def freedman_diaconis(values: Floats, low: float, high: float) -> int:
    """Return a number of bins from 10 to 200; Sturges' rule where half of the values are the same."""
    n = len(values)
    if n == 0 or not high > low:
        return FEWEST_BINS
    lower, upper = n // 4, (3 * n) // 4
    parted = np.partition(values, (lower, upper))
    spread = float(parted[upper]) - float(parted[lower])
    wanted = (high - low) / (2.0 * spread) * n ** (1 / 3) if spread > 0 else math.log2(n) + 1
    return math.ceil(min(max(wanted, FEWEST_BINS), MOST_BINS)) if math.isfinite(wanted) else MOST_BINS


def _edges(low: float, high: float, bins: int) -> Floats:
    if low == high:
        half = abs(low) / 2 or 0.5
        largest = float(np.finfo(np.float64).max)
        return np.array([max(low - half, -largest), min(high + half, largest)])
    part = np.arange(bins + 1) / bins
    edges = low + (high - low) * part if math.isfinite(high - low) else low * (1 - part) + high * part
    edges[0], edges[-1] = low, high
    return np.unique(edges)
