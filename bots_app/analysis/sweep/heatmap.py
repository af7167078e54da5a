"""A metric over two parameters: one figure a cell, with the number of runs behind it."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec
import numpy as np

from bots_app.analysis.sweep.columns import Codes, Floats, Ints, Parameter, check_lengths, midpoint, numbers
from bots_app.analysis.sweep.groups import Axis, Binning, groups_of

Statistic = Literal["median", "max", "mean", "min", "count"]


class Heatmap(msgspec.Struct, frozen=True, rename="camel"):
    """Hold a figure for each cell, rows by y: `values[j][i]` over the runs with x in group i and y in group j.

    `counts` are the runs in a cell; `known` those of them with a finite metric, over which `values` are taken, or None
    when that is all of them. A value is None where no run has the metric: with a count of 0 the cell was never tried.
    `runs` = sum of counts + `outside` (runs that lack either parameter). `unknown` runs in the cells lack the metric.
    """

    x: Axis
    y: Axis
    statistic: Statistic
    values: list[list[float | None]]
    counts: list[list[int]]
    known: list[list[int]] | None
    outside: int
    unknown: int
    runs: int


def heatmap(
    x: Parameter,
    y: Parameter,
    metric: Floats | None,
    *,
    statistic: Statistic = "median",
    binning: Binning = "quantile",
) -> Heatmap:
    """Compute a metric over runs, already filtered, by two parameters of at most 60 values each, or 30 bins.

    Infinite metrics count as unknown. Only `count` can do without a metric. At most 60 x 60 cells, hence at most
    200 KiB of JSON. O(n log n).
    Raises ValueError for an unknown statistic or columns of different lengths.
    """
    if statistic not in get_args(Statistic):
        raise ValueError(f"No statistic {statistic!r}; there are {', '.join(get_args(Statistic))}.")
    if metric is None and statistic != "count":
        raise ValueError(f"The {statistic} is that of a metric, and none is given.")
    if metric is None:
        metric = np.zeros(len(x.values))
    runs = check_lengths(x.values, y.values, metric)
    across, up = groups_of(x, binning=binning), groups_of(y, binning=binning)
    size = across.size * up.size
    cell = up.codes * across.size + across.codes
    cell[(across.codes < 0) | (up.codes < 0)] = size
    counts = np.bincount(cell, minlength=size + 1)[:size]
    is_known = np.isfinite(metric) & (cell < size)
    if not is_known.all():
        cell, metric = cell[is_known], metric[is_known]
    known = np.bincount(cell, minlength=size)
    values = counts.astype(np.float64) if statistic == "count" else cell_figures(cell, metric, known, statistic)
    shape = (up.size, across.size)
    placed = int(counts.sum())
    return Heatmap(
        x=across.axis,
        y=up.axis,
        statistic=statistic,
        values=[numbers(row) for row in values.reshape(shape)],
        counts=counts.reshape(shape).tolist(),
        known=None if len(metric) == placed else known.reshape(shape).tolist(),
        outside=runs - placed,
        unknown=placed - len(metric),
        runs=runs,
    )


def cell_figures(cell: Codes, metric: Floats, known: Ints, statistic: Statistic) -> Floats:
    """Return a figure for each cell, NaN where `known`, the number of metrics in it, is 0. `metric` is finite."""
    if statistic == "median":
        return _medians(cell, metric, known)
    if statistic == "mean":
        return _means(cell, metric, known)
    found = np.full(len(known), np.inf if statistic == "min" else -np.inf)
    (np.minimum if statistic == "min" else np.maximum).at(found, cell, metric)
    return np.where(known > 0, found, np.nan)


def _means(cell: Codes, metric: Floats, known: Ints) -> Floats:
    with np.errstate(invalid="ignore"):
        means = np.bincount(cell, weights=metric, minlength=len(known)) / known
    if np.isinf(means).any():
        # The metrics of some cell sum up to more than a float holds: add their parts of the mean.
        parts = metric / known[cell]
        means = np.where(known > 0, np.bincount(cell, weights=parts, minlength=len(known)), np.nan)
    return means


def _medians(cell: Codes, metric: Floats, known: Ints) -> Floats:
    """Bring the metrics of a cell together (a radix sort: cells are few), then sort each cell's own."""
    by_cell = np.argsort(cell.astype(np.uint16), kind="stable")
    together = metric[by_cell]
    ends = np.cumsum(known)
    starts = ends - known
    filled = np.flatnonzero(known)
    for start, end in zip(starts[filled].tolist(), ends[filled].tolist(), strict=True):
        together[start:end].sort()
    medians = np.full(len(known), np.nan)
    lower = together[(starts + (known - 1) // 2)[filled]]
    upper = together[(starts + known // 2)[filled]]
    medians[filled] = midpoint(lower, upper)
    return medians
