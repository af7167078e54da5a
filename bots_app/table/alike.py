"""Fields of runs that look alike, packed column by column instead of run by run. No Redis, no HTTP."""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Sequence
from itertools import chain
from operator import itemgetter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bots_app.table.layouts import Column, LaidOut, is_number
from bots_app.table.shapes import Shape, shape_of
from bots_app.table.values import MISSING, bits_of, text_bits

Bits = npt.NDArray[np.uint64]
#: Letters up to which a text is kept beside its code: a longer one is compared, and has no label unless it is a status.
MOST_LABEL = 200
#: Runs that are packed together at least: fewer are read one by one at less cost.
LEAST = 8


class Block(NamedTuple):
    """The columns of some runs of a batch, as the store has them: a line for each name of the shape that they share."""

    shape: Shape
    #: The number of each of the runs in their batch.
    runs: Sequence[int]
    values: Bits


def blocks_of(
    runs: Sequence[LaidOut], numbers: Sequence[int], texts: dict[str, int]
) -> tuple[list[Block], list[int]]:  # fmt: skip
    """Return the columns of runs of one layout, and the numbers of those runs that have to be read one by one.

    `numbers` are those of the runs in their batch, `texts` the bits of statuses, to which other texts are added.
    """
    columns = _columns_of(runs, numbers)
    return ([], [*numbers]) if columns is None else columns.blocks(texts)


class _Columns:
    """Numbers of some runs, then their texts and booleans; only columns in which not all is missing."""

    def __init__(
        self, shape: Shape, numbers: Sequence[Column], others: Sequence[Column], runs: Sequence[int], statuses: Column
    ) -> None:  # fmt: skip
        self.shape, self._numbers, self._others, self._runs, self._statuses = shape, numbers, others, runs, statuses
        if any(column[0] is None for column in chain(numbers, others)):
            names = iter(shape.names[1:])
            kept = {name: column for column, name in zip(numbers, names, strict=False) if not _is_empty(column)}
            rest = {name: column for column, name in zip(others, names, strict=True) if not _is_empty(column)}
            self.shape, self._numbers, self._others = shape_of((*kept,), (*rest,)), [*kept.values()], [*rest.values()]

    def blocks(self, texts: dict[str, int]) -> tuple[list[Block], list[int]]:
        """Return what `blocks_of` does."""
        values = self._values(texts)
        if values is not None:
            return [Block(self.shape, self._runs, values)], []
        groups = self._alike()
        if len(groups) < 2:
            return [], [*self._runs]
        blocks, left = list[Block](), list[int]()
        for places in groups:
            if len(places) < LEAST:
                left += [self._runs[place] for place in places]
            else:
                more, others = self._of(places).blocks(texts)
                blocks, left = blocks + more, left + others
        return blocks, left

    def _of(self, places: Sequence[int]) -> _Columns:
        """Return the columns of some of the runs, two at least."""
        take = itemgetter(*places)
        numbers, others = [*map(take, self._numbers)], [*map(take, self._others)]
        return _Columns(self.shape, numbers, others, take(self._runs), take(self._statuses))

    def _values(self, texts: dict[str, int]) -> Bits | None:
        """Return the columns as the store has them; None where one has gaps, or a number that no double is near to."""
        count, numbers = len(self._runs), len(self._numbers)
        values: Bits = np.empty((1 + numbers + len(self._others), count), dtype="<u8")
        values[0] = [texts[status] for status in self._statuses]
        try:
            packed = struct.pack(f"<{numbers * count}d", *chain.from_iterable(self._numbers))
        except (struct.error, OverflowError):
            return None
        values[1 : 1 + numbers] = np.frombuffer(packed, dtype="<u8").reshape(numbers, count)
        if not np.isfinite(values[1 : 1 + numbers].view("<f8")).all():
            return None
        for line, column in enumerate(self._others, 1 + numbers):
            first = column[0]
            is_one = column.count(first) == count
            found = (first,) if is_one else dict.fromkeys(column)
            if None in found:
                return None
            bits = {one: text_bits(one) if type(one) is str else bits_of(one) for one in found}
            values[line] = bits[first] if is_one else [*map(bits.__getitem__, column)]
            if type(first) is str:
                texts |= bits if max(map(len, bits)) <= MOST_LABEL else _labels(bits)
        values ^= np.uint64(MISSING)
        return values

    def _alike(self) -> list[list[int]]:
        """Return the places of the runs that lack the same values, for each such set of values."""
        lacking: dict[int, list[int]] = defaultdict(list)
        for number, column in enumerate(chain(self._numbers, self._others)):
            if type(None) in {*map(type, column)}:  # to compare a number with None takes longer
                for place, value in enumerate(column):
                    if value is None:
                        lacking[place].append(number)
        groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for place in range(len(self._runs)):
            groups[tuple(lacking.get(place, ()))].append(place)
        return [*groups.values()]


def _columns_of(runs: Sequence[LaidOut], run_numbers: Sequence[int]) -> _Columns | None:
    """Return the columns of runs of one layout, None where some of them are another's, or odd."""
    layout, metrics = runs[0].layout, [one.run.metrics for one in runs]
    names = tuple(metrics[0])
    found = layout.columns([one.parts for one in runs])
    if found is None or [*map(tuple, metrics)].count(names) < len(runs):
        return None
    numbers, others = found
    # A text that is no parameter may be a number.
    if any(is_number(one) for column in others[layout.parameters :] for one in set(column)):
        return None
    columns = [*zip(*[one.values() for one in metrics], strict=True), tuple([one.run.lastUpdated for one in runs])]
    kept = [place for place, column in enumerate(columns) if not _is_empty(column)]
    shape = layout.shape(tuple([(*names, "lastUpdated")[place] for place in kept]))
    if shape is None:
        return None
    statuses = tuple([one.run.status for one in runs])
    return _Columns(shape, [*(columns[place] for place in kept), *numbers], others, run_numbers, statuses)


def _is_empty(column: Column) -> bool:
    return column[0] is None and column.count(None) == len(column)


def _labels(bits: dict[str, int]) -> dict[str, int]:
    return {one: code for one, code in bits.items() if len(one) <= MOST_LABEL}
