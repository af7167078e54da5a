"""Lists that leave some statuses out: the merge of all others that the session has.

Which statuses there are is remembered, so that such a page costs one round trip as any other. That nothing was missed
is told by the session's revision, and where that has moved on, by a second look.
"""

from __future__ import annotations

from collections.abc import Callable

from bots_app.query import RunQuery
from dashboard.errors import Unavailable
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.store.pages import PageReply
from dashboard.tolerant import from_bytes

#: Attempts while statuses come to be or pass away.
ATTEMPTS = 5
#: Sessions whose statuses are remembered.
MOST_REMEMBERED = 10_000

Seen = tuple[int, frozenset[str]]

#: By session: a revision, and the statuses there were then.
_remembered: dict[str, Seen] = {}


def read_others(keys: SessionKeys, query: RunQuery, read: Callable[[RunQuery], PageReply | None]) -> PageReply | None:
    """Return what `read` answers for all statuses but those the query leaves out. Raises Unavailable, NotBuilt.

    No run is missed because it has got a status that was not there before.
    """
    seen = _remembered.get(keys.tag) or look(keys)
    for _ in range(ATTEMPTS):
        reply = read(query.with_others(seen[1]))
        if reply is None or reply.revision == seen[0]:
            return reply
        statuses, seen = seen[1], look(keys)
        if seen[1] == statuses:
            return reply
    raise Unavailable("The statuses of this session change too often to be listed; try again.")


def look(keys: SessionKeys) -> Seen:
    """Return the session's revision, and every status that its runs have or have had. Cost: one round trip."""
    pipe = client().pipeline()
    pipe.hget(keys.index("stats"), "revision")
    pipe.hkeys(keys.index("stats"))
    revision, names = pipe.execute()
    seen = int(revision or 0), frozenset(from_bytes(name[2:]) for name in names if name.startswith(b"n:"))
    if len(_remembered) >= MOST_REMEMBERED:
        _remembered.clear()
    _remembered[keys.tag] = seen
    return seen
