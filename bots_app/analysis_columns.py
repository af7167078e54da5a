"""Columns of a session as its analysis takes them: of the runs that match."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from bots_app.chosen_columns import Columns
from bots_app.query import RunQuery
from bots_app.sweep import sweep
from bots_app.table.fields import CONFIG
from bots_app.table.query import fields_of_query, mask_of
from dashboard.store.shared import chunked
from sessions_app.records import SessionId

#: Values that are loaded together where a question is about every column: 256 MB.
MOST_VALUES = 32_000_000


@contextmanager
def columns_of(sid: SessionId, query: RunQuery, fields: Collection[str]) -> Iterator[Columns]:
    """Give fields of the runs that match. Raises SessionNotFound, IndexBuilding, Unavailable, InvalidParameter."""
    with sweep(sid, {*fields, *fields_of_query(query, is_ordered=False)}) as snapshot:
        yield Columns(snapshot, mask_of(snapshot, query))


def in_parts(sid: SessionId, query: RunQuery, names: Collection[str]) -> Iterator[tuple[list[str], Columns]]:
    """Give many fields a few at a time, so that memory stays bounded; each part is as new as its loading."""
    with columns_of(sid, query, ()) as columns:
        rows = columns.snapshot.rows
    for part in chunked(sorted(names), max(1, MOST_VALUES // max(1, rows))):
        with columns_of(sid, query, part) as columns:
            yield list(part), columns


def names_of(sid: SessionId) -> frozenset[str]:
    """Return the fields that have a column. One round trip."""
    with sweep(sid, ()) as snapshot:
        return snapshot.names()


def varying_parameters(sid: SessionId, query: RunQuery) -> list[str]:
    """Return the fields of the configuration in which the runs that match differ, by name."""
    names = [name for name in names_of(sid) if name.startswith(CONFIG)]
    return [name for part, columns in in_parts(sid, query, names) for name in part if columns.varies(name)]
