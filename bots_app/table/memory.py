"""The columns that this process holds, of all sessions, in bounded memory: what was used longest ago is let go first.

The bound, the setting TABLE_MEMORY_MB, is on what stays between requests. Columns in use stay until they are not: a
column, or a few, that need more than that are loaded for the one request and let go.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import cache

from django.conf import settings

from bots_app.table.session_table import Answer, HashesOf, SessionGone, SessionTable
from bots_app.table.snapshot import Snapshot
from dashboard.store.keys import SessionKeys
from dashboard.store.pages import NotBuilt


class TableMemory:
    """The sessions' columns; `most_bytes` may stay between requests, None: what the setting says."""

    def __init__(self, most_bytes: int | None = None) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._tables: dict[str, SessionTable] = {}

    @property
    def most_bytes(self) -> int:
        if self._most_bytes is not None:
            return self._most_bytes
        return settings.TABLE_MEMORY_BYTES

    @property
    def nbytes(self) -> int:
        return sum(table.nbytes for table in self._all())

    @contextmanager
    def snapshot(self, keys: SessionKeys, fields: Collection[str]) -> Iterator[Snapshot]:
        """Give the state of now of these fields of a session. Raises SessionGone, NotBuilt, Unavailable.

        A field that has no column is left out. Cost: one round trip if all are held already.
        """
        table = self._tables.get(keys.tag) or self._made(keys)
        try:
            snapshot = table.snapshot(fields)
        except (SessionGone, NotBuilt):
            self._forget(table)
            raise
        try:
            yield snapshot
        finally:
            snapshot.release()
            self._trim()

    def guess(
        self,
        keys: SessionKeys,
        fields: Collection[str],
        work: Callable[[Snapshot], Answer],
        *,
        hashes_of: HashesOf[Answer],
    ) -> tuple[Answer, list[bytes | None]] | None:
        """Return what `SessionTable.guess` does, None for a session of which nothing is held."""
        table = self._tables.get(keys.tag)
        try:
            return None if table is None else table.guess(fields, work, hashes_of=hashes_of)
        finally:
            self._trim()

    def _made(self, keys: SessionKeys) -> SessionTable:
        with self._lock:
            return self._tables.setdefault(keys.tag, SessionTable(keys))

    def _all(self) -> list[SessionTable]:
        with self._lock:
            return list(self._tables.values())

    def _forget(self, table: SessionTable) -> None:
        with self._lock:
            if self._tables.get(table.keys.tag) is table:
                del self._tables[table.keys.tag]

    def _trim(self) -> None:
        """Let go of columns, then of arrays worked out from them, then of whole sessions, until the rest fits."""
        tables = self._all()
        excess = sum(table.nbytes for table in tables) - self.most_bytes
        if excess <= 0:
            return
        tables.sort(key=lambda table: table.used)
        columns = sorted(
            ((column.used, name, table) for table in tables for name, column in list(table.columns.items())),
            key=lambda entry: entry[:2],
        )
        for _, name, table in columns:
            before = table.nbytes
            if excess > 0 and table.drop(name):
                excess -= before - table.nbytes
        for table in tables:
            before = table.nbytes
            while excess > 0 and table.derived.drop_oldest():
                excess -= before - table.nbytes
                before = table.nbytes
            if excess > 0 and table.is_idle():
                excess -= before
                self._forget(table)


@cache
def memory() -> TableMemory:
    """Return what this process holds."""
    return TableMemory()
