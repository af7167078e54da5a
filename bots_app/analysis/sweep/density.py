"""Where the runs lie in two columns at once: counts in a grid of bins."""

from __future__ import annotations

import msgspec
import numpy as np

from bots_app.analysis.sweep.bins import Bins, equal_width
from bots_app.analysis.sweep.columns import Floats, check_lengths

#: Bins in each direction: 22,500 counts of up to nine digits stay below 256 KiB.
MOST_BINS, USUAL_BINS = 150, 60
#: The least and the greatest value to show; None for those found.
Limits = tuple[float | None, float | None]


class Density(msgspec.Struct, frozen=True, rename="camel"):
    """Hold `counts[j][i]`: runs in x bin i and y bin j; bins as in a histogram.

    `runs` = sum of counts + `outside` (finite in both, beyond the limits) + `missing` (missing or infinite in either).
    """

    x_edges: list[float]
    y_edges: list[float]
    counts: list[list[int]]
    outside: int
    missing: int
    runs: int


def density(
    x: Floats,
    y: Floats,
    *,
    x_bins: int = USUAL_BINS,
    y_bins: int = USUAL_BINS,
    x_limits: Limits = (None, None),
    y_limits: Limits = (None, None),
) -> Density:
    """Count runs, already filtered, in at most 150 x 150 bins of one size: at most 240 KiB of JSON. O(n).

    Raises ValueError for columns of different lengths, bins out of 1..150, or limits the wrong way round.
    """
    runs = check_lengths(x, y)
    if not (1 <= x_bins <= MOST_BINS and 1 <= y_bins <= MOST_BINS):
        raise ValueError(f"The number of bins must be from 1 to {MOST_BINS}.")
    is_known = np.isfinite(x) & np.isfinite(y)
    if not is_known.all():
        x, y = x[is_known], y[is_known]
    missing = runs - len(x)
    if not len(x):
        return Density([], [], [], 0, missing, runs)
    across = equal_width(x, x_bins, low=x_limits[0], high=x_limits[1])
    up = equal_width(y, y_bins, low=y_limits[0], high=y_limits[1])
    counts = count_pairs(across, up, x, y)
    outside = len(x) - int(counts.sum())
    return Density(across.edges.tolist(), up.edges.tolist(), counts.tolist(), outside, missing, runs)


def count_pairs(across: Bins, up: Bins, x: Floats, y: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Count pairs of finite values in each pair of bins, shape (bins of y, bins of x)."""
    i, j = across.places(x), up.places(y)
    cell = j * len(across) + i
    cell[(i < 0) | (j < 0)] = len(across) * len(up)
    counted = np.bincount(cell, minlength=len(across) * len(up) + 1)
    return counted[:-1].reshape(len(up), len(across)).astype(np.int64)
