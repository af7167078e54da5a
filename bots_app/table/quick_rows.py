"""Columns of runs whose records were read alike: made for all of them together, not field by field. No Redis.

Whatever sets of fields they turn out to have, the first run of each is read leaf by leaf as well, and has to say the
same: a record that is more than it seems is not taken for a usual one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from bots_app.records import read_run
from bots_app.table.fields import fields_of
from bots_app.table.packing import MOST_LABEL, Bits, matrix
from bots_app.table.shapes import STATUS, Fields, Shape
from bots_app.table.values import MISSING, bits_of, fresh_text_bits, text_bits

#: Numbers from which on a metric has none, though a double holds them.
_MOST = 1e300
#: Shapes, and texts and booleans, that are remembered: of many texts that differ in every run none comes again.
MOST_SHAPES, MOST_CODES = 20_000, 2_000


class QuickRow(msgspec.Struct, frozen=True, gc=False):
    """What a quick reader found in a record: its numbers, its texts and booleans, None where one is missing."""

    layout: RowLayout
    numbers: tuple[int | float | None, ...]
    others: tuple[str | bool | None, ...]
    status: str
    updated: int | None
    config_hash: str
    text: bytes

    def fields(self) -> Fields:
        """Return the fields of the run, read leaf by leaf."""
        return fields_of(read_run(self.config_hash, self.text))


class Piece(NamedTuple):
    """Columns of some runs as the store has them, shape and status of each, and the bits of statuses and new texts."""

    names: list[str]
    values: Bits
    shapes: list[Shape]
    statuses: list[str]
    texts: dict[str, int]


class RowLayout:
    """Which fields the rows of one reader have.

    `numbers` says for each field at which places of the numbers it may be, of which the first that holds one counts;
    `others` the place of each text or boolean; `doubtful` the places of texts that count as numbers if they look so.
    """

    def __init__(
        self, numbers: Mapping[str, Sequence[int]], others: Mapping[str, int], *, doubtful: Sequence[int]
    ) -> None:  # fmt: skip
        self.names = [STATUS, "lastUpdated", *numbers, *others]
        #: Whether a run was found that says something else than was read here.
        self.is_wrong = False
        self._numbers, self._others, self._doubtful = list(numbers.values()), list(others.values()), set(doubtful)
        self._shapes: dict[bytes, Shape] = {}
        self._codes: dict[str | bool | None, int] = {}

    def columns(self, rows: Sequence[QuickRow]) -> Piece | None:
        """Return the columns of some rows, None where these have to be read leaf by leaf."""
        numbers = self._columns_of_numbers(rows)
        if numbers is None:
            return None
        statuses = [row.status for row in rows]
        texts = {status: text_bits(status) for status in set(statuses)}
        values: Bits = np.zeros((len(self.names), len(rows)), dtype="<u8")
        values[0] = self._codes_of(statuses, texts)
        values[1 : 2 + len(self._numbers)] = numbers.view("<u8") ^ np.uint64(MISSING)
        others = list(zip(*[row.others for row in rows], strict=True))
        for line, place in enumerate(self._others, 2 + len(self._numbers)):
            if place in self._doubtful and any(map(_is_number, set(others[place]))):
                return None
            values[line] = self._codes_of(others[place], texts)
        shapes = self._shapes_of(values, rows)
        return None if shapes is None else Piece(self.names, values, shapes, statuses, texts)

    def _columns_of_numbers(self, rows: Sequence[QuickRow]) -> npt.NDArray[np.float64] | None:
        """Return time and numbers, nan where there is none; None where a number is too large."""
        try:
            found = np.array([row.numbers for row in rows], dtype=np.float64).T
        except OverflowError:
            return None
        if (np.abs(found) >= _MOST).any():
            return None
        columns = np.empty((1 + len(self._numbers), len(rows)))
        columns[0] = np.array([row.updated for row in rows], dtype=np.float64)
        for line, places in enumerate(self._numbers, 1):
            column = found[places[0]]
            for place in places[1:]:
                column = np.where(np.isnan(column), found[place], column)
            columns[line] = column
        return columns

    def _codes_of(self, column: Sequence[str | bool | None], texts: dict[str, int]) -> Bits:
        """Return texts and booleans as they are stored; put down the texts that are new."""
        codes = self._codes
        if len(codes) > MOST_CODES:
            codes.clear()
        for one in set(column) - codes.keys():
            if isinstance(one, str):
                bits = fresh_text_bits(one)
                if len(one) <= MOST_LABEL:
                    texts[one] = bits
            else:
                bits = MISSING if one is None else bits_of(one)
            codes[one] = bits ^ MISSING
        return np.array(list(map(codes.__getitem__, column)), dtype="<u8")

    def _shapes_of(self, values: Bits, rows: Sequence[QuickRow]) -> list[Shape] | None:
        """Return the shape of each row, None where one says something else than its record."""
        if len(self._shapes) > MOST_SHAPES:
            self._shapes.clear()
        found = []
        for place, packed in enumerate(np.packbits((values != 0).T, axis=1)):
            key = packed.tobytes()
            shape = self._shapes.get(key)
            if shape is None:
                fields = rows[place].fields()
                wanted = {name: bits_of(value) ^ MISSING for name, value in fields.items()}
                said = zip(self.names, values[:, place].tolist(), strict=True)
                if wanted != {name: bits for name, bits in said if bits}:
                    self.is_wrong = True
                    return None
                shape = self._shapes[key] = fields.shape
            found.append(shape)
        return found


def sorted_out(fields: Sequence[Fields | QuickRow]) -> tuple[list[tuple[list[int], Piece]], list[tuple[int, Fields]]]:
    """Return the columns of runs that were read alike, with their places among all, and the others one by one."""
    alone, alike = list[int](), dict[RowLayout, list[int]]()
    for place, one in enumerate(fields):
        if isinstance(one, QuickRow):
            alike.setdefault(one.layout, []).append(place)
        else:
            alone.append(place)
    pieces = []
    for layout, places in alike.items():
        piece = layout.columns([fields[place] for place in places])  # type: ignore[misc]
        if piece is None:
            alone += places
        else:
            pieces.append((places, piece))
    some = ((place, fields[place]) for place in alone)
    return pieces, [(place, one.fields() if isinstance(one, QuickRow) else one) for place, one in some]


def piece_of(fields: Sequence[Fields]) -> Piece:
    """Return the columns of runs that were read leaf by leaf."""
    found = matrix(fields)
    return Piece(
        found.names, found.values, [one.shape for one in fields], [one.status for one in fields], found.texts
    )  # fmt: skip


def _is_number(text: object) -> bool:
    """Tell whether a text is written like a number, be it none that is finite."""
    try:
        float(text)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return isinstance(text, str)
