"""Finding sessions that other programs made: the one place that walks over the key space, in small steps.

Our own writes list their session themselves, so that a list of sessions reads one sorted set. Sessions of programs that
know only the six fixed keys are found on first use and then again every few minutes, in the background.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

from dashboard.errors import DashboardError, InvalidSessionId, StoreUnavailable
from dashboard.store import keys as store_keys
from dashboard.store.client import client
from dashboard.tolerant import from_bytes
from sessions_app.records import SessionId, read_summary

#: Seconds for which the list of sessions is taken to be complete before another search starts in the background.
SEARCH_EVERY_S = 300
#: Keys a step of the search looks at: 1,000 take Redis about half a millisecond.
STEP = 1000

log = logging.getLogger(__name__)


def discover() -> set[str]:
    """Search for sessions now and list those found; return their ids, also where nothing can be written.

    Cost: one SCAN of the key space for each of two shapes.
    """
    found = set(find_session_ids())
    try:
        for sid in found:
            list_session(sid)
        client().set(store_keys.DISCOVERED, 1, ex=SEARCH_EVERY_S)
    except StoreUnavailable:
        log.warning("The store takes no writes: %d sessions of other programs are found, but not listed.", len(found))
    return found


def find_session_ids() -> Iterator[str]:
    """Yield the id of every session that has a summary or a set of runs; an id may come twice."""
    for pattern in ("bot_registry:session_current:*", "session:*:bots"):
        for key in client().scan_iter(match=pattern, count=STEP):
            found = store_keys.session_of(from_bytes(key))
            if found:
                yield found[0]


def list_session(sid: str) -> None:
    """Put the session into the list of sessions, at the time its summary says; one that is there stays where it is."""
    try:
        parsed = SessionId.parse(sid)
        text = client().get(store_keys.SessionKeys(sid).summary)
        summary = read_summary(parsed, text)
    except DashboardError as error:
        if not isinstance(error, InvalidSessionId) and error.status != 422:
            raise
        summary = None
    client().zadd(store_keys.SESSIONS, {sid: (summary and summary.lastUpdate) or 0}, nx=True)


def listed_session_ids() -> list[str]:
    """Return the id of every session known; the first call on a new data set searches, later ones use a thread."""
    pipe = client().pipeline()
    pipe.exists(store_keys.DISCOVERED)
    pipe.zrange(store_keys.SESSIONS, 0, -1)
    is_recent, members = pipe.execute()
    if is_recent:
        return [from_bytes(member) for member in members]
    if not members:
        return sorted(discover())
    if _is_ours_to_search():
        threading.Thread(target=_discover_quietly, name="discover-sessions", daemon=True).start()
    return [from_bytes(member) for member in members]


def _is_ours_to_search() -> bool:
    """Set the mark: whoever does so searches, the others go on with what is known."""
    try:
        return bool(client().set(store_keys.DISCOVERED, 1, ex=SEARCH_EVERY_S, nx=True))
    except StoreUnavailable:
        # A full store and a replica answer what they know.
        return False


def _discover_quietly() -> None:
    try:
        discover()
    except DashboardError as error:
        log.warning("The search for sessions of other programs stopped: %s", error)
