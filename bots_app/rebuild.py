"""Rebuilding a session's indexes from its records, while writers write and readers read.

Each run is filed anew in one atomic step, so at any moment every index is right for each run filed so far and as it
was for the others; a rebuild that is interrupted leaves no damage and can be started again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from bots_app.indexing import BATCH_RUNS, SessionIndexer
from bots_app.survey import USUAL, run_hashes
from dashboard.store import keys as store_keys
from dashboard.store.client import client
from dashboard.store.keys import PER_STATUS
from dashboard.store.scripts import script
from dashboard.store.shared import chunked
from dashboard.tolerant import from_bytes
from sessions_app.discovery import list_session
from sessions_app.records import SessionId


class RebuildResult(msgspec.Struct):
    """Counts of one session's rebuild: runs filed, of these changed and unreadable, and index entries dropped."""

    filed: int = 0
    changed: int = 0
    unreadable: int = 0
    dropped: int = 0


def rebuild(
    sid: SessionId, *, statuses: Iterable[str] = (), progress: Callable[[int], None] | None = None
) -> RebuildResult:
    """Make every index, figure and summary number of a session agree with its records.

    Raises StoreUnavailable, Unavailable.
    """
    indexer = SessionIndexer(sid, statuses=statuses)
    _free_keys(indexer)
    for hashes in chunked(run_hashes(sid), BATCH_RUNS):
        indexer.file(hashes, fixed=True)
        if progress:
            progress(indexer.filed)
    for hashes in indexer.members():
        rest = _not_found_by_key(indexer, hashes)
        if rest:
            indexer.file(rest, fixed=True)
    swept = _sweep(indexer)
    if indexer.filed or client().exists(indexer.keys.summary, indexer.keys.index("stats")):
        indexer.settle(with_summary=True)
    list_session(str(sid))
    return RebuildResult(indexer.filed, indexer.changed, indexer.unreadable, indexer.dropped + swept)


def _free_keys(indexer: SessionIndexer) -> None:
    """Remove every index that holds another type than it should: nothing in it can be part of one."""
    keys = indexer.keys
    kinds = {keys.index("stats"): b"hash", keys.index("rows"): b"hash", keys.events: b"stream", keys.bots: b"set"}
    kinds |= dict.fromkeys([keys.profit, *(keys.index(name) for name in PER_STATUS)], b"zset")
    for status in indexer.statuses | USUAL:
        kinds[keys.status(status)] = b"set"
        kinds |= {keys.index_status(status, name): b"zset" for name in PER_STATUS}
    pipe = client().pipeline()
    for key in kinds:
        pipe.type(key)
    for (key, kind), found in zip(kinds.items(), pipe.execute(), strict=True):
        if found not in (kind, b"none"):
            client().unlink(key)


def _not_found_by_key(indexer: SessionIndexer, hashes: list[str]) -> list[str]:
    """Return the hashes that the walk over the record keys cannot have filed: without a record, or told by no key."""
    keys = indexer.keys
    missing = set(map(from_bytes, script("missing_runs")([keys.bots], [keys.run_prefix, *hashes])))

    def is_told(config_hash: str) -> bool:
        # Only a colon can be taken for one that ends the session id.
        return ":" not in config_hash or store_keys.session_of(keys.run(config_hash)) == (str(indexer.sid), config_hash)

    return [config_hash for config_hash in hashes if config_hash in missing or not is_told(config_hash)]


def _sweep(indexer: SessionIndexer) -> int:
    """Take entries that belong to no run, or to a run of another status, out of the derived sorted sets."""
    keys, taken = indexer.keys, 0
    names = [("", keys.index(name)) for name in PER_STATUS if name != "profit"]
    names += [(status, keys.index_status(status, name)) for status in sorted(indexer.statuses) for name in PER_STATUS]
    for status, name in names:
        for found in chunked(client().zscan_iter(name, count=BATCH_RUNS * 2), BATCH_RUNS * 2):
            taken += script("sweep_index")([keys.index("rows"), name], [status, *(member for member, _ in found)])
    return taken
