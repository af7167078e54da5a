"""Fields of runs that look alike, packed column by column instead of run by run. No Redis, no HTTP."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bots_app.table.layouts import Column, LaidOut, Layout, is_number
from bots_app.table.shapes import Shape, shape_of
from bots_app.table.values import MISSING, bits_of

Bits = npt.NDArray[np.uint64]
#: Runs, each with its number in their batch.
Numbered = Sequence[tuple[int, LaidOut]]

#: Letters up to which a text is kept beside its code: a longer one is compared, and has no label unless it is a status.
MOST_LABEL = 200


class Block(NamedTuple):
    """The columns of some runs of a batch, as the store has them: a line for each name of the shape that they share."""

    shape: Shape
    #: The number of each of the runs in their batch.
    runs: Sequence[int]
    values: Bits


def block_of(layout: Layout, runs: Numbered, texts: dict[str, int]) -> tuple[Block | None, Numbered]:
    """Return the columns of runs of one layout, and those runs that have to be read one by one.

    `texts` are the bits of texts: of the statuses, to which the others are added.
    """
    columns = _columns_of(layout, runs)
    values = None if columns is None else columns.values([one.run.status for _, one in runs], texts)
    if columns is not None and values is not None:
        return Block(columns.shape(), [number for number, _ in runs], values), ()
    gaps = set() if columns is None else columns.gaps()
    rest = [one for place, one in enumerate(runs) if place not in gaps]
    if not gaps or not rest:
        return None, runs
    block, left = block_of(layout, rest, texts)
    return block, [*(runs[place] for place in gaps), *left]


class _Columns:
    """Numbers of some runs, then their texts and booleans; only columns in which not all is missing."""

    def __init__(self, shape: Shape, numbers: Sequence[Column], others: Sequence[Column]) -> None:
        self._shape = shape
        named = zip(shape.names[1:], chain(numbers, others), range(len(shape.names)), strict=False)
        kept = [(name, column, place < len(numbers)) for name, column, place in named if not _is_empty(column)]
        self._is_whole = len(kept) == len(shape.names) - 1
        self.numbers = {name: column for name, column, is_number in kept if is_number}
        self.others = {name: column for name, column, is_number in kept if not is_number}

    def shape(self) -> Shape:
        """Return the shape of the runs."""
        return self._shape if self._is_whole else shape_of(tuple(self.numbers), tuple(self.others))

    def values(self, statuses: Sequence[str], texts: dict[str, int]) -> Bits | None:
        """Return the columns as the store has them; None where one has gaps, or a number that no double is near to."""
        count, numbers = len(statuses), len(self.numbers)
        values: Bits = np.empty((1 + numbers + len(self.others), count), dtype="<u8")
        values[0] = [texts[status] for status in statuses]
        try:
            packed = struct.pack(f"<{numbers * count}d", *chain.from_iterable(self.numbers.values()))
        except (struct.error, OverflowError):
            return None
        values[1 : 1 + numbers] = np.frombuffer(packed, dtype="<u8").reshape(numbers, count)
        if not np.isfinite(values[1 : 1 + numbers].view("<f8")).all():
            return None
        for line, column in enumerate(self.others.values(), 1 + numbers):
            first = column[0]
            is_one = column.count(first) == count
            bits = {one: bits_of(one) for one in ((first,) if is_one else dict.fromkeys(column))}
            if None in bits:
                return None
            values[line] = bits[first] if is_one else [*map(bits.__getitem__, column)]
            if type(first) is str:
                texts |= bits if is_one and len(first) <= MOST_LABEL else _labels(bits)
        values ^= np.uint64(MISSING)
        return values

    def gaps(self) -> set[int]:
        """Return the places of the runs that lack a value which others have."""
        columns = chain(self.numbers.values(), self.others.values())
        return {place for column in columns for place, value in enumerate(column) if value is None}


def _columns_of(layout: Layout, runs: Numbered) -> _Columns | None:
    """Return the columns of runs of one layout, None where some of them are another's, or odd."""
    metrics = [one.run.metrics for _, one in runs]
    names = tuple(metrics[0])
    found = layout.columns([one.parts for _, one in runs])
    if found is None or [*map(tuple, metrics)].count(names) < len(runs):
        return None
    numbers, others = found
    # A text that is no parameter may be a number.
    if any(is_number(one) for column in others[layout.parameters :] for one in set(column)):
        return None
    columns = [*zip(*[one.values() for one in metrics], strict=True), tuple([one.run.lastUpdated for _, one in runs])]
    kept = [place for place, column in enumerate(columns) if not _is_empty(column)]
    shape = layout.shape(tuple([(*names, "lastUpdated")[place] for place in kept]))
    return None if shape is None else _Columns(shape, [*(columns[place] for place in kept), *numbers], others)


def _is_empty(column: Column) -> bool:
    return column[0] is None and column.count(None) == len(column)


def _labels(bits: dict[str, int]) -> dict[str, int]:
    return {one: code for one, code in bits.items() if len(one) <= MOST_LABEL}
