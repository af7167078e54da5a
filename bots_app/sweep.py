"""The door to sweep tables: the state of a session's columns, for lists, figures, analysis and exports."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial

from bots_app.choosing import explained
from bots_app.deriving import INLINE_TABLE_RUNS, build, build_in_background
from bots_app.plateau_columns import enter_snapshot
from bots_app.table.memory import memory
from bots_app.table.session_table import SessionGone
from bots_app.table.snapshot import Snapshot, UnknownField
from bots_app.unindexed import wait_for_index
from dashboard.errors import SessionNotFound
from dashboard.store.keys import SessionKeys
from dashboard.store.pages import NotBuilt
from sessions_app.records import SessionId

#: Gives the state of now of fields of a session. Raises SessionGone, NotBuilt, Unavailable.
Opener = Callable[[SessionKeys, Collection[str]], AbstractContextManager[Snapshot]]


@contextmanager
def sweep(sid: SessionId, fields: Collection[str], *, opener: Opener | None = None) -> Iterator[Snapshot]:
    """Give the columns of these fields as they are now; a field that no run has is left out.

    They are those that this process holds, unless an opener gives others. A small session without a table gets one
    first. A field asked for of which it turns out that there was no column left for it is told of as such. Raises
    SessionNotFound, IndexBuilding, Unavailable. Cost: one round trip if this process holds the
    columns, else some 10 ms a column and million runs.
    """
    keys, snapshot_of = SessionKeys(str(sid)), opener or memory().snapshot
    with ExitStack() as stack:
        try:
            try:
                snapshot = enter_snapshot(stack, partial(snapshot_of, keys), fields)
            except NotBuilt as missing:
                if missing.cardinality > INLINE_TABLE_RUNS:
                    build_in_background(sid)
                    raise wait_for_index(sid, "a question that its sorted sets cannot answer") from None
                build(sid)
                snapshot = enter_snapshot(stack, partial(snapshot_of, keys), fields)
        except SessionGone:
            raise SessionNotFound(sid) from None
        try:
            yield snapshot
        except UnknownField as error:
            raise explained(sid, error) from error
