"""The order of a list of the sweep table, and what its cursors say of a place in it.

A field may be a number in some runs and a text in others. Whichever way it is ordered, numbers come first, then
booleans and texts, then runs that have no value: what is no number is nearly as good as missing where a number is asked
for. Among themselves booleans come before texts, false before true, and texts are ordered by their text.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from bots_app.table.selection import Key, Order, Place
from bots_app.table.snapshot import Snapshot, UnknownField
from bots_app.table.values import FALSE, MISSING, TRUE, Floats, bits_in, number_of
from dashboard.errors import CursorInvalid, InvalidParameter

#: Letters of a text that a cursor holds; of a longer one it holds the code.
MOST_LETTERS = 60
#: Beyond every number and every rank.
_BEYOND = float(np.finfo(np.float64).max)

#: What a run has of a field, None for nothing; a list of one code stands for a long text.
Plain = float | bool | str | list[int] | None


class TablePosition(msgspec.Struct, frozen=True):
    """A place between two runs: just behind (forward) or before (backward) the run with these values and this hash.

    Without values: the start of the list, or its end when backward.
    """

    values: tuple[Plain, ...] = ()
    hash: bytes = b""
    backward: bool = False

    def pack(self) -> list[object]:
        """Return the position as a small JSON value; a number reads back as the same double."""
        return [int(self.backward), list(self.values), self.hash.decode("latin-1")]

    @classmethod
    def unpack(cls, packed: object) -> TablePosition:
        """Raises CursorInvalid for the position of a list that is not read from the table."""
        match packed:
            case [0 | 1 as backward, list(values), str(text)]:
                return cls(tuple(values), text.encode("latin-1"), bool(backward))
        raise CursorInvalid("made when this list was read in another way; start without a cursor.")


def is_of_table(packed: object) -> bool:
    """Tell whether the position of a cursor was made by a list that was read from the table."""
    return isinstance(packed, list) and len(packed) == 3


class Ranks:
    """The place of each text and boolean that can be ordered, by its code."""

    def __init__(self, texts: Mapping[int, str]) -> None:
        self._texts = sorted(texts.values())
        ranks = {text: float(rank) for rank, text in enumerate(self._texts, 2)}
        of_codes = {FALSE: 0.0, TRUE: 1.0} | {code: ranks[text] for code, text in texts.items()}
        self._codes = np.array(sorted(of_codes), dtype=np.uint64)
        self._ranks = np.array([of_codes[code] for code in self._codes.tolist()])

    def of(self, text: str | bool) -> float:
        """Return the rank of a text or boolean; one between two others for a text that is not there."""
        if isinstance(text, bool):
            return float(text)
        place = bisect_left(self._texts, text)
        is_there = place < len(self._texts) and self._texts[place] == text
        return place + (2.0 if is_there else 1.5)

    def within(self, values: Floats) -> Floats:
        """Return values with ranks for what is no number. Raises KeyError for a text that has none."""
        bits = bits_in(values)
        is_other = np.isnan(values) & (bits != np.uint64(MISSING))
        codes = bits[is_other] - np.uint64(MISSING)
        places = np.minimum(np.searchsorted(self._codes, codes), len(self._codes) - 1)
        if not np.array_equal(self._codes[places], codes):
            raise KeyError(codes)
        ranked = values.copy()
        ranked[is_other] = self._ranks[places]
        return ranked


def _kinds(values: Floats) -> Floats:
    """Return 0 for numbers, 1 for texts and booleans, NaN where there is nothing."""
    kinds = np.where(np.isnan(values), 1.0, 0.0)
    kinds[bits_in(values) == np.uint64(MISSING)] = np.nan
    return kinds


class Ordering:
    """The order of a snapshot's rows by some fields. Raises UnknownField; InvalidParameter for texts without rank."""

    def __init__(self, snapshot: Snapshot, fields: Sequence[tuple[str, bool]]) -> None:
        self.snapshot, self.fields = snapshot, fields
        self._ranks: Ranks | None = None
        keys = tuple(key for field, descending in fields for key in self._keys(field, descending))
        self.order = Order(keys, snapshot.row_hashes, fields[0][1])

    def ranks(self) -> Ranks:
        if self._ranks is None:
            self._ranks = Ranks(self.snapshot.texts())
        return self._ranks

    def _keys(self, field: str, descending: bool) -> list[Key]:
        snapshot = self.snapshot
        if not snapshot.has(field):
            raise UnknownField(field, snapshot.names(), parameter="ordering")
        values = snapshot.column(field)
        if not snapshot.has_others(field):
            return [Key(values, descending)]
        ranks, texts = self.ranks(), len(snapshot.texts())
        try:
            ranked = snapshot.derive(("ranks", field, texts), lambda part: ranks.within(values[part]), of=[field])
        except KeyError:
            raise InvalidParameter(
                "ordering",
                f"{field} cannot be ordered by: a session keeps 10,000 texts of up to 200 letters; it has others.",
            ) from None
        if not snapshot.has_numbers(field):
            return [Key(ranked, descending)]
        kinds = snapshot.derive(("kinds", field), lambda part: _kinds(values[part]), of=[field])
        return [Key(kinds), Key(ranked, descending)]

    def position(self, row: int, config_hash: bytes, *, backward: bool) -> TablePosition:
        """Return the place of a row for a cursor."""
        return TablePosition(tuple(self._plain(field, row) for field, _ in self.fields), config_hash, backward)

    def _plain(self, field: str, row: int) -> Plain:
        return self.plain(int(bits_in(self.snapshot.column(field)[row : row + 1])[0]))

    def plain(self, bits: int) -> Plain:
        """Return what a cursor says of the value with these bits."""
        if bits == MISSING:
            return None
        number = number_of(bits)
        if not math.isnan(number):
            return number
        label = self.snapshot.label(bits)
        is_short = isinstance(label, bool) or (label is not None and len(label) <= MOST_LETTERS)
        return label if is_short else [bits - MISSING]

    def place(self, position: TablePosition) -> Place:
        """Return the place that a cursor's position names. Raises CursorInvalid."""
        if len(position.values) != len(self.fields):
            raise CursorInvalid("made for another order; start without a cursor.")
        values = [
            value
            for (field, descending), plain in zip(self.fields, position.values, strict=True)
            for value in self._key_values(field, descending, plain)
        ]
        return Place(tuple(values), position.hash)

    def _key_values(self, field: str, descending: bool, plain: Plain) -> list[float]:
        """Return the value of each key of a field; what has vanished from the field has its place all the same."""
        has_numbers, has_others = self.snapshot.has_numbers(field), self.snapshot.has_others(field)
        count = 2 if has_numbers and has_others else 1
        if plain is None:
            return [math.nan] * count
        is_number = isinstance(plain, int | float) and not isinstance(plain, bool)
        if count == 1 and is_number == has_others:
            # All that the field has now comes behind a number, or before what is none.
            return [-_BEYOND if is_number != descending else _BEYOND]
        if is_number:
            return [0.0, float(plain)][2 - count :]  # type: ignore[arg-type]
        if isinstance(plain, list):
            label = self.snapshot.texts().get(plain[0]) if plain else None
            if label is None:
                raise CursorInvalid("it stands at a text that is not there any more; start without a cursor.")
            plain = label
        return [1.0, self.ranks().of(plain)][2 - count :]  # type: ignore[arg-type]
