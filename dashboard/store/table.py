"""A session's sweep table as the store has it: segments of columns, read one by one or as far as they have changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from dashboard.store.client import client
from dashboard.store.keys import SEGMENT_ROWS, SessionKeys
from dashboard.store.lean import Command
from dashboard.store.pages import NotBuilt
from dashboard.store.scripts import script
from dashboard.store.shared import INDEX_VERSION, chunked
from dashboard.store.table_tail import TailRow, tail_rows
from dashboard.tolerant import from_bytes

#: Segments of a column that one call reads: 1 MB, which hold the server for half a millisecond mostly, and for some
#: milliseconds where it has to find new room for the answer.
SEGMENTS_A_CALL = 32
#: What the script answers where it tells of rows one by one.
ROWS = 2
#: Long hashes that one call reads.
LONG_A_CALL = 1_000


class ChangedRows(msgspec.Struct, frozen=True):
    """Rows one by one: the bytes of their hashes, and of the values of each field, one row after another.

    There are no hashes where no row has got another one.
    """

    rows: list[int]
    hashes: bytes
    values: list[bytes]


class TableReply(msgspec.Struct, frozen=True):
    """What the script found; `changes` are the segments changed since, each with the revision of its last change.

    Where it is whole, either `changed_rows` are all rows that changed, with their hashes and values in one piece for
    each field; or `moved` are the segments whose hashes changed, and `pieces` the values of each field in each of
    `changes`; None stands for zero bytes alone. Else too much has changed to be told at once. `tail` are runs that are
    newer than all that: those which have changed since, or all where columns are read.
    """

    generation: str
    revision: int
    rows: int
    width: int
    is_stale: bool
    texts: int
    long: int
    places: int
    names: frozenset[str] | None
    changes: dict[int, int]
    is_whole: bool
    moved: list[int]
    hashes: list[bytes | None]
    pieces: list[list[bytes | None]]
    changed_rows: ChangedRows | None = None
    tail: list[TailRow] = []

    def state(self, columns: int) -> str:
        """Return what the table is like, having so many columns, as `read_same` takes it."""
        sizes = (self.texts, self.long, self.places, columns)
        return "".join(
            f"{one} " for one in (self.generation, self.revision, self.rows, self.width, int(self.is_stale), *sizes)
        )


def read_table(
    keys: SessionKeys, *, generation: str, revision: int, names: int, fields: Sequence[str], most: int,
    is_cold: bool = False,
) -> TableReply | None:  # fmt: skip
    """Return what has changed since a revision of a generation, None when there is no such session. Raises NotBuilt.

    `names` is how many columns are known, `most` how many segments of one column may be answered, `is_cold` tells that
    columns will be read from the store which are not among the fields. One round trip.
    """
    command = _command(keys, keys.tag, tuple(fields))
    known = (SEGMENT_ROWS, generation, revision, names, most, int(is_cold))
    reply: list[Any] = script("read_table").read(command, known)
    if reply[0] == b"missing":
        return None
    if reply[0] == b"unbuilt":
        raise NotBuilt(reply[1])
    _, found, at, rows, width, stale, texts, long, places, columns, changes, told, changed, hashes, *rest = reply
    tail, shapes, *pieces = rest
    numbers = [int(one) for one in changed]
    is_by_row, newest = told == ROWS, [one for one in tail_rows(tail, shapes) if one.row < rows]
    return TableReply(
        found.decode(), int(at), rows, width, stale == 1 or 2 * len(newest) < len(tail), texts, long, places,
        None if columns is None else frozenset(map(from_bytes, columns)),
        {int(segment): int(float(score)) for segment, score in zip(changes[::2], changes[1::2], strict=True)},
        told > 0, [] if is_by_row else numbers, [] if is_by_row else hashes, [] if is_by_row else pieces,
        ChangedRows(numbers, hashes, pieces) if is_by_row else None, newest,
    )  # fmt: skip


def read_same(keys: SessionKeys, state: str, hashes: Sequence[str]) -> list[bytes | None] | None:
    """Return the row of each run if the table is as `TableReply.state` said, None if it is not. One round trip."""
    found: list[bytes | None] | None = script("read_same").read(_same(keys, keys.tag, len(hashes)), (state, *hashes))
    return found


@lru_cache(1024)
def _command(keys: SessionKeys, tag: str, fields: tuple[str, ...]) -> Command:
    """Return the call without what is known; `tag` tells keys apart that differ by the settings."""
    args = [INDEX_VERSION, keys.table_prefix, len(fields), *fields]
    return script("read_table").command(_names(keys), args, rest=6)


@lru_cache(1024)
def _same(keys: SessionKeys, tag: str, rows: int) -> Command:
    """Return the call for so many rows without what is known."""
    return script("read_same").command(_names(keys), [INDEX_VERSION, keys.table_prefix], rest=1 + rows)


def _names(keys: SessionKeys) -> list[str]:
    return [keys.bots, keys.index("stats"), keys.summary, keys.index("rows"), keys.profit, keys.index("unranked")]


def read_values(
    keys: SessionKeys, generation: str, field: str, segments: Sequence[int]
) -> Iterator[tuple[int, bytes | None]]:
    """Yield segments of a column with their bytes, some behind the others; each call reads a bounded number."""
    table = keys.table(generation)
    for chunk in chunked(segments, SEGMENTS_A_CALL):
        yield from zip(chunk, client().mget([table.values(segment, field) for segment in chunk]), strict=True)


def read_hashes(
    keys: SessionKeys, generation: str, segments: Sequence[int], width: int
) -> Iterator[tuple[int, bytes | None]]:
    """Yield segments with the bytes of their hashes."""
    table = keys.table(generation)
    for chunk in chunked(segments, max(1, SEGMENTS_A_CALL * 8 // width)):
        yield from zip(chunk, client().mget([table.hashes(segment) for segment in chunk]), strict=True)


def read_long(keys: SessionKeys, generation: str, rows: Sequence[int]) -> dict[int, bytes]:
    """Return the hashes of rows whose places are too small for them, as far as they are there."""
    found: dict[int, bytes] = {}
    for chunk in chunked(rows, LONG_A_CALL):
        texts = client().hmget(keys.table(generation).name("long"), chunk)
        found |= {row: text for row, text in zip(chunk, texts, strict=True) if text is not None}
    return found


def read_texts(keys: SessionKeys, generation: str) -> dict[int, str]:
    """Return the texts that are kept beside their codes, some 10,000 at most."""
    found = client().hgetall(keys.table(generation).name("texts"))
    return {int(code): from_bytes(text) for code, text in found.items()}


def read_omitted(keys: SessionKeys, generation: str) -> list[str]:
    """Return fields for which there was no column left, 1,000 at most. One round trip."""
    return [from_bytes(name) for name in client().smembers(keys.table(generation).name("omitted"))]
