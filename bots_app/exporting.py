"""Exports: exactly the runs that a query matches, in its order, as a file that is made while it is sent.

The columns are those of one moment, held for as long as the file is being made. What no column tells, such as botId,
notes and tags, is read from the rows and the records, as they are when their part of the file is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Self

import msgspec
import numpy as np

from bots_app.exports import FORMATS, ExportField, FormatMissing, Kind, Piece
from bots_app.exports.values import values_of
from bots_app.metrics import ROW_METRICS
from bots_app.query import RunQuery
from bots_app.registry import BotRegistry
from bots_app.sweep import sweep
from bots_app.table.hashes import Rows
from bots_app.table.ordering import Ordering, TablePosition
from bots_app.table.query import fields_of_query, mask_of, start_of
from bots_app.table.selection import ordered, select
from bots_app.table.snapshot import Snapshot
from bots_app.table_lists import Start
from dashboard.errors import CursorInvalid, DashboardError, InvalidParameter
from dashboard.store import cursor as cursors
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.store.shared import chunked
from dashboard.tolerant import json_safe
from sessions_app.records import SessionId

#: Columns of a file unless others are asked for: those of a row of the list.
USUAL_FIELDS = ("status", "profit", "botId", "lastUpdated", *ROW_METRICS)
#: What only records have, and what it is there.
OF_RECORDS = {"botId": Kind.TEXT, "notes": Kind.TEXT, "tags": Kind.MIXED}
#: Rows made at once, and rows of the list read in one round trip.
PIECE_ROWS, READ_ROWS = 5_000, 1_000


@dataclass(frozen=True)
class Wanted:
    """What a file is to hold: its format, its fields, where it begins in the list and how many runs it may hold."""

    format: str = "csv"
    fields: tuple[str, ...] = ()
    cursor: str | None = None
    start: Start | None = None
    limit: int | None = None


class _Row(msgspec.Struct):
    """What a row of the list has that no column has."""

    botId: str | None = None


class Export:
    """The bytes of a file, a piece at a time; close it, read or not, to let go of the columns it is made of."""

    def __init__(self, sid: SessionId, query: RunQuery, wanted: Wanted, *, facts: Mapping[str, str]) -> None:
        """Find the runs and their order.

        Raises SessionNotFound, CursorInvalid, InvalidParameter, Unavailable. Cost: a sort of all runs that match.
        """
        self.sid, self.query, self.format = sid, query, FORMATS[wanted.format]
        names = [name for name in wanted.fields or USUAL_FIELDS if name != "configHash"]
        columns = fields_of_query(query).union(name for name in names if name not in OF_RECORDS)
        with ExitStack() as stack:
            self._snapshot = stack.enter_context(sweep(sid, columns))
            self._rows, self.total, self.next_cursor = self._list(self._snapshot, wanted)
            values = {name: values_of(self._snapshot, name) for name in names if name not in OF_RECORDS}
            self._values = {name: found for name, found in values.items() if found is not None}
            self.fields = [ExportField(name, self._kind(name)) for name in names]
            facts = {"session": str(sid), "rows": str(self.rows), "total": str(self.total), **facts}
            try:
                self._content = self.format.write(self.fields, self._pieces(), facts)
            except FormatMissing as missing:
                raise InvalidParameter("format", str(missing)) from missing
            self._stack = stack.pop_all()
        self._broken: Exception | None = None

    @property
    def rows(self) -> int:
        """Return how many runs the file holds."""
        return len(self._rows)

    @property
    def is_stale(self) -> bool:
        """Tell whether another program wrote runs that the columns do not know yet."""
        return self._snapshot.is_stale

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        """Return the next bytes.

        Should the store fail, what tells that the file is not whole is the last of them; then the error is raised.
        """
        if self._broken is not None:
            raise self._broken
        try:
            return next(self._content)
        except StopIteration:
            self.close()
            raise
        except Exception as error:
            self.close()
            self._broken = error
            why = str(error) if isinstance(error, DashboardError) else "something went wrong on our side"
            return self.format.broken(self.fields, why)

    def close(self) -> None:
        """Let go of the columns."""
        self._stack.close()

    def _list(self, snapshot: Snapshot, wanted: Wanted) -> tuple[Rows, int, str | None]:
        """Return the rows of the file in order, how many match in all, and the cursor behind the last of these rows."""
        scope = self.query.scope(self.sid)
        mask, ordering = mask_of(snapshot, self.query), Ordering(snapshot, self.query.order)
        total, begin = int(np.count_nonzero(mask)), 0
        if wanted.cursor:
            position = TablePosition.unpack(cursors.decode(wanted.cursor, scope=scope))
            if position.backward:
                raise CursorInvalid("it leads backward; an export goes on forward, from a next cursor.")
            if position.values:
                place = ordering.place(position)
                begin = select(mask, ordering.order, limit=0, place=place).preceding
        elif wanted.start is not None:
            begin = start_of(wanted.start, total) - 1 if isinstance(wanted.start, float) else wanted.start - 1
        end = total if wanted.limit is None else min(total, begin + wanted.limit)
        rows = ordered(mask, ordering.order)[begin:end].copy()
        if end >= total or not len(rows):
            return rows, total, None
        [last] = ordering.order.hashes.at(rows[-1:])
        behind = ordering.position(int(rows[-1]), last, backward=False)
        return rows, total, cursors.encode(behind.pack(), scope=scope)

    def _kind(self, name: str) -> Kind:
        found = self._values.get(name)
        return found.kind if found is not None else OF_RECORDS.get(name, Kind.MIXED)

    def _pieces(self) -> Iterator[Piece]:
        names = [field.name for field in self.fields if field.name not in self._values]
        for start in range(0, len(self._rows), PIECE_ROWS):
            rows = self._rows[start : start + PIECE_ROWS]
            hashes = self._snapshot.hashes_at(rows)
            columns: dict[str, Sequence[Any]] = {name: found.of(rows) for name, found in self._values.items()}
            if names == ["botId"]:
                columns["botId"] = self._bots(hashes)
            elif names:
                records = BotRegistry().rows(self.sid, hashes, names)
                columns |= {name: [json_safe(record[name]) for record in records] for name in names}
            yield Piece(hashes, columns)

    def _bots(self, hashes: Sequence[str]) -> list[str | None]:
        """Return the botId of each run, from the rows of the list, and from the records of those that have none."""
        key = SessionKeys(str(self.sid)).index("rows")
        found: list[str | None] = []
        for chunk in chunked(hashes, READ_ROWS):
            texts = client().hmget(key, chunk)
            lacking = [config_hash for config_hash, text in zip(chunk, texts, strict=True) if text is None]
            read = iter(BotRegistry().rows(self.sid, lacking, ["botId"]) if lacking else ())
            found += [
                next(read)["botId"] if text is None else msgspec.json.decode(text, type=_Row).botId for text in texts
            ]
        return found
