"""Building the derived keys of a session that other programs wrote, on its first use; the fixed keys stay."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bots_app.building import Build, BuildEnded
from bots_app.bulk import STEP, Batch, BulkReader, missing_values, raise_first
from bots_app.indexer import SessionIndexer
from bots_app.indexing import USUAL_STATUSES, named_statuses
from bots_app.records import UnreadableRun
from bots_app.run_values import RunValues, values_of
from dashboard.errors import DashboardError, Unavailable
from dashboard.store.keys import SessionKeys
from dashboard.store.lease import BuilderLease
from dashboard.store.overlapped import Exchange
from sessions_app.records import SessionId

#: Runs up to which a session is indexed by the first request asking for it: some tenths of a second.
INLINE_RUNS = 5_000
#: Seconds between two looks whether another one is done with it.
LOOK_EVERY_S = 0.05
#: Attempts where the session is deleted, or data lost, meanwhile.
ATTEMPTS = 5

log = logging.getLogger(__name__)

#: Sessions being built by this process, and whether their summary is to be written then.
_building: dict[str, bool] = {}
_building_lock = threading.Lock()


def build(sid: SessionId, *, with_summary: bool = False) -> None:
    """Build the derived keys of a session that other programs wrote, and write its summary if asked to.

    Waits for another one that builds them. Raises StoreUnavailable, Unavailable, KeyTypeError.
    """
    with wait_for_lease(sid) as lease:
        if not SessionIndexer(sid).is_built():
            derive(sid, lease)
    if with_summary:
        SessionIndexer(sid).finish(with_summary=True)


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


def derive(sid: SessionId, lease: BuilderLease) -> None:
    """Build the derived keys from what the fixed ones name."""
    for _ in range(ATTEMPTS):
        making = Build(sid, lease, is_fixed=False, statuses=USUAL_STATUSES)
        try:
            making.begin()
            _load(making)
            making.end_load()
            for _ in making.carry():
                continue
            making.swap()
            return
        except BuildEnded:
            log.info("The indexes of session %s are begun anew: it was deleted or restored meanwhile.", sid)
        finally:
            making.remove_rest()
    raise Unavailable(f"The indexes of session {sid} could not be built; try again.")


def _load(making: Build) -> None:
    keys = making.keys
    with Exchange(keys.bots) as exchange:
        reader = BulkReader(
            exchange, keys, claims=making.made.bots, others=lambda hashes: [("ZMSCORE", keys.profit, *hashes)]
        )
        for batch in reader.batches(SessionIndexer(making.sid, statuses=USUAL_STATUSES).members(STEP)):
            making.hold()
            [scores] = batch.others
            raise_first([scores])
            reader.ride(making.loader.load(_values(keys, batch), scores=scores))
        making.loader.load_rest(exchange, between=making.hold)


def _values(keys: SessionKeys, batch: Batch) -> list[RunValues]:
    """Return what the derived keys are to say of runs, unreadable ones under the status that the fixed sets name."""
    found = [one or missing_values(name) for name, one in zip(batch.hashes, batch.values(), strict=True)]
    lost = [number for number, one in enumerate(found) if one.reason]
    runs = [UnreadableRun(found[number].config_hash, found[number].reason) for number in lost]
    for number, run in zip(lost, named_statuses(keys, runs), strict=True):
        found[number] = values_of(run)
    return found


def build_in_background(sid: SessionId, *, with_summary: bool = False) -> None:
    """Start building a large session's derived keys in a thread, once a process; another process's is waited for."""
    with _building_lock:
        is_begun = str(sid) in _building
        _building[str(sid)] = with_summary or _building.get(str(sid), False)
    if not is_begun:
        threading.Thread(target=_build, args=(sid,), name=f"index {sid}", daemon=True).start()


def _build(sid: SessionId) -> None:
    try:
        build(sid)
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
