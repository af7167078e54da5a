"""Fields of runs that look alike, packed column by column instead of run by run. No Redis, no HTTP."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bots_app.table.layouts import Column, LaidOut, is_number
from bots_app.table.shapes import Shape, shape_of
from bots_app.table.values import MISSING, bits_of, text_bits

Bits = npt.NDArray[np.uint64]
#: Letters up to which a text is kept beside its code: a longer one is compared, and has no label unless it is a status.
MOST_LABEL = 200


class Block(NamedTuple):
    """The columns of some runs of a batch, as the store has them: a line for each name of the shape that they share."""

    shape: Shape
    #: The number of each of the runs in their batch.
    runs: Sequence[int]
    values: Bits


def block_of(runs: Sequence[LaidOut], numbers: Sequence[int], texts: dict[str, int]) -> tuple[Block | None, list[int]]:
    """Return the columns of runs of one layout, and the numbers of those runs that have to be read one by one.

    `numbers` are those of the runs in their batch, `texts` the bits of statuses, to which other texts are added.
    """
    columns = _columns_of(runs)
    values = None if columns is None else columns.values([one.run.status for one in runs], texts)
    if columns is not None and values is not None:
        return Block(columns.shape, numbers, values), []
    gaps = set() if columns is None else columns.gaps()
    kept = [place for place in range(len(runs)) if place not in gaps]
    if not gaps or not kept:
        return None, [*numbers]
    block, left = block_of([runs[place] for place in kept], [numbers[place] for place in kept], texts)
    return block, [*(numbers[place] for place in gaps), *left]


class _Columns:
    """Numbers of some runs, then their texts and booleans; only columns in which not all is missing."""

    def __init__(self, shape: Shape, numbers: Sequence[Column], others: Sequence[Column]) -> None:
        self.shape, self._numbers, self._others = shape, numbers, others
        if any(column[0] is None for column in chain(numbers, others)):
            names = iter(shape.names[1:])
            kept = {name: column for column, name in zip(numbers, names, strict=False) if not _is_empty(column)}
            rest = {name: column for column, name in zip(others, names, strict=True) if not _is_empty(column)}
            self.shape, self._numbers, self._others = shape_of((*kept,), (*rest,)), [*kept.values()], [*rest.values()]

    def values(self, statuses: Sequence[str], texts: dict[str, int]) -> Bits | None:
        """Return the columns as the store has them; None where one has gaps, or a number that no double is near to."""
        count, numbers = len(statuses), len(self._numbers)
        values: Bits = np.empty((1 + numbers + len(self._others), count), dtype="<u8")
        values[0] = [texts[status] for status in statuses]
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

    def gaps(self) -> set[int]:
        """Return the places of the runs that lack a value which others have."""
        columns = chain(self._numbers, self._others)
        return {place for column in columns for place, value in enumerate(column) if value is None}


def _columns_of(runs: Sequence[LaidOut]) -> _Columns | None:
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
    return None if shape is None else _Columns(shape, [*(columns[place] for place in kept), *numbers], others)


def _is_empty(column: Column) -> bool:
    return column[0] is None and column.count(None) == len(column)


def _labels(bits: dict[str, int]) -> dict[str, int]:
    return {one: code for one, code in bits.items() if len(one) <= MOST_LABEL}
