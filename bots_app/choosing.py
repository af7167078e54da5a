"""Which fields of a session have a column is chosen anew, by itself, once others may be the more frequent ones.

Between two choices a new field gets a column as long as there is one left, and is left out after that however many runs
have it. A choice counts all runs; put down with it (`chosen` among the session's stats) are the revision that was
counted, how long it took, and by how many runs the rarest column was ahead of the commonest field left out. As each
change of a run moves one count against another by two at most, it is known when a choice still holds. Who is asked for
what may be wrong sets another one going, in the background and beside readers and writers, which takes one part in
WORKED of the time at most, however often the session is written.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import NamedTuple

import msgspec

from bots_app.deriving import derive
from bots_app.table.snapshot import UnknownField
from dashboard.errors import DashboardError, InvalidParameter
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.store.lease import BuilderLease
from dashboard.structs import ready
from dashboard.tolerant import from_bytes
from sessions_app.records import SessionId

#: Between two choices is so many times as long as one took, and this at least (ms).
WORKED, LEAST_REST_MS = 20, 10_000
#: Seconds that a process waits after a choice that failed.
AFTER_FAILURE_S = 60.0

log = logging.getLogger(__name__)

#: Sessions whose columns this process chooses, and until when (monotonic) it leaves those alone where it failed.
_choosing: dict[str, float] = {}
_choosing_lock = threading.Lock()


@ready
class _Choice(msgspec.Struct):
    """How the columns were chosen: of which revision, when, how long it took (ms), and how clear it was (runs)."""

    of: int
    at: int
    took: int
    gap: int


class LeftOut(NamedTuple):
    """How many fields have no column, 1,000 at most, whether others may be the rarest by now, and of which table."""

    fields: int
    is_pending: bool
    generation: str


def left_out(sid: SessionId) -> LeftOut:
    """Return what there was no column left for; sets another choice going where it may be wrong and is time for it.

    Cost: two round trips.
    """
    generation, count, choice, changes = _looked_up(sid)
    is_pending = bool(count) and _is_doubtful(choice, changes)
    if is_pending and _is_time(choice):
        _choose_in_background(sid)
    return LeftOut(count, is_pending, generation)


def is_left_out(sid: SessionId, generation: str, field: str) -> bool:
    """Tell whether a field is known to have no column in a generation of the table. Cost: one round trip."""
    return bool(generation) and bool(client().sismember(SessionKeys(str(sid)).table(generation).name("omitted"), field))


def explained(sid: SessionId, error: UnknownField) -> InvalidParameter:
    """Return the error of a field that no column is there for: it may be one of those left out."""
    found = left_out(sid)
    if not found.fields or not is_left_out(sid, found.generation, error.field):
        return error
    then = (
        " They are being chosen anew, as it may be one of these by now: ask again in a moment."
        if found.is_pending
        else " `bots/fields` lists them."
    )
    return InvalidParameter(
        error.name,
        f"{error.place}{error.shown!r} has no column: a session has at most 500, for the fields that the most "
        f"runs have.{then}",
    )


def _looked_up(sid: SessionId) -> tuple[str, int, _Choice | None, int]:
    """Return the table's generation, how many fields have no column, the choice if there was one, and changes since."""
    keys = SessionKeys(str(sid))
    generation, revision, text = client().hmget(keys.index("stats"), "table", "revision", "chosen")
    if generation is None:
        return "", 0, None, 0
    name = from_bytes(generation)
    count = client().scard(keys.table(name).name("omitted"))
    try:
        choice = msgspec.json.decode(text or b"", type=_Choice, strict=False)
    except msgspec.DecodeError:
        return name, count, None, 0
    return name, count, choice, abs(int(revision or 0) - choice.of)


def _is_doubtful(choice: _Choice | None, changes: int) -> bool:
    return choice is None or 2 * changes > choice.gap


def _is_time(choice: _Choice | None) -> bool:
    now = time.time_ns() // 1_000_000
    return choice is None or not choice.at <= now < choice.at + max(WORKED * choice.took, LEAST_REST_MS)


def _choose_in_background(sid: SessionId) -> None:
    with _choosing_lock:
        if _choosing.get(str(sid), 0.0) > time.monotonic():
            return
        _choosing[str(sid)] = float("inf")
    threading.Thread(target=_choose, args=(sid,), name=f"index {sid} columns", daemon=True).start()


def _choose(sid: SessionId) -> None:
    rests_until = 0.0
    try:
        choose(sid)
    except DashboardError as error:
        log.warning("The columns of session %s could not be chosen anew: %s", sid, error)
        rests_until = time.monotonic() + AFTER_FAILURE_S
    finally:
        with _choosing_lock:
            _choosing[str(sid)] = rests_until
            if not rests_until:
                del _choosing[str(sid)]


def choose(sid: SessionId) -> bool:
    """Choose the columns anew unless the choice holds, or somebody builds the session's indexes; return whether.

    One process beside this one reads the records of a large session, so that requests are answered meanwhile. Raises
    StoreUnavailable, Unavailable, KeyTypeError.
    """
    lease = BuilderLease(SessionKeys(str(sid)).index("builder"))
    if lease.hold() is not None:
        return False
    try:
        # Another process may have been quicker.
        _, count, choice, changes = _looked_up(sid)
        is_needed = bool(count) and _is_doubtful(choice, changes) and _is_time(choice)
        if is_needed:
            derive(sid, lease, helpers=1)
        return is_needed
    finally:
        lease.release()
