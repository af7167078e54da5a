"""Finding sessions that other programs made or changed: the one place that walks over the key space, in small steps.

Our own writes number their changes in the list of sessions themselves. What programs wrote that know only the six fixed
keys is searched for on first use, and then again every few minutes in the background; the summaries of the sessions
already listed are looked at more often. `list_session` takes notice of one at once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator

from dashboard.errors import DashboardError, StoreUnavailable
from dashboard.store import keys as store_keys
from dashboard.store.answers import answers
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.store.session_list import Notice, listed, note
from dashboard.store.shared import chunked
from dashboard.tolerant import from_bytes
from sessions_app.summaries import Stored, read_summaries, sha_of

#: Seconds for which the list of sessions is taken to be complete before another search starts in the background.
SEARCH_EVERY_S = 300
#: Seconds after which the summaries listed are looked at again: this for a few sessions, a minute for 10,000.
CHECK_EVERY_S = 5
CHECKED_A_SECOND = 200
#: Keys a step of the search looks at: a key that nobody has used for long takes Redis some 20 us at worst.
STEP = 250
#: Sessions a step of a check looks at.
CHUNK = 200

log = logging.getLogger(__name__)


def discover() -> set[str]:
    """Search for sessions now, list those found and unlist those gone; return the ids found.

    A store that takes no writes is searched all the same, and its list stays as it is. Cost: one SCAN of the key space
    for each of two shapes, and a check of every session.
    """
    found = set(find_session_ids())
    try:
        check_sessions(found | set(listed()))
        pipe = client().pipeline()
        pipe.hset(store_keys.list_key("state"), "searched", 1)
        pipe.set(store_keys.list_key("discovered"), 1, ex=SEARCH_EVERY_S)
        pipe.set(store_keys.list_key("checked"), 1, ex=_check_after_s(len(found)))
        pipe.execute()
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
    """Take notice in the list of what lies in Redis of a session, whoever wrote or deleted it.

    Cost: three round trips.
    """
    check_sessions([sid])


def check_sessions(names: Iterable[str]) -> int:
    """List each session as it is now, or unlist it when it is gone; return how many had changed unnoticed."""
    count = 0
    for chunk in chunked(names, CHUNK):
        notices = _notices(read_summaries(chunk))
        note(notices)
        count += len(notices)
    return count


def _notices(found: list[Stored]) -> list[Notice]:
    """Return those sessions that are otherwise than when the list last took notice of them."""
    pipe = client().pipeline()
    for one in found:
        pipe.zscore(store_keys.SESSIONS, one.sid)
        pipe.hget(store_keys.list_key("seen"), one.sid)
        pipe.hget(SessionKeys(one.sid).index("stats"), "summary_text")
    states = iter(answers(pipe))
    notices = []
    for one in found:
        number, seen, own = (next(states) for _ in range(3))
        seen_at, _, seen_sha = (seen or b"").decode().partition(" ")
        if one.summary is None:
            if number is not None:
                notices.append(Notice(one.sid, gone_at=number))
            continue
        # The last change that has a number was that seen, or one of our scripts'.
        is_seen = number is not None and bool(seen_at) and float(seen_at) == number
        known = seen_sha if is_seen else sha_of(own)
        if number is None or one.sha != known:
            notices.append(Notice(one.sid, seen=one.sha))
    return notices


def _check_after_s(count: int) -> int:
    return CHECK_EVERY_S + count // CHECKED_A_SECOND


def discover_in_background() -> None:
    """Search in a thread, unless another process does."""
    _start("discovered", SEARCH_EVERY_S, discover)


def check_in_background(count: int) -> None:
    """Check the sessions listed, about so many, in a thread, unless another process does."""
    _start("checked", _check_after_s(count), lambda: check_sessions(listed()))


def _start(mark: str, seconds: int, work: Callable[[], object]) -> None:
    def run() -> None:
        try:
            work()
        except DashboardError as error:
            log.warning("The search for what other programs wrote of sessions stopped: %s", error)

    try:
        is_ours = client().set(store_keys.list_key(mark), 1, ex=seconds, nx=True)
    except StoreUnavailable as error:
        # A server that takes no writes can still be read.
        log.info("No search for what other programs wrote of sessions: %s", error)
        return
    if is_ours:
        threading.Thread(target=run, name=f"sessions-{mark}", daemon=True).start()
