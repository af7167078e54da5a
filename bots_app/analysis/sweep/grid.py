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
#: Configurations there could be, in all and for each run, up to which there is a table of them: 4 bytes each.
LEAST_TABLE, MOST_TABLE = 65_536, 16

Keys = NDArray[np.uint64]
Places = NDArray[np.int32]
#: See Grid.
Move = tuple[int, int, int]


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
    run. A move adds to a key: (number of the ladder, levels up, what to add).
    """

    keys: Keys
    by_configuration: NDArray[np.intp]
    of_run: Places
    moves: list[Move]

    def there(self, start: int, end: int) -> Places:
        """Return, a line a move, which configuration it leads to from each of start..end, -1 where there is none."""
        there = np.full((len(self.moves), end - start), -1, dtype=np.int32)
        for line, move in zip(there, self.moves, strict=True):
            here, found = self._search(start, end, move)
            line[here] = found
        return there

    def _search(self, start: int, end: int, move: Move) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return where a move leads anywhere, and where to: in a window as short as the slice, if keys keep order."""
        wanted = self.keys[start:end] + np.uint64(move[2] % 2**64)
        low, high = np.searchsorted(self.keys, [wanted.min(), wanted.max()]).tolist()
        window = self.keys[low : high + 1]
        at = np.searchsorted(window, wanted)
        np.minimum(at, len(window) - 1, out=at)
        here = np.flatnonzero(window[at] == wanted) if len(window) else np.empty(0, dtype=np.intp)
        return here, at[here] + low


@dataclass(frozen=True, eq=False)
class FullGrid(Grid):
    """A grid of which runs fill a good part: a key is a place in a table of all configurations there could be.

    `sizes` are the levels of each ladder, `strides` what one of them adds to a key, `table` says which configuration
    has a key, -1 none.
    """

    sizes: list[int]
    strides: list[int]
    radixes: list[int]
    table: Places

    def there(self, start: int, end: int) -> Places:
        """Return as every grid does; a look into the table is much quicker than a search."""
        there = np.empty((len(self.moves), end - start), dtype=np.int32)
        keys = self.keys[start:end].astype(np.int64)
        last, levels = -1, keys
        for line, (ladder, up, added) in zip(there, self.moves, strict=True):
            if ladder != last:
                levels = keys // self.strides[ladder]
                levels -= levels // self.radixes[ladder] * self.radixes[ladder]
                last = ladder
            # A missing value stands above all levels: no step leads to it, nor from it.
            least, most = max(0, -up), self.sizes[ladder] - max(0, up)
            is_no_step = levels >= most
            is_no_step |= levels < least
            self.table.take(keys + added, out=line, mode="clip")
            line[is_no_step] = -1
        return there


@dataclass(frozen=True, eq=False)
class HashedGrid(Grid):
    """A grid whose keys only suggest a configuration: `ladders` are the codes by configuration, by which to check."""

    ladders: list[Codes]

    def _search(self, start: int, end: int, move: Move) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        here, found = super()._search(start, end, move)
        is_step = np.ones(len(here), dtype=np.bool_)
        for other, codes in enumerate(self.ladders):
            is_step &= codes[found] == codes[here + start] + (move[1] if other == move[0] else 0)
        return here[is_step], found[is_step]


def grid_of(parameters: Sequence[Parameter]) -> Grid:
    """Encode the configurations of all runs: O(n log n); 4 bytes a run and parameter, 12 where keys are not exact."""
    runs = check_lengths(*(parameter.values for parameter in parameters))
    ladders = [ladder for ladder in map(ladder_of, parameters) if not ladder.is_constant]
    sizes = [ladder.size for ladder in ladders]
    radixes = [ladder.size + bool((ladder.codes < 0).any()) for ladder in ladders]
    places = math.prod(radixes)
    if places < min(KEYS, max(LEAST_TABLE, MOST_TABLE * runs)):
        strides = _products(radixes)
        grid, _ = _grid(runs, ladders, strides, sizes)
        table = np.full(places, -1, dtype=np.int32)
        table[grid.keys.astype(np.int64)] = np.arange(len(grid.keys))
        return FullGrid(grid.keys, grid.by_configuration, grid.of_run, grid.moves, sizes, strides, radixes, table)
    # Above the levels lie as many empty places as a step may cross, then the missing value, then empty places again:
    # adding a step to the key of any run never leads into another parameter's digits.
    radixes = [ladder.size + 2 * ladder.reach + 1 for ladder in ladders]
    if math.prod(radixes) < KEYS:
        absent = [ladder.size + ladder.reach for ladder in ladders]
        return _grid(runs, ladders, _products(radixes), absent)[0]
    return _hashed(runs, ladders)


def _products(radixes: list[int]) -> list[int]:
    """Return what a level of each ladder adds to a key."""
    return [math.prod(radixes[:i]) for i in range(len(radixes))]


def _hashed(runs: int, ladders: list[Ladder]) -> HashedGrid:
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
            first = grid.by_configuration[np.concatenate(([True], ~is_same))]
            own = [code[first] for code in codes]
            return HashedGrid(grid.keys, grid.by_configuration, grid.of_run, grid.moves, own)
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
    return Grid(in_order[is_new], order, of_run, moves), is_same
