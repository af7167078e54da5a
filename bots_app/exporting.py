"""Exports: exactly the runs that a query matches, in its order, as a file that is made while it is sent.

The columns are those of one moment, put on the disk in the order of the file, so that neither many runs nor many fields
take memory while it is being made. What no column tells, such as botId, notes and tags, is read from the rows and the
records, as they are when their part of the file is made.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any, Self

import msgspec
import numpy as np

from bots_app.choosing import is_left_out
from bots_app.export_rows import OrderedColumns, OrderedCursors, OrderedHashes
from bots_app.exports import FORMATS, ExportField, FormatMissing, Kind, Piece
from bots_app.metrics import ROW_METRICS
from bots_app.query import RunQuery
from bots_app.registry import BotRegistry
from bots_app.sweep import sweep
from bots_app.table.hashes import Rows
from bots_app.table.on_disk import Scratch, snapshot_on_disk
from bots_app.table.ordering import Ordering, TablePosition
from bots_app.table.query import fields_of_query, mask_of, start_of
from bots_app.table.selection import ordered, select
from bots_app.table.snapshot import Snapshot
from bots_app.table_lists import Start
from dashboard.errors import CursorInvalid, DashboardError, InvalidParameter
from dashboard.heap import give_back
from dashboard.store import cursor as cursors
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.store.shared import chunked
from dashboard.structs import ready
from dashboard.tolerant import from_bytes, json_safe
from sessions_app.records import SessionId

#: Columns of a file unless others are asked for: those of a row of the list.
USUAL_FIELDS = ("status", "profit", "botId", "lastUpdated", *ROW_METRICS)
#: What only records have, and what it is there.
OF_RECORDS = {"botId": Kind.TEXT, "notes": Kind.TEXT, "tags": Kind.MIXED}
#: The field that says of each run where a file that breaks off behind it goes on.
CURSOR = "nextCursor"
#: What no column tells.
NO_COLUMNS = frozenset((*OF_RECORDS, CURSOR))
#: Rows made at once, and rows of the list read in one round trip.
PIECE_ROWS, READ_ROWS = 1_000, 250


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wanted:
    """What a file is to hold: its format, its fields, where it begins in the list and how many runs it may hold."""

    format: str = "csv"
    fields: tuple[str, ...] = ()
    cursor: str | None = None
    start: Start | None = None
    limit: int | None = None


@ready
class _Row(msgspec.Struct):
    """What a row of the list has that no column has."""

    botId: str | None = None


class Export:
    """The bytes of a file, a piece at a time; close it, read or not, to let go of the disk that it is made from."""

    def __init__(self, sid: SessionId, query: RunQuery, wanted: Wanted, *, facts: Mapping[str, str]) -> None:
        """Find the runs and their order, and put the columns on the disk, so that they take no memory from then on.

        Raises SessionNotFound, CursorInvalid, InvalidParameter, Unavailable. Cost: every column is read from the store,
        and a sort of all runs that match.
        """
        self.sid, self.query, self.format = sid, query, FORMATS[wanted.format]
        names = [name for name in wanted.fields or USUAL_FIELDS if name != "configHash"]
        of_table = [name for name in names if name not in NO_COLUMNS]
        with ExitStack() as stack:
            scratch = stack.enter_context(closing(Scratch()))
            with sweep(sid, fields_of_query(query).union(of_table), opener=snapshot_on_disk) as snapshot:
                #: Whether another program wrote runs that the columns do not know yet.
                self.is_stale = snapshot.is_stale
                ordering = Ordering(snapshot, query.order)
                rows = self._list(snapshot, ordering, wanted)
                self._hashes = OrderedHashes(scratch, snapshot.row_hashes, rows)
                # What there was no column for is read run by run.
                is_out = partial(is_left_out, sid, snapshot.generation)
                of_table = [name for name in of_table if snapshot.has(name) or not is_out(name)]
                self._columns = OrderedColumns(scratch, snapshot, rows, of_table, others=NO_COLUMNS)
                self._cursors = OrderedCursors(scratch, ordering, rows, self._scope) if CURSOR in names else None
            del snapshot, ordering, rows
            give_back()
            kinds = {**OF_RECORDS, CURSOR: Kind.TEXT, **self._columns.kinds()}
            self.fields = [ExportField(name, kinds.get(name, Kind.MIXED)) for name in names]
            #: Fields that only the records tell.
            self._others = [name for name in names if name != CURSOR and name not in self._columns.kinds()]
            facts = {"session": str(sid), "rows": str(self.rows), "total": str(self.total), **facts}
            try:
                self._content = self.format.write(self.fields, self._pieces(), facts)
            except FormatMissing as missing:
                raise InvalidParameter("format", str(missing)) from missing
            self._stack = stack.pop_all()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        """Return the next bytes.

        Should the store fail, what tells that the file is not whole is the last of them. No error is raised then: the
        server would log it, and end the answer as it ends a whole one.
        """
        try:
            return next(self._content)
        except StopIteration:
            self.close()
            raise
        except DashboardError as error:
            log.warning("An export of %s broke off: %s", self.sid, error)
            return self._break_off(str(error))
        except Exception:
            log.exception("An export of %s broke off.", self.sid)
            return self._break_off("something went wrong on our side")

    def _break_off(self, why: str) -> bytes:
        """Return what ends a file that is not whole; nothing follows."""
        self.close()
        self._content = iter(())
        return self.format.broken(self.fields, why)

    def close(self) -> None:
        """Let go of the disk."""
        self._stack.close()
        give_back()

    @property
    def _scope(self) -> str:
        return self.query.scope(self.sid)

    def _list(self, snapshot: Snapshot, ordering: Ordering, wanted: Wanted) -> Rows:
        """Return the rows of the file in order; note how many match in all, and the cursor behind the last row."""
        mask = mask_of(snapshot, self.query)
        total, begin = int(np.count_nonzero(mask)), 0
        if wanted.cursor:
            position = TablePosition.unpack(cursors.decode(wanted.cursor, scope=self._scope))
            if position.backward:
                raise CursorInvalid("it leads backward; an export goes on forward, from a next cursor.")
            if position.values:
                place = ordering.place(position)
                begin = select(mask, ordering.order, limit=0, place=place).preceding
        elif wanted.start is not None:
            begin = start_of(wanted.start, total) - 1 if isinstance(wanted.start, Fraction) else wanted.start - 1
        end = total if wanted.limit is None else min(total, begin + wanted.limit)
        rows = ordered(mask, ordering.order)
        rows = rows if end - begin == len(rows) else rows[begin:end].copy()
        #: How many runs the file holds, and how many match.
        self.rows, self.total, self.next_cursor = len(rows), total, None
        if end < total and len(rows):
            [last] = ordering.order.hashes.at(rows[-1:])
            behind = ordering.position(int(rows[-1]), last, backward=False)
            self.next_cursor = cursors.encode(behind.pack(), scope=self._scope)
        return rows

    def _pieces(self) -> Iterator[Piece]:
        for first in range(0, self.rows, PIECE_ROWS):
            last = min(self.rows, first + PIECE_ROWS)
            plain = self._hashes.part(first, last)
            hashes = [from_bytes(one) for one in plain]
            columns: dict[str, Sequence[Any]] = {**self._columns.part(first, last)}
            if self._cursors is not None:
                behind = self._cursors.part(first, last, plain)
                columns[CURSOR] = [*behind[:-1], self.next_cursor] if last == self.rows else behind
            if self._others == ["botId"]:
                columns["botId"] = self._bots(hashes)
            elif self._others:
                records = BotRegistry().rows(self.sid, hashes, self._others)
                columns |= {name: [json_safe(record[name]) for record in records] for name in self._others}
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
