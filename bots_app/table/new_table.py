"""A generation of a session's sweep table made from nothing: whole segments, as commands for the store. No Redis.

What is there in the end is what `write_runs` would have left (lua/includes/table_*.lua). Kept in memory: one segment of
every column, and which sets of fields and which texts there are.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from math import ceil
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from bots_app.table.hashes import LONG
from bots_app.table.kept_columns import KeptColumns
from bots_app.table.quick_rows import Piece, QuickRow, piece_of, sorted_out
from bots_app.table.shapes import Fields, Shape
from bots_app.table.values import MISSING
from dashboard.store.keys import SEGMENT_ROWS, TableKeys
from dashboard.store.overlapped import Command
from dashboard.store.shared import chunked

#: Bytes of a hash that has a place of its own, at least and at most; a longer one stands apart.
LEAST_WIDTH, MOST_WIDTH, WORD = 16, 64, 8
#: Texts and sets of fields that are told apart, and the set of fields of the runs beyond; as in table_columns.lua.
MOST_TEXTS, MOST_SHAPES, ANY = 10_000, 10_000, "*"
#: Bytes up to which a string of the first segment is no longer than its rows, as in table_parts.lua.
MOST_GROWN = 8_192
#: Entries that one command adds, strings that it removes, shapes that it stores, and commands sent together.
ADDED, REMOVED, STORED, TOGETHER = 250, 50, 50, 64
#: Steps of the load in which a segment is sent: it takes eight for the next one to be full.
STEPS = 8
#: Score of a segment that nobody has read yet.
UNREAD = 0

Bits = npt.NDArray[np.uint64]


class TablePart(NamedTuple):
    """What one process has left to be settled of the runs that it has added; `hashes` are of its last segment."""

    rows: int
    width: int
    hashes: list[bytes]
    digests: list[str]
    values: dict[str, Bits]
    columns: KeptColumns
    written: dict[str, list[int]]
    shapes: dict[str, tuple[str, ...]]


class NewTable:
    """The table in the making; runs get their rows in the order in which they are added.

    Where several processes make parts of one, `number` gives the next segment of all, and `width` is the same for all.
    """

    def __init__(
        self, keys: TableKeys, *, number: Callable[[], int] | None = None, width: int = 0, is_part: bool = False
    ) -> None:  # fmt: skip
        self.keys, self._is_part = keys, is_part
        self.number = number or count().__next__
        self.rows = 0
        #: Bytes of a hash's place, 0 as long as there is no run.
        self.width = width
        self._columns = KeptColumns()
        #: The segments in which each column was written.
        self._written: dict[str, list[int]] = {}
        #: The names of each set of fields.
        self._shapes: dict[str, tuple[str, ...]] = {}
        self._texts: set[int] = set()
        #: Of the segment at hand: the hash and the shape of each row, and the values.
        self._hashes: list[bytes] = []
        self._digests: list[str] = []
        self._values: dict[str, Bits] = {}
        self._due: deque[Command] = deque()
        self._pace = 0

    def add(self, hashes: Sequence[str], fields: Sequence[Fields | QuickRow]) -> None:
        """Take in some runs, all different and new."""
        names = list(map(str.encode, hashes))
        pieces, alone = sorted_out(fields)
        for places, piece in pieces:
            self._count(piece.shapes)
            self._add_piece([names[place] for place in places], piece)
        if alone:
            self._add_piece([names[place] for place, _ in alone], self._piece([one for _, one in alone]))

    def _piece(self, fields: list[Fields]) -> Piece:
        shapes = [one.shape for one in fields]
        self._count(shapes)
        if not self._columns.is_complete():
            has = self._columns.has
            fields = [Fields.of({name: value for name, value in one.items() if has(name)}) for one in fields]
        return piece_of(fields)._replace(shapes=shapes)

    def due(self) -> list[Command]:
        """Return the commands that are to be sent with this step."""
        return self._next(self._pace)

    def rest(self) -> Iterator[list[Command]]:
        """Yield the commands that were not sent yet, some at a time, once all runs have been added."""
        if self._hashes:
            self._finish_segment()
        self._settle()
        yield from self.rest_of_part()

    def rest_of_part(self) -> Iterator[list[Command]]:
        """Yield the commands that were not sent yet, some at a time; the last segment is left for `part`."""
        while self._due:
            yield self._next(TOGETHER)

    def part(self) -> TablePart:
        """Return what is left to be settled."""
        at = len(self._hashes)
        values = {name: values[:at] for name, values in self._values.items()}
        return TablePart(
            self.rows, self.width, self._hashes, self._digests, values, self._columns, self._written, self._shapes
        )  # fmt: skip

    def take(self, part: TablePart) -> None:
        """Take in what another process has made."""
        self.width = part.width
        for name, segments in part.written.items():
            self._written.setdefault(name, []).extend(segments)
        self._shapes |= part.shapes
        self._remove(self._columns.merge(part.columns))
        # Its last rows have not been counted among those here; the others have theirs by now.
        self.rows += part.rows - len(part.hashes)
        self._place(part.hashes, part.digests, list(part.values), list(part.values.values()))

    def stats(self) -> dict[str, Any]:
        """Return what the session's stats have to say of it; nothing of a table without runs."""
        generation = self.keys.prefix.split(":")[-2]
        return {"table": generation, "rows": self.rows, "width": self.width} if self.rows else {}

    def gap(self) -> int:
        """Return by how many runs the rarest column is before the commonest field without one; 0 if unknown."""
        return self._columns.gap

    def _next(self, count: int) -> list[Command]:
        return [self._due.popleft() for _ in range(min(count, len(self._due)))]

    def _add_piece(self, hashes: list[bytes], piece: Piece) -> None:
        """Take in runs whose fields have been counted."""
        self.width = self.width or width_of(hashes)
        self._add_texts(piece.texts, set(piece.statuses))
        self._place(hashes, self._told(piece.shapes), piece.names, piece.values)

    def _place(self, hashes: list[bytes], digests: list[str], names: list[str], values: Iterable[Bits]) -> None:
        """Give runs the next rows; every column is as long as there are runs."""
        start = 0
        while start < len(hashes):
            at = len(self._hashes)
            end = min(len(hashes), start + SEGMENT_ROWS - at)
            for column, numbers in zip(names, values, strict=True):
                part = numbers[start:end]
                if self._columns.has(column) and part.any():
                    if column not in self._values:
                        self._values[column] = np.zeros(SEGMENT_ROWS, dtype="<u8")
                    self._values[column][at : at + end - start] = part
            self._hashes += hashes[start:end]
            self._digests += digests[start:end]
            self.rows += end - start
            if len(self._hashes) == SEGMENT_ROWS:
                self._finish_segment()
            start = end

    def _told(self, shapes: Sequence[Shape]) -> list[str]:
        """Return what each shape is told by, ANY of those beyond the ones that are told apart."""
        found, known = [], self._shapes
        for shape in shapes:
            digest = shape.digest
            if digest not in known:
                if len(known) < MOST_SHAPES:
                    known[digest] = shape.names
                else:
                    digest = ANY
            found.append(digest)
        return found

    def _count(self, shapes: Sequence[Shape]) -> None:
        """Have fields counted; give a column to those that are to have one, take it from those that lose it."""
        counts: dict[str, int] = {}
        for shape, runs in Counter(shapes).items():
            for name in shape.names:
                counts[name] = counts.get(name, 0) + runs
        added, lost = self._columns.count(counts)
        for some in chunked(added, ADDED):
            self._due.append(("SADD", self.keys.name("columns"), *some))
        self._remove(lost)

    def _add_texts(self, texts: dict[str, int], statuses: set[Any]) -> None:
        """Store texts beside their codes as far as there is room, those of statuses in any case."""
        new: list[Any] = []
        for text, bits in texts.items():
            if bits not in self._texts and (len(self._texts) < MOST_TEXTS or text in statuses):
                self._texts.add(bits)
                new += (bits - MISSING, text)
        for some in chunked(new, 2 * ADDED):
            self._due.append(("HSET", self.keys.name("texts"), *some))

    def _finish_segment(self) -> None:
        """Have the segment at hand written: its hashes first, by which its other strings are found."""
        segment, count = self.number(), len(self._hashes)
        hashes, first = self._padded(segment), segment * SEGMENT_ROWS
        self._due.append(("SET", self.keys.hashes(segment), _sized(hashes, count, self.width, segment)))
        for name, values in self._values.items():
            self._written.setdefault(name, []).append(segment)
            text = _sized(values[:count].tobytes(), count, 8, segment)
            self._due.append(("SET", self.keys.values(segment, name), text))
        for name in ("changes", "moved"):
            self._due.append(("ZADD", self.keys.name(name), UNREAD, segment))
        pairs = zip(self._hashes, self._digests, strict=True)
        for some in chunked(enumerate(pairs, first), ADDED):
            places = [part for row, (name, digest) in some for part in (name, f"{row} {digest}")]
            self._due.append(("HSET", self.keys.name("places"), *places))
        self._hashes, self._digests, self._values = [], [], {}
        self._pace = ceil(len(self._due) / STEPS)

    def _padded(self, segment: int) -> bytes:
        """Return the hashes of the segment at hand as they stand in the store; have those that are too long kept."""
        hashes, long = self._hashes, dict[int, bytes]()
        if max(map(len, hashes)) > self.width or not all(hashes) or b"\0" in b"".join(hashes):
            for place, name in enumerate(hashes):
                if len(name) > self.width or not name or b"\0" in name:
                    long[place] = name
            mark = bytes([LONG])
            hashes = [mark if place in long else name for place, name in enumerate(hashes)]
        for some in chunked(long.items(), ADDED):
            pairs = [part for place, name in some for part in (segment * SEGMENT_ROWS + place, name)]
            self._due.append(("HSET", self.keys.name("long"), *pairs))
        return np.array(hashes, dtype=f"S{self.width}").tobytes()

    def _remove(self, names: list[str]) -> None:
        """Remove the columns of some names."""
        strings = []
        for name in names:
            self._values.pop(name, None)
            strings += [self.keys.values(segment, name) for segment in self._written.pop(name, ())]
        for some in chunked(strings, REMOVED):
            self._due.append(("UNLINK", *some))
        # Another process may have strings of it, which are found by its name if all is to be removed.
        for some in () if self._is_part else chunked(names, ADDED):
            self._due.append(("SREM", self.keys.name("columns"), *some))

    def _settle(self) -> None:
        """Keep the columns of the most frequent fields, and store what is known of all runs together."""
        self._remove(self._columns.settle())
        if self.rows:
            # The log of changed rows begins here: who reads the table as it is now finds all that comes after in it.
            self._due.append(("ZADD", self.keys.name("recent"), UNREAD, ""))
        for some in chunked(self._columns.omitted(), ADDED):
            self._due.append(("SADD", self.keys.name("omitted"), *some))
        is_complete, has = self._columns.is_complete(), self._columns.has
        for shapes in chunked(self._shapes.items(), STORED):
            flat: list[Any] = []
            for digest, names in shapes:
                flat += (digest, msgspec.json.encode(names if is_complete else [name for name in names if has(name)]))
            self._due.append(("HSET", self.keys.name("shapes"), *flat))


def width_of(hashes: Sequence[bytes]) -> int:
    """Return how many bytes the place of a hash takes in a table that begins with these."""
    longest = max(LEAST_WIDTH, *map(len, hashes))
    return min(MOST_WIDTH, WORD * ceil(longest / WORD))


def _sized(text: bytes, rows: int, width: int, segment: int) -> bytes:
    """Return the string of so many rows in the length that it has in the store."""
    is_grown = segment == 0 and rows * width <= MOST_GROWN
    return text if is_grown else text.ljust(SEGMENT_ROWS * width, b"\0")
