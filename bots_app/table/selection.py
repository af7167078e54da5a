"""The first rows of a mask in an order, from any place on, without sorting all of them.

The order is that of one or more keys, then of the configHash. Rows without the first key's value come last whichever
way it goes, by ascending hash; rows without a further key's value come last among those that are equal before it. Only
what lies near the page is ever sorted: the page's last value is found by partition, then among rows of that value the
next key's, then each 8 bytes of the hash. So neither depth nor ties cost more than a few passes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bots_app.table.hashes import Hashes, Rows
from bots_app.table.nearest import kth_smallest, near_smallest
from bots_app.table.values import Floats, Mask

#: Rows that are sorted at once instead of being told apart further.
FEW = 1_000
#: Rows of a mask that are gathered instead of being compared where they are.
SPARSE = 20_000

Values = npt.NDArray[Any]


class Key(NamedTuple):
    """Something to order by: a finite double a row, NaN where it is missing."""

    values: Floats
    descending: bool = False


class Order(NamedTuple):
    """Keys, the first of them first, and the hashes that settle what they leave equal, descending or not."""

    keys: tuple[Key, ...]
    hashes: Hashes
    descending: bool = False


class Place(NamedTuple):
    """Where a run stands, or stood: the value of each key, NaN for none, and its hash."""

    values: tuple[float, ...]
    hash: bytes


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows in the list's order, how many of the list come before them, and how many it holds."""

    rows: Rows
    preceding: int
    count: int


def select(
    mask: Mask, order: Order, *, limit: int, place: Place | None = None, backward: bool = False,
    is_inclusive: bool = False,
) -> Selection:  # fmt: skip
    """Return the first `limit` rows of the mask behind a place, or before it when backward.

    Without a place: from the list's start, or its end when backward. The row that stands there counts as behind it only
    if `is_inclusive`.
    """
    count = int(np.count_nonzero(mask))
    walk = _Walk(mask, order, backward, count)
    rows, remaining = walk.from_start(limit) if place is None else walk.behind(place, limit, is_inclusive)
    if backward:
        return Selection(rows[::-1], remaining - len(rows), count)
    return Selection(rows, count - remaining, count)


def ordered(mask: Mask, order: Order) -> Rows:
    """Return all rows of the mask in the list's order. Cost: a sort of them, and of ties a further one each level."""
    walk = _Walk(mask, order, False, 0)
    present = np.flatnonzero(mask & ~np.isnan(order.keys[0].values))
    missing = np.flatnonzero(walk.missing())
    return np.concatenate([_ordered(present, walk.with_value), _ordered(missing, walk.without_value)])


def row_at(mask: Mask, order: Order, rank: int) -> int:
    """Return the row that stands at a rank from 0 in the list. Raises IndexError when the list is shorter."""
    if not 0 <= rank < np.count_nonzero(mask):
        raise IndexError(rank)
    walk = _Walk(mask, order, False, 0)
    has_value = mask & ~np.isnan(order.keys[0].values)
    present = int(np.count_nonzero(has_value))
    if rank < present:
        return _at_rank(np.flatnonzero(has_value), rank, walk.with_value)
    return _at_rank(np.flatnonzero(walk.missing()), rank - present, walk.without_value)


def place_of(row: int, order: Order) -> Place:
    """Return where a row stands."""
    values = tuple(float(key.values[row]) for key in order.keys)
    return Place(values, order.hashes.at(np.array([row]))[0])


class _Walk:
    """The list of a mask, walked from one end: the rows with the first key's value, and those without it."""

    def __init__(self, mask: Mask, order: Order, backward: bool, count: int) -> None:
        self.mask, self.backward, self.count = mask, backward, count
        self.first, self.is_down = order.keys[0].values, order.keys[0].descending != backward
        self.with_value = _Levels(order, order.descending != backward, order.keys, backward)
        self.without_value = _Levels(order, backward, (), backward)

    def missing(self) -> Mask:
        return self.mask & np.isnan(self.first)

    def from_start(self, limit: int) -> tuple[Rows, int]:
        """Return the first rows, and how many there are from there on."""
        return self._both(limit), self.count

    def behind(self, place: Place, limit: int, is_inclusive: bool) -> tuple[Rows, int]:
        """Return the first rows behind a place, and how many there are behind it."""
        at = place.values[0]
        if np.isnan(at):
            levels, among = self.without_value, self.missing()
            beyond = self.count - int(np.count_nonzero(among)) if self.backward else 0
        else:
            levels, among = self.with_value.next(), self.mask & (self.first == at)
            far = self.mask & (self.first < at if self.is_down else self.first > at)
            beyond = int(np.count_nonzero(far))
        ties = levels.behind(np.flatnonzero(among), place, is_inclusive)
        rows = _smallest(ties, limit, levels)
        if not np.isnan(at):
            rows = self._and(rows, limit, lambda more: self._of_mask(far, more))
            if not self.backward:
                beyond += self.count - int(np.count_nonzero(self.mask & (self.first == self.first)))
                rows = self._and(rows, limit, self._of_missing)
        elif self.backward:
            rows = self._and(rows, limit, lambda more: self._of_mask(self.mask, more))
        return rows, len(ties) + beyond

    def _both(self, limit: int) -> Rows:
        if self.backward:
            return self._and(self._of_missing(limit), limit, lambda more: self._of_mask(self.mask, more))
        return self._and(self._of_mask(self.mask, limit), limit, self._of_missing)

    @staticmethod
    def _and(rows: Rows, limit: int, further: Callable[[int], Rows]) -> Rows:
        return rows if len(rows) >= limit else np.concatenate([rows, further(limit - len(rows))])

    def _of_missing(self, limit: int) -> Rows:
        return _smallest(np.flatnonzero(self.missing()), limit, self.without_value)

    def _of_mask(self, mask: Mask, limit: int) -> Rows:
        """Return the first rows of a mask that have the first key's value."""
        if (self.count if mask is self.mask else np.count_nonzero(mask)) > SPARSE:
            near = near_smallest(mask, self.first, limit, is_down=self.is_down)
            if near is not None:
                return _smallest(near, limit, self.with_value)
        rows = np.flatnonzero(mask)
        values = self.with_value.of(rows)
        if FEW < len(rows) > limit > 0:
            # NaN is not among the smallest, unless there are too few others.
            is_near = values <= kth_smallest(values, limit)
            if np.count_nonzero(is_near) >= limit:
                return _smallest(rows[is_near], limit, self.with_value)
        return _smallest(rows[values == values], limit, self.with_value)


class _Levels:
    """What tells rows apart, one after another, each so that the smallest come first: keys, then words of the hash."""

    def __init__(
        self, order: Order, is_hash_down: bool, keys: Sequence[Key], backward: bool, *, at: int = 0
    ) -> None:  # fmt: skip
        self.order, self.is_hash_down, self.keys, self.backward, self.at = order, is_hash_down, keys, backward, at

    def __len__(self) -> int:
        return len(self.keys) + len(self.order.hashes.words) - self.at

    def next(self) -> _Levels:
        return _Levels(self.order, self.is_hash_down, self.keys, self.backward, at=self.at + 1)

    def of(self, rows: Rows) -> Values:
        """Return what the first level says of some rows."""
        if self.at < len(self.keys):
            key = self.keys[self.at]
            return self._ranked(key.values.take(rows), key)
        words = self.order.hashes.words[self.at - len(self.keys)].take(rows)
        return np.invert(words, out=words) if self.is_hash_down else words

    def _ranked(self, values: Floats, key: Key) -> Floats:
        """Turn values of a key so that those that come first are smallest; what is missing comes last in the list."""
        ranked = np.negative(values, out=values) if key.descending != self.backward else values
        if self.at == 0:  # rows without the first key's value are told apart by their hash alone
            return ranked
        ranked[np.isnan(ranked)] = -np.inf if self.backward else np.inf
        return ranked

    def place(self, place: Place) -> Any:
        """Return what the first level says of a place."""
        if self.at < len(self.keys):
            return self._ranked(np.array([place.values[self.at]]), self.keys[self.at])[0]
        word = self.order.hashes.words_of(place.hash)[self.at - len(self.keys)]
        return ~word if self.is_hash_down else word

    def behind(self, rows: Rows, place: Place, is_inclusive: bool) -> Rows:
        """Return those of some rows that come behind a place."""
        kept, levels, equal = [], self, rows
        while len(levels) and len(equal):
            values, at = levels.of(equal), levels.place(place)
            kept.append(equal[values > at])
            equal, levels = equal[values == at], levels.next()
        hashes = self.order.hashes.at(equal) if len(equal) else []
        is_behind = [
            is_inclusive if found == place.hash else (found > place.hash) != self.is_hash_down for found in hashes
        ]
        return np.concatenate([*kept, equal[np.array(is_behind, dtype=bool)]])

    def sorted(self, rows: Rows) -> Rows:
        """Return rows in order."""
        long = self.order.hashes.long
        if long and not long.keys().isdisjoint(rows.tolist()):
            hashes = self.order.hashes.at(rows)
            by_hash = sorted(range(len(rows)), key=hashes.__getitem__, reverse=self.is_hash_down)
            rows = rows[np.array(by_hash, dtype=np.intp)]
        if not len(self):
            return rows
        first = self.of(rows)
        ranks = np.argsort(first, kind="stable")
        if len(self) == 1 or not np.any(first[ranks][1:] == first[ranks][:-1]):
            return rows[ranks]
        levels, values = self.next(), [first]
        while len(levels):
            values.append(levels.of(rows))
            levels = levels.next()
        return rows[np.lexsort(values[::-1])]


def _ordered(rows: Rows, levels: _Levels) -> Rows:
    """Return all of many rows in order: of each level only the rows that the ones before have left equal are sorted."""
    if levels.order.hashes.long or not len(levels):
        return levels.sorted(rows)
    values = levels.of(rows)
    ranks = np.argsort(values, kind="stable")
    rows, values = rows[ranks], values[ranks]
    del ranks  # at a million rows each array is 8 MB
    is_tied, groups = _ties(values[1:] == values[:-1])
    places, groups, levels = np.flatnonzero(is_tied), groups[is_tied], levels.next()
    while len(levels) and len(places):
        values = levels.of(rows[places])
        ranks = np.lexsort((values, groups))
        rows[places] = rows[places[ranks]]
        values = values[ranks]
        # Groups follow each other already, and rows were moved within theirs alone.
        is_tied, groups = _ties((values[1:] == values[:-1]) & (groups[1:] == groups[:-1]))
        places, groups, levels = places[is_tied], groups[is_tied], levels.next()
    return rows


def _ties(is_equal: Mask) -> tuple[Mask, Rows]:
    """Tell of each row whether a neighbour is equal, and number those that are equal together."""
    if not is_equal.any():
        return np.zeros(len(is_equal) + 1, dtype=np.bool_), np.zeros(len(is_equal) + 1, dtype=np.intp)
    return np.append(is_equal, False) | np.append(False, is_equal), np.append(0, np.cumsum(~is_equal))


def _smallest(rows: Rows, count: int, levels: _Levels) -> Rows:
    """Return the first `count` of some rows, in order."""
    if count <= 0:
        return rows[:0]
    if len(rows) <= FEW or not len(levels):
        return levels.sorted(rows)[:count]
    values = levels.of(rows)
    last = kth_smallest(values, count)
    is_sure, is_last = values < last, values == last
    if np.count_nonzero(is_sure) + np.count_nonzero(is_last) <= max(FEW, count):
        return levels.sorted(rows[is_sure | is_last])[:count]
    sure = levels.sorted(rows[is_sure])
    return np.concatenate([sure, _smallest(rows[is_last], count - len(sure), levels.next())])


def _at_rank(rows: Rows, rank: int, levels: _Levels) -> int:
    while len(rows) > FEW and len(levels):
        values = levels.of(rows)
        here = kth_smallest(values, rank + 1)
        rank -= int(np.count_nonzero(values < here))
        rows, levels = rows[values == here], levels.next()
    return int(levels.sorted(rows)[rank])
