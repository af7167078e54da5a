"""Comparing the rows of a session's sweep table with the places that its runs have, and with the rows that are free.

Whoever writes does so meanwhile: rows and places are read at one state, as `moved` tells, or a difference is looked at
again at one moment. Nothing is changed. Kept in memory: the name and the row of each run, some 0.3 kB a run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from sys import intern

import msgspec

from bots_app.table.hashes import LONG
from dashboard.store.client import client
from dashboard.store.keys import SEGMENT_ROWS, SessionKeys
from dashboard.store.shared import chunked
from dashboard.store.table import read_long
from dashboard.store.table_tail import name_at, read_tail
from dashboard.tolerant import from_bytes

#: Entries looked at in one step.
LOOKED_AT = 500
#: Attempts at reading rows that are given out and freed meanwhile.
ATTEMPTS = 10

#: A kind of difference, and an example of it.
Difference = tuple[str, str]
TWO_ROWS, NO_PLACE = "table: a run has two rows", "table: a row without a place"
NO_ROW, OTHER_ROW = "table: a place that names no row", "table: a place at a row that is not the run's"
NO_RUN = "table: a run that does not exist"
TAKEN, UNKNOWN = "table: a free row that is taken", "table: a free row that was never given out"
TWICE, NOT_FREE = "table: a row that is free twice", "table: an empty row that is not free"


class Place(msgspec.Struct, frozen=True, gc=False):
    """The row of a run, and its shape; of a million of them the garbage collector need not know."""

    row: int
    shape: str


class TableRows:
    """The rows of one generation, as far as they were given out when this was made."""

    def __init__(self, keys: SessionKeys, generation: str) -> None:
        self.keys, self.generation, self.table = keys, generation, keys.table(generation)
        rows, width = client().hmget(keys.index("stats"), "rows", "width")
        self.rows, self.width = int(rows or 0), int(width or 8)
        #: The places of the runs whose rows are theirs, those of a segment together.
        self.places: dict[bytes, Place] = {}
        self._empty: list[int] = []

    def differences(self) -> Iterator[Difference]:
        """Yield what does not agree; afterwards `places` are known."""
        for segment in range(-(-self.rows // SEGMENT_ROWS)):
            yield from self._segment(segment)
        yield from self._other_places()
        yield from self._free_rows()

    def _segment(self, segment: int) -> Iterator[Difference]:
        names, texts = self._read(segment)
        for name, text in zip(names.values(), texts, strict=True):
            place = place_in(text)
            if place and names.get(place.row) == name:
                self.places[name] = place
        for row, name in names.items():
            if name not in self.places or self.places[name].row != row:
                yield from self._other_row(row, name)
        start = segment * SEGMENT_ROWS
        self._empty += [row for row in range(start, min(self.rows, start + SEGMENT_ROWS)) if row not in names]

    def _other_row(self, row: int, name: bytes) -> Iterator[Difference]:
        """Look again at a row that is not the one its run has its place at."""
        stands, place = self._now(row, name)
        if stands == name and (place is None or place.row != row):
            is_twice = place is not None and self._now(place.row, name)[0] == name
            yield (TWO_ROWS if is_twice else NO_PLACE), from_bytes(name)

    def _read(self, segment: int) -> tuple[dict[int, bytes], list[bytes | None]]:
        """Return the names at the rows of a segment, and the place of each name, at one state if that can be had."""
        for _ in range(ATTEMPTS):
            before = self._moved(segment)
            names = self._names(segment)
            texts = [text for some in chunked(names.values(), LOOKED_AT) for text in self._places_of(some)]
            if self._moved(segment) == before:
                break
        return names, texts

    def _moved(self, segment: int) -> float | None:
        found: float | None = client().zscore(self.table.name("moved"), str(segment))
        return found

    def place_of(self, name: bytes) -> Place | None:
        """Return the place that a run has now."""
        return place_in(client().hget(self.table.name("places"), name))

    def _places_of(self, names: Sequence[bytes]) -> list[bytes | None]:
        found: list[bytes | None] = client().hmget(self.table.name("places"), names)
        return found

    def _names(self, segment: int) -> dict[int, bytes]:
        start, width = segment * SEGMENT_ROWS, self.width
        # MGET takes a key of another type for one that is not there.
        [content] = client().mget([self.table.hashes(segment)])
        content = content or b""
        slots = (content[at : at + width].rstrip(b"\0") for at in range(0, len(content), width))
        names = {start + at: name for at, name in enumerate(slots) if name and start + at < self.rows}
        long = [row for row, name in names.items() if name[0] == LONG]
        newest = [one for one in read_tail(self.keys, self.generation) if one.row // SEGMENT_ROWS == segment]
        return (
            names | read_long(self.keys, self.generation, long)
            | {one.row: one.config_hash for one in newest if one.row < self.rows}
        )  # fmt: skip

    def _now(self, row: int, name: bytes) -> tuple[bytes | None, Place | None]:
        """Return the name that stands at a row, None at an empty one, and the place of a run, both at one moment."""
        pipe = client().pipeline(transaction=True)
        segment, at = divmod(row, SEGMENT_ROWS)
        pipe.getrange(self.table.hashes(segment), at * self.width, (at + 1) * self.width - 1)
        pipe.hget(self.table.name("long"), str(row))
        pipe.hget(self.table.name("places"), name)
        pipe.hgetall(self.table.name("tail"))
        slot, long, place, tail = pipe.answers()
        # A string of the table may be another type of key.
        found: bytes = slot.rstrip(b"\0") if isinstance(slot, bytes) else b""
        is_long = bool(found) and found[0] == LONG and long is not None
        newest = name_at(row, tail) if isinstance(tail, dict) else None
        return newest or (long if is_long else found) or None, place_in(place)

    def _other_places(self) -> Iterator[Difference]:
        """Look through the places for those whose row holds another name or none."""
        for name, text in client().hscan_iter(self.table.name("places"), count=LOOKED_AT):
            if name in self.places:
                continue
            found = place_in(text)
            stands, place = self._now(found.row if found else 0, name)
            if found is None or found.row >= self._rows_now():
                yield NO_ROW, from_bytes(name)
            elif place == found and stands != name:
                is_run = client().hexists(self.keys.index("rows"), name)
                yield (OTHER_ROW if is_run else NO_RUN), from_bytes(name)

    def _rows_now(self) -> int:
        return int(client().hget(self.keys.index("stats"), "rows") or 0)

    def _free_rows(self) -> Iterator[Difference]:
        free, empty, rows = self._free(), set(self._empty), self._rows_now()
        for row, members in free.items():
            if row >= rows:
                yield UNKNOWN, str(row)
            elif len(members) > 1 and all(map(self._is_free, members)):
                yield TWICE, str(row)
            elif row < self.rows and row not in empty and self._is_taken(row, members[0]):
                yield TAKEN, str(row)
        left = [row for row in self._empty if row not in free]
        for _ in range(ATTEMPTS):
            before = self._all_moved() if left else None
            free = self._free() if left else {}
            left = [row for row in left if row not in free and self._now(row, b"")[0] is None]
            if not left or self._all_moved() == before:
                break
        for row in left:
            yield NOT_FREE, str(row)

    def _all_moved(self) -> list[tuple[bytes, float]]:
        found: list[tuple[bytes, float]] = client().zrange(self.table.name("moved"), 0, -1, withscores=True)
        return found

    def _free(self) -> dict[int, list[bytes]]:
        """Return the free rows, each with what stands for it."""
        found: dict[int, list[bytes]] = {}
        for member in client().sscan_iter(self.table.name("free"), count=LOOKED_AT):
            row = member.split(b" ")[0]
            if row.isdigit() and member not in found.get(int(row), ()):
                found.setdefault(int(row), []).append(member)
        return found

    def _is_taken(self, row: int, member: bytes) -> bool:
        """Tell whether a row holds a name while it is free: free before and after that is looked at."""
        return self._is_free(member) and self._now(row, b"")[0] is not None and self._is_free(member)

    def _is_free(self, member: bytes) -> bool:
        return bool(client().sismember(self.table.name("free"), member))


def place_in(text: bytes | None) -> Place | None:
    """Return the place that a text says, None of what is none."""
    row, _, shape = (text or b"").partition(b" ")
    return (
        Place(int(row), intern(shape.decode()))
        if row.isdigit() and len(row) < 16 and shape.isascii() and shape
        else None
    )
