"""What builds of a session's indexes have left that were killed: nothing is wrong with it, but it takes room."""

from __future__ import annotations

from collections.abc import Callable

from bots_app.bulk import STEP
from dashboard.store.client import KeyTypeError, client
from dashboard.store.dropped_tables import drop_builds, remove_dropped
from dashboard.store.keys import SessionKeys
from dashboard.store.trash import free
from sessions_app.records import SessionId


def remove_leftovers(sid: SessionId, *, between: Callable[[], object] = lambda: None) -> int:
    """Remove what builds that were killed have left; return the number of keys. Nobody may be building."""
    keys = SessionKeys(str(sid))
    left = set(client().scan_iter(match=keys.pattern(keys.builds_prefix), count=STEP))
    # First what the others tell of: should this be stopped, too, they still do.
    drop_builds(keys, left)
    remove_dropped(keys, between=between)
    return free(left, between=between)


def is_left_behind(sid: SessionId) -> bool:
    """Tell whether a build of the session's indexes was cut short, and nobody builds them now."""
    return is_begun(sid) and not client().exists(SessionKeys(str(sid)).index("builder"))


def is_begun(sid: SessionId) -> bool:
    """Tell whether a build of the session's indexes has begun and not ended."""
    try:
        return bool(client().hexists(SessionKeys(str(sid)).index("stats"), "building"))
    except KeyTypeError:
        return False
