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
#: The part of all moves that has to lead somewhere for it to be quicker to look at them all.
LEAST_FILLED = 0.2
#: Behind the place of every metric.
ABSENT = np.iinfo(np.uint32).max


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
    runs of 15 parameters 0.7 s where they fill their grid, else up to 2 s, and 0.3 s for each further metric; up to
    250 MiB. Raises ValueError for columns of different lengths.
    """
    runs = check_lengths(*metrics, *(parameter.values for parameter in parameters))
    if not runs or not parameters:
        return [Plateau(np.full(runs, np.nan), np.zeros(runs, dtype=np.int64)) for _ in metrics]
    grid = grid_of(parameters)
    stored = [_Metrics.of(grid, metric) for metric in metrics]
    found = [Plateau(np.full(len(grid.keys), np.nan), np.zeros(len(grid.keys), dtype=np.int64)) for _ in metrics]
    step = max(1, min(SLICE, MOST_TOGETHER // max(1, len(grid.moves))))
    for start in range(0, len(grid.keys) if grid.moves else 0, step):
        end = min(start + step, len(grid.keys))
        there = grid.there(start, end)
        for one, into in zip(stored, found, strict=True):
            into.scores[start:end], into.counts[start:end] = one.medians(there)
    return [Plateau(one.scores[grid.of_run], one.counts[grid.of_run]) for one in found]


@dataclass(frozen=True, eq=False)
class _Metrics:
    """Hold the known metrics in order of size, and by configuration the places of its runs' metrics in that order.

    `places` are ordered by configuration, those of one from `starts` on; `lone` is the place of the only metric of a
    configuration, ABSENT without one, as is the last one, which no configuration has; `is_lone` tells whether no
    configuration has more.
    """

    in_order: Floats
    places: Ints
    starts: Ints
    counts: Ints
    lone: NDArray[np.uint32]
    is_lone: bool

    @classmethod
    def of(cls, grid: Grid, metric: Floats) -> _Metrics:
        """Put the known ones of a metric in order."""
        known = grid.by_configuration[np.isfinite(metric)[grid.by_configuration]]
        values = metric[known]
        order = np.argsort(values)
        places = np.empty(len(values), dtype=np.int64)
        places[order] = np.arange(len(values))
        counts = np.bincount(grid.of_run[known], minlength=len(grid.keys))
        starts = np.cumsum(counts) - counts
        lone = np.full(len(counts) + 1, ABSENT, dtype=np.uint32)
        is_lone = np.flatnonzero(counts == 1)
        lone[is_lone] = places[starts[is_lone]]
        return cls(values[order], places, starts, counts, lone, bool(counts.max(initial=0) <= 1))

    def medians(self, there: NDArray[np.int32]) -> tuple[Floats, Ints]:
        """Return the median, and the number, of the metrics of each column's configurations, of which -1 is none."""
        is_there = there >= 0
        if not self.is_lone or np.count_nonzero(is_there) < LEAST_FILLED * there.size:
            here, move = np.nonzero(is_there.T)
            return self._medians_of_many(here, there[move, here], there.shape[1])
        ranks = self.lone[there]
        counts = np.count_nonzero(ranks != ABSENT, axis=0)
        ranks = np.ascontiguousarray(ranks.T)
        ranks.sort(axis=1)
        filled = np.flatnonzero(counts)
        known = counts[filled]
        lower, upper = ranks[filled, (known - 1) // 2], ranks[filled, known // 2]
        scores = np.full(len(counts), np.nan)
        scores[filled] = midpoint(self.in_order[lower], self.in_order[upper])
        return scores, counts

    def _medians_of_many(self, here: Ints, there: NDArray[np.int32], size: int) -> tuple[Floats, Ints]:
        """Return the same where configurations have several runs; few metrics are brought together at a time."""
        scores, counts = np.full(size, np.nan), np.zeros(size, dtype=np.int64)
        for first, last in _portions(here, self.counts[there], size):
            part = slice(*np.searchsorted(here, [first, last]).tolist())
            scores[first:last], counts[first:last] = _medians(self, here[part] - first, there[part], last - first)
        return scores, counts


def _portions(here: Ints, weights: Ints, size: int) -> Iterator[tuple[int, int]]:
    """Cut rows 0..size so that few metrics come together at a time; yield first, last."""
    together = np.cumsum(np.bincount(here, weights=weights, minlength=size))
    first = 0
    while first < size:
        before = together[first - 1] if first else 0.0
        last = max(first + 1, int(np.searchsorted(together, before + MOST_TOGETHER, side="right")))
        yield first, last
        first = last


def _medians(stored: _Metrics, here: Ints, there: NDArray[np.int32], size: int) -> tuple[Floats, Ints]:
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
