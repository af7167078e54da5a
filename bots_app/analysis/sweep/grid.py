"""The grid that a sweep's configurations lie on, and which configurations are one step from another.

A step goes to the next distinct value up or down among all runs. Texts have no order: from one to any other is a step,
when there are at most 20; with more they are names rather than settings, and are held. A missing value is one of its
own, without steps.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bots_app.analysis.sweep.columns import Codes, Parameter, check_lengths
from bots_app.analysis.sweep.groups import codes_of, distinct

#: Distinct texts of a parameter beyond which it has no steps.
MOST_UNORDERED = 20
#: Distinct values from which sorting a column with its places is quicker than looking each value up.
MANY_LEVELS = 1_000
#: Keys of configurations are whole numbers below it.
KEYS = 2**63

Keys = NDArray[np.uint64]
Places = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Ladder:
    """Hold the level 0..size-1 of every run in one parameter, -1 missing, and how many levels a step may cross."""

    codes: Codes
    size: int
    reach: int

    @property
    def is_constant(self) -> bool:
        """Tell whether all runs are the same in it: then no two differ in it."""
        return self.size == 0 or (self.size == 1 and bool((self.codes == 0).all()))


def reach_of(parameter: Parameter, levels: int) -> int:
    """Return how many levels a step may cross: 0 for texts that are names."""
    if parameter.labels is None:
        return 1
    return levels - 1 if levels <= MOST_UNORDERED else 0


def ladder_of(parameter: Parameter) -> Ladder:
    """Find the distinct values of a parameter among the runs, and the place of each run among them."""
    values = parameter.values
    in_order = np.sort(values)
    levels = distinct(in_order[: len(values) - int(np.isnan(values).sum())])
    if len(levels) <= MANY_LEVELS and np.isfinite(levels).all():
        codes = codes_of(values, levels)
    else:
        order = np.argsort(values)
        ordered = values[order]
        codes = np.empty(len(values), dtype=np.int32)
        codes[order] = np.concatenate(([0], np.cumsum(ordered[1:] != ordered[:-1])))
        codes[np.isnan(values)] = -1
    return Ladder(codes, len(levels), reach_of(parameter, len(levels)))


@dataclass(frozen=True, eq=False)
class Grid:
    """Hold the different configurations of n runs, ordered by key.

    `keys` rises strictly. `by_configuration` are the runs ordered by configuration, `of_run` the configuration of each
    run. A move adds to a key: (number of the ladder, levels up, what to add). `ladders` is None when keys are exact by
    themselves, else each ladder's codes by configuration, to check what a key only suggests.
    """

    keys: Keys
    by_configuration: NDArray[np.intp]
    of_run: Places
    moves: list[tuple[int, int, int]]
    ladders: list[Codes] | None

    def find(self, start: int, end: int, move: tuple[int, int, int]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return which of the configurations start..end have another one move away, and the places of these.

        The first are counted from `start`. Costs a search in a window as short as the slice, where keys keep order.
        """
        ladder, levels, added = move
        wanted = self.keys[start:end] + np.uint64(added % 2**64)
        low, high = np.searchsorted(self.keys, [wanted.min(), wanted.max()]).tolist()
        window = self.keys[low : high + 1]
        at = np.searchsorted(window, wanted)
        np.minimum(at, len(window) - 1, out=at)
        here = np.flatnonzero(window[at] == wanted) if len(window) else np.empty(0, dtype=np.intp)
        there = at[here] + low
        if self.ladders is not None and len(here):
            is_step = np.ones(len(here), dtype=np.bool_)
            for other, codes in enumerate(self.ladders):
                is_step &= codes[there] == codes[here + start] + (levels if other == ladder else 0)
            here, there = here[is_step], there[is_step]
        return here, there


def grid_of(parameters: Sequence[Parameter]) -> Grid:
    """Encode the configurations of all runs: O(n log n); 4 bytes a run and parameter, 12 where keys are not exact."""
    runs = check_lengths(*(parameter.values for parameter in parameters))
    ladders = [ladder for ladder in map(ladder_of, parameters) if not ladder.is_constant]
    # Above the levels lie as many empty places as a step may cross, then the missing value, then empty places again:
    # adding a step to the key of any run never leads into another parameter's digits.
    radixes = [ladder.size + 2 * ladder.reach + 1 for ladder in ladders]
    if math.prod(radixes) < KEYS:
        weights = [math.prod(radixes[:i]) for i in range(len(radixes))]
        absent = [ladder.size + ladder.reach for ladder in ladders]
        return _grid(runs, ladders, weights, absent)[0]
    return _hashed(runs, ladders)


def _hashed(runs: int, ladders: list[Ladder]) -> Grid:
    """Give the levels random weights, others if two configurations come to the same key; every find is checked."""
    # So far below the levels that no step leads from or to a missing value.
    absent = [-1 - ladder.reach for ladder in ladders]
    codes = [
        np.where(ladder.codes < 0, np.int32(missing), ladder.codes)
        for ladder, missing in zip(ladders, absent, strict=True)
    ]
    for attempt in range(100):
        source = random.Random(attempt)
        grid, is_same = _grid(runs, ladders, [source.getrandbits(64) | 1 for _ in ladders], absent)
        former, latter = grid.by_configuration[:-1][is_same], grid.by_configuration[1:][is_same]
        if all((code[former] == code[latter]).all() for code in codes):
            is_first = np.concatenate(([True], ~is_same))
            first = grid.by_configuration[is_first]
            return Grid(grid.keys, grid.by_configuration, grid.of_run, grid.moves, [code[first] for code in codes])
    raise ArithmeticError("No weights tell these configurations apart.")


def _grid(runs: int, ladders: list[Ladder], weights: list[int], absent: list[int]) -> tuple[Grid, NDArray[np.bool_]]:
    """Return the grid by these weights, and where, by key, a run has the key of the one before."""
    keys = np.zeros(runs, dtype=np.uint64)
    moves = []
    for i, (ladder, weight, missing) in enumerate(zip(ladders, weights, absent, strict=True)):
        codes = np.where(ladder.codes < 0, np.int64(missing), ladder.codes).astype(np.uint64)
        codes *= np.uint64(weight)
        keys += codes
        for levels in range(1, ladder.reach + 1):
            moves += [(i, levels, levels * weight), (i, -levels, -levels * weight)]
    order = np.argsort(keys)
    in_order = keys[order]
    is_same = in_order[1:] == in_order[:-1]
    is_new = np.ones(runs, dtype=np.bool_)
    np.logical_not(is_same, out=is_new[1:])
    of_run = np.empty(runs, dtype=np.int32)
    of_run[order] = np.cumsum(is_new) - 1
    return Grid(in_order[is_new], order, of_run, moves, None), is_same
