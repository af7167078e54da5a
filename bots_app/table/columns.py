"""Columns as a process holds them: whole arrays with room for more rows, filled segment by segment."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from bots_app.table.hashes import WORD, Hashes, Rows, Words, is_long, words_from
from bots_app.table.values import MISSING, Floats, Mask, from_stored, is_missing
from dashboard.store.keys import SEGMENT_ROWS

#: What a text of bytes and its entry in a dictionary take beside its bytes, about.
ENTRY_BYTES = 150

#: Readers come and go in any thread.
_pins = threading.Lock()


def segments_of(rows: int) -> int:
    """Return how many segments hold so many rows."""
    return -(-rows // SEGMENT_ROWS)


def span(segment: int) -> slice:
    """Return the rows of a segment."""
    return slice(segment * SEGMENT_ROWS, (segment + 1) * SEGMENT_ROWS)


def _room(segments: int) -> int:
    """Return for how many segments to make room: an array that is full is copied into a larger one."""
    return max(1, segments + segments // 8)


class Pinned:
    """What readers may be looking at: while they do, it is not changed but replaced by a copy.

    `revision` is the state that it has at least; `used` grows with every use.
    """

    def __init__(self) -> None:
        self.revision, self.used, self.pins = 0, 0, 0

    def pin(self) -> None:
        with _pins:
            self.pins += 1

    def unpin(self) -> None:
        with _pins:
            self.pins -= 1


class Frame(Pinned):
    """Which rows hold a run, and their hashes; `unresolved` are rows whose hash is too long for its place."""

    def __init__(self, segments: int, width: int) -> None:
        super().__init__()
        rows = _room(segments) * SEGMENT_ROWS
        self.width = width
        self.words = np.zeros((width // WORD, rows), dtype=np.uint64)
        self.live: Mask = np.zeros(rows, dtype=np.bool_)
        self.long: dict[int, bytes] = {}
        self._long_bytes = 0
        self.unresolved: set[int] = set()

    @property
    def nbytes(self) -> int:
        return self.words.nbytes + self.live.nbytes + self._long_bytes

    def hashes(self, rows: int) -> Hashes:
        """Return the hashes of the first rows."""
        return Hashes(self.words, self.long).view(rows)

    def copy(self, segments: int) -> Frame:
        """Return the same with room for so many segments."""
        other = Frame(segments, self.width)
        rows = min(len(self.live), len(other.live))
        other.words[:, :rows], other.live[:rows] = self.words[:, :rows], self.live[:rows]
        other.long, other.unresolved, other._long_bytes = self.long, set(self.unresolved), self._long_bytes
        other.revision, other.used = self.revision, self.used
        return other

    def has_room(self, segments: int) -> bool:
        return len(self.live) >= segments * SEGMENT_ROWS

    def put(self, segment: int, content: bytes | None) -> None:
        """Set a segment from the bytes in the store; None: all its rows are empty."""
        rows, start = span(segment), segment * SEGMENT_ROWS
        words = self.words[:, rows]
        words[:] = 0
        if content:
            most = min(len(content) // self.width, SEGMENT_ROWS) * self.width
            found = words_from(content[:most], self.width)
            words[:, : found.shape[1]] = found
        self.live[rows] = words[0] != 0
        self.unresolved = {row for row in self.unresolved if row // SEGMENT_ROWS != segment}
        if self.long:
            self.long = {row: text for row, text in self.long.items() if row // SEGMENT_ROWS != segment}
        self.unresolved.update((np.flatnonzero(is_long(words)) + start).tolist())

    def has_rows(self, rows: Rows, words: Words) -> bool:
        """Tell whether rows have these hashes, of which none is too long for its place."""
        return not is_long(words).any() and np.array_equal(self.words[:, rows], words)

    def put_rows(self, rows: Rows, words: Words) -> None:
        """Set the hashes of some rows."""
        self.words[:, rows], self.live[rows] = words, words[0] != 0
        self.unresolved.difference_update(rows.tolist())
        if not self.long.keys().isdisjoint(rows.tolist()):
            self.long = {row: text for row, text in self.long.items() if row not in set(rows.tolist())}
        self.unresolved.update(rows[is_long(words)].tolist())

    def resolve(self, long: Mapping[int, bytes]) -> None:
        """Put down the whole hashes of rows that have long ones."""
        for row, text in long.items():
            self.words[:, row] = Hashes(self.words, {}).words_of(text)
        self.long = {**self.long, **long}
        self._long_bytes = sum(len(text) + ENTRY_BYTES for text in self.long.values())
        self.unresolved.difference_update(long)


class Column(Pinned):
    """The values of a field; of empty rows it has none. It counts the numbers and the others (texts, booleans)."""

    def __init__(self, segments: int) -> None:
        super().__init__()
        room = _room(segments)
        self.values: Floats = np.full(room * SEGMENT_ROWS, np.nan)
        self._numbers: npt.NDArray[np.int32] = np.zeros(room, dtype=np.int32)
        self._others = self._numbers.copy()
        #: The sums of both while they are known: every look at a column asks for them.
        self._totals: tuple[int, int] | None = None
        self.nbytes = self.values.nbytes + self._numbers.nbytes + self._others.nbytes

    @property
    def numbers(self) -> int:
        return self._counted()[0]

    @property
    def others(self) -> int:
        return self._counted()[1]

    def _counted(self) -> tuple[int, int]:
        if self._totals is None:
            self._totals = int(self._numbers.sum()), int(self._others.sum())
        return self._totals

    def copy(self, segments: int) -> Column:
        """Return the same with room for so many segments."""
        other = Column(segments)
        rows = min(len(self.values), len(other.values))
        parts = rows // SEGMENT_ROWS
        other.values[:rows] = self.values[:rows]
        other._numbers[:parts], other._others[:parts] = self._numbers[:parts], self._others[:parts]
        other.revision, other.used = self.revision, self.used
        return other

    def has_room(self, segments: int) -> bool:
        return len(self.values) >= segments * SEGMENT_ROWS

    def put(self, segment: int, content: bytes | None, live: Mask) -> None:
        """Set a segment from the bytes in the store; `live` tells which of all rows hold a run."""
        rows, self._totals = span(segment), None
        values = self.values[rows]
        if content is None:
            values[:] = np.nan
            self._numbers[segment] = self._others[segment] = 0
            return
        bits = values.view(np.uint64)
        stored = np.frombuffer(content[: min(len(content), values.nbytes) // WORD * WORD], dtype="<u8")
        np.bitwise_xor(stored, np.uint64(MISSING), out=bits[: len(stored)])
        values[len(stored) :] = np.nan
        # A run that was deleted has left its values behind.
        values[~live[rows]] = np.nan
        self._numbers[segment] = np.count_nonzero(values == values)
        self._others[segment] = np.count_nonzero(bits != np.uint64(MISSING)) - self._numbers[segment]

    def put_rows(self, rows: Rows, content: bytes, live: Mask) -> None:
        """Set some rows, each once, from the bytes in the store, one row after another."""
        values = from_stored(content)
        values[~live[rows]] = np.nan
        if np.isfinite(values).all() and np.isfinite(self.values[rows]).all():
            # Numbers in place of numbers, as most changes are: nothing is to be counted.
            self.values[rows] = values
            return
        self._count(rows, -1)
        self.values[rows] = values
        self._count(rows, 1)

    def _count(self, rows: Rows, sign: int) -> None:
        """Count rows in, or with -1 out."""
        values, segments, self._totals = self.values[rows], rows // SEGMENT_ROWS, None
        is_number = values == values
        np.add.at(self._numbers, segments[is_number], sign)
        np.add.at(self._others, segments[~is_number & ~is_missing(values)], sign)
