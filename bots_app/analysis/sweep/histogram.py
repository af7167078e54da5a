"""How the values of a column are spread: counts in bins."""

from __future__ import annotations

import msgspec
import numpy as np

from bots_app.analysis.sweep.bins import equal_width
from bots_app.analysis.sweep.columns import Floats, finite_only

#: Bins that a caller may ask for.
MOST_ASKED = 500


class Histogram(msgspec.Struct, frozen=True, rename="camel"):
    """Hold `counts` of runs with a value in [edges[i], edges[i + 1]), the last closed.

    `runs` = sum of counts + `below` + `above` + `missing` + `infinite`: no run is left out in silence. `whole_numbers`:
    the values are whole numbers and the edges lie half-way between two. `edges` is empty without a finite value.
    """

    edges: list[float]
    counts: list[int]
    below: int
    above: int
    missing: int
    infinite: int
    runs: int
    whole_numbers: bool


def histogram(
    values: Floats, bins: int | None = None, *, low: float | None = None, high: float | None = None
) -> Histogram:
    """Count values, already filtered, in bins of one width; `low` and `high` are rounded outwards for whole numbers.

    A column of one value has one bin. At most 500 bins, hence at most 20 KiB of JSON. O(n).
    Raises ValueError for a number of bins out of 1..500, or `low` above `high`.
    """
    if bins is not None and not 1 <= bins <= MOST_ASKED:
        raise ValueError(f"The number of bins must be from 1 to {MOST_ASKED}.")
    known, missing, infinite = finite_only(values)
    if not len(known):
        return Histogram([], [], 0, 0, missing, infinite, len(values), False)
    made = equal_width(known, bins, low=low, high=high)
    counts = np.bincount(made.places(known) + 1, minlength=len(made) + 1)[1:]
    below, above = int((known < made.edges[0]).sum()), int((known > made.edges[-1]).sum())
    edges = made.edges.tolist()
    return Histogram(edges, counts.tolist(), below, above, missing, infinite, len(values), made.are_whole)
