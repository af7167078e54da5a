"""Building what is derived of a session that other programs wrote, on its first use; the fixed keys stay.

Its sweep table is made in the same pass over the records. Where that is long it is done in the background, by processes
of its own: the one that answers requests hands out names, and is there for others meanwhile.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

from bots_app.building import Build, BuildEnded
from bots_app.bulk import STEP, BulkReader
from bots_app.helpers import LEAST_RUNS, can_help, usual_helpers
from bots_app.indexer import SessionIndexer
from bots_app.leftovers import is_begun, remove_leftovers
from bots_app.load_helpers import load_with_helpers
from bots_app.loading import Counts, load_named, with_lost
from bots_app.quick_reading import QuickReader
from dashboard.errors import DashboardError, Unavailable
from dashboard.store.client import client
from dashboard.store.keys import USUAL_STATUSES, SessionKeys
from dashboard.store.lease import BuilderLease
from dashboard.store.overlapped import Exchange
from dashboard.store.shared import INDEX_VERSION
from dashboard.tolerant import from_bytes
from sessions_app.records import SessionId

#: Runs up to which a session is indexed by the first request asking for it: some tenths of a second; and where nothing
#: else can answer it: about a second.
INLINE_RUNS, INLINE_TABLE_RUNS = 5_000, 20_000
#: Seconds between two looks whether another one is done with it.
LOOK_EVERY_S = 0.05
#: Attempts where the session is deleted, or data lost, meanwhile.
ATTEMPTS = 5
#: Runs that are filed together where the indexes are in use.
FILED_AT_ONCE = 250

log = logging.getLogger(__name__)

#: Sessions being built by this process, and whether their summary is to be written then.
_building: dict[str, bool] = {}
_building_lock = threading.Lock()


def build(sid: SessionId, *, with_summary: bool = False, helpers: int = 0) -> None:
    """Build what is derived of a session that other programs wrote, and write its summary if asked to.

    As many `helpers` read the records of a large one. Waits for another one that builds it. Raises StoreUnavailable,
    Unavailable, KeyTypeError.
    """
    with wait_for_lease(sid) as lease:
        if not is_built(sid):
            derive(sid, lease, helpers=helpers)
    if with_summary:
        SessionIndexer(sid).finish(with_summary=True)


def is_built(sid: SessionId) -> bool:
    """Tell whether the derived keys of a session are complete, its sweep table among them."""
    built, swept = client().hmget(SessionKeys(str(sid)).index("stats"), "built", "swept")
    return built == str(INDEX_VERSION).encode() and swept is not None


def is_to_come(sid: SessionId) -> bool:
    """Tell whether what is derived of a session is not there yet; has it built, should whoever did so have ended."""
    if is_built(sid) or not client().exists(SessionKeys(str(sid)).bots):
        return False
    build_in_background(sid)
    return True


@contextmanager
def wait_for_lease(sid: SessionId) -> Iterator[BuilderLease]:
    """Be the one that builds a session's derived keys, once nobody else does."""
    lease = BuilderLease(SessionKeys(str(sid)).index("builder"))
    while lease.hold() is not None:
        time.sleep(LOOK_EVERY_S)
    try:
        yield lease
    finally:
        lease.release()


def derive(sid: SessionId, lease: BuilderLease, *, helpers: int = 0) -> None:
    """Build the derived keys and the sweep table from the records of the runs that the fixed keys name.

    What others that were killed in it have left is removed first. Raises StoreUnavailable, Unavailable, KeyTypeError.
    """
    if is_begun(sid) or client().exists(SessionKeys(str(sid)).dropped_tables):
        remove_leftovers(sid, between=lease.hold)
    for _ in range(ATTEMPTS):
        making = Build(sid, lease, is_fixed=False, statuses=USUAL_STATUSES)
        try:
            is_known, _ = making.begin()
            count = _load(making, helpers)
            making.end_load()
            for _ in making.carry():
                continue
            _read_heard(making)
            making.swap(is_kept=is_known or count > 0)
            _file_heard(making)
            return
        except BuildEnded:
            log.info("The indexes of session %s are begun anew: it was deleted or restored meanwhile.", sid)
        finally:
            making.remove_rest()
    raise Unavailable(f"The indexes of session {sid} could not be built; try again.")


def _load(making: Build, helpers: int) -> int:
    """Load what the fixed keys name; return how many runs that are."""
    keys, counts = making.keys, Counts()
    runs = client().scard(keys.bots)
    source: Iterator[list[str]] = SessionIndexer(making.sid, statuses=USUAL_STATUSES).members(STEP)
    if helpers and runs >= LEAST_RUNS and can_help():
        found = load_with_helpers(
            making.loader, keys, making.lease.id, source, helpers=helpers, between=making.hold
        )  # fmt: skip
        with closing(found):
            for counts in found:
                making.lease.say(counts.filed, of=runs)
        source = iter(())
    with Exchange(keys.bots) as exchange:
        for _ in load_named(making.loader, keys, source, exchange, counts):
            making.hold()
            making.lease.say(counts.filed, of=runs)
        making.loader.load_rest(exchange, between=making.hold)
    return counts.filed


def _heard(making: Build, size: int) -> Iterator[list[str]]:
    """Yield runs that our writers changed meanwhile and that the table in use could not tell of."""
    while found := client().spop(making.made.index("heard"), size):
        yield [from_bytes(name) for name in found]


def _read_heard(making: Build) -> None:
    keys, quick = making.keys, QuickReader()
    with Exchange(keys.bots) as exchange:
        for batch in BulkReader(exchange, keys).batches(_heard(making, STEP)):
            making.place(with_lost(keys, batch.hashes, batch.loaded(quick)))
            making.hold()


def _file_heard(making: Build) -> None:
    """File, in the indexes now in use, what was written until they were exchanged."""
    indexer = SessionIndexer(making.sid, unless_deleting=True)
    for hashes in _heard(making, FILED_AT_ONCE):
        indexer.file(hashes)


def build_in_background(sid: SessionId, *, with_summary: bool = False) -> None:
    """Start building a large session's derived keys in a thread, once a process; another process's is waited for."""
    with _building_lock:
        is_begun = str(sid) in _building
        _building[str(sid)] = with_summary or _building.get(str(sid), False)
    if not is_begun:
        threading.Thread(target=_build, args=(sid,), name=f"index {sid}", daemon=True).start()


def _build(sid: SessionId) -> None:
    try:
        build(sid, helpers=usual_helpers())
        while _take_wish(str(sid)):
            SessionIndexer(sid).finish(with_summary=True)
    except DashboardError as error:
        log.warning("The indexes of session %s could not be built: %s", sid, error)
    finally:
        with _building_lock:
            _building.pop(str(sid), None)


def _take_wish(sid: str) -> bool:
    """Tell whether the summary is to be written; if not, the build ends, and no wish can come in between."""
    with _building_lock:
        is_wanted = _building[sid]
        if is_wanted:
            _building[sid] = False
        else:
            del _building[sid]
    return is_wanted
