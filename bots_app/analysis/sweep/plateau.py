"""Plateau or spike: the median of a metric over the runs one step away from each run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bots_app.analysis.sweep.columns import Floats, Ints, Parameter, check_lengths, midpoint
from bots_app.analysis.sweep.grid import Grid, grid_of

#: Configurations looked at together; searching is quickest while their keys fit the processor's cache.
SLICE = 16_384
#: Metrics brought together at a time, unless the neighbours of a single configuration are more.
MOST_TOGETHER = 4_000_000


@dataclass(frozen=True, eq=False)
class Plateau:
    """Hold the score of every run, NaN without one, and over how many neighbours it was taken, shape (n,)."""

    scores: Floats
    counts: Ints


def plateau_scores(parameters: Sequence[Parameter], metric: Floats) -> Plateau:
    """Return the scores of one metric, see `plateaus`."""
    return plateaus(parameters, [metric])[0]


def plateaus(parameters: Sequence[Parameter], metrics: Sequence[Floats]) -> list[Plateau]:
    """Return for every run the median of each metric over the runs one step away in exactly one parameter, all others
    equal.

    The columns are of all runs of the session: a filter would take steps away. Runs of the same configuration are all
    neighbours, and none of each other; neighbours without a finite metric do not count. Exact, O(n log n); at a million
    runs of 15 parameters 1 to 2 seconds and up to 200 MiB, and less for each further metric. Raises ValueError for
    columns of different lengths.
    """
    runs = check_lengths(*metrics, *(parameter.values for parameter in parameters))
    if not runs or not parameters:
        return [Plateau(np.full(runs, np.nan), np.zeros(runs, dtype=np.int64)) for _ in metrics]
    grid = grid_of(parameters)
    stored = [_Metrics.of(grid, metric) for metric in metrics]
    found = [Plateau(np.full(len(grid.keys), np.nan), np.zeros(len(grid.keys), dtype=np.int64)) for _ in metrics]
    for start in range(0, len(grid.keys), SLICE):
        end = min(start + SLICE, len(grid.keys))
        pairs = [grid.find(start, end, move) for move in grid.moves]
        if not pairs:
            break
        here, there = (np.concatenate(part) for part in zip(*pairs, strict=True))
        for one, into in zip(stored, found, strict=True):
            for first, last, selected in _portions(here, one.counts[there], end - start):
                part = slice(start + first, start + last)
                medians = _medians(one, here[selected] - first, there[selected], last - first)
                into.scores[part], into.counts[part] = medians
    return [Plateau(one.scores[grid.of_run], one.counts[grid.of_run]) for one in found]


@dataclass(frozen=True, eq=False)
class _Metrics:
    """Hold the known metrics in order of size, and by configuration the places of its runs' metrics in that order."""

    in_order: Floats
    places: Ints
    starts: Ints
    counts: Ints

    @classmethod
    def of(cls, grid: Grid, metric: Floats) -> _Metrics:
        """Put the known ones of a metric in order."""
        known = grid.by_configuration[np.isfinite(metric)[grid.by_configuration]]
        values = metric[known]
        order = np.argsort(values)
        places = np.empty(len(values), dtype=np.int64)
        places[order] = np.arange(len(values))
        counts = np.bincount(grid.of_run[known], minlength=len(grid.keys))
        return cls(values[order], places, np.cumsum(counts) - counts, counts)


def _portions(here: Ints, weights: Ints, size: int) -> Iterator[tuple[int, int, NDArray[np.intp] | slice]]:
    """Cut configurations 0..size so that few metrics come together at a time; yield first, last, which pairs."""
    if int(weights.sum()) <= MOST_TOGETHER:
        yield 0, size, slice(None)
        return
    together = np.cumsum(np.bincount(here, weights=weights, minlength=size))
    first = 0
    while first < size:
        before = together[first - 1] if first else 0.0
        last = max(first + 1, int(np.searchsorted(together, before + MOST_TOGETHER, side="right")))
        yield first, last, np.flatnonzero((here >= first) & (here < last))
        first = last


def _medians(stored: _Metrics, here: Ints, there: Ints, size: int) -> tuple[Floats, Ints]:
    """Return the median, and the number, of the metrics of `there`'s runs for each of `size` configurations.

    Configuration and place in order of size go into one whole number, so that one sort does for all.
    """
    found = stored.counts[there]
    starts = stored.starts[there]
    if found.max(initial=1) > 1 or found.min(initial=1) < 1:
        here = np.repeat(here, found)
        within = np.arange(len(here)) - np.repeat(np.cumsum(found) - found, found)
        starts = np.repeat(starts, found) + within
    total = len(stored.in_order)
    together = here * total + stored.places[starts]
    together.sort()
    counts = np.bincount(here, minlength=size)
    ends = np.cumsum(counts)
    filled = np.flatnonzero(counts)
    middle = (ends - counts)[filled], counts[filled]
    lower = together[middle[0] + (middle[1] - 1) // 2] - filled * total
    upper = together[middle[0] + middle[1] // 2] - filled * total
    scores = np.full(size, np.nan)
    scores[filled] = midpoint(stored.in_order[lower], stored.in_order[upper])
    return scores, counts
