"""Filling a session's sweep table from its records where it is in use: of whatever it lacks.

Each row is compared with the record and written, if it differs, in the script that sees that the record is still the
same; so that readers and writers go on meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bots_app.indexer import SessionIndexer
from bots_app.indexing import ATTEMPTS, BATCH_RUNS, named_statuses, read_texts, write_batch
from bots_app.records import UnreadableRun, read_run
from bots_app.table.fields import fields_of
from dashboard.errors import Unavailable
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.store.scripts import script
from dashboard.store.shared import INDEX_VERSION, chunked
from dashboard.tolerant import from_bytes
from sessions_app.records import SessionId
from sessions_app.registry import sha_of


def fill_table(sid: SessionId, *, between: Callable[[], object] = lambda: None) -> int:
    """Have every run that the derived keys name, and none else, in the table; return how many rows were changed."""
    keys, changed = SessionKeys(str(sid)), 0
    rows = (name for name, _ in client().hscan_iter(keys.index("rows"), count=BATCH_RUNS))
    for some in chunked(rows, BATCH_RUNS):
        between()
        changed += _fill(sid, keys, list(dict.fromkeys(map(from_bytes, some))))
    generation = client().hget(keys.index("stats"), "table")
    if generation is not None:
        places = client().hscan_iter(keys.table(generation.decode()).name("places"), count=BATCH_RUNS)
        for some in chunked((name for name, _ in places), BATCH_RUNS):
            between()
            listed = client().hmget(keys.index("rows"), some)
            if gone := [from_bytes(name) for name, row in zip(some, listed, strict=True) if row is None]:
                SessionIndexer(sid).file(gone)
    script("end_fill")([keys.index("stats")], [INDEX_VERSION])
    return changed


def _fill(sid: SessionId, keys: SessionKeys, hashes: Sequence[str]) -> int:
    changed, todo = 0, list(hashes)
    for _ in range(ATTEMPTS):
        codes = _fill_once(sid, keys, todo)
        changed += sum(code > 0 for code in codes)
        todo = [config_hash for config_hash, code in zip(todo, codes, strict=True) if code == -1]
        if not todo:
            return changed
    raise Unavailable(
        f"{len(todo)} runs of session {sid}, such as {todo[0]}, are written too often to be read; try again."
    )


def _fill_once(sid: SessionId, keys: SessionKeys, hashes: Sequence[str]) -> list[int]:
    texts = read_texts(keys, hashes)
    runs = [
        read_run(config_hash, text) if reason is None else UnreadableRun(config_hash, reason)
        for config_hash, (text, reason) in zip(hashes, texts, strict=True)
    ]
    operations: list[tuple[Any, ...]] = [
        ("fill", run.configHash, sha_of(text), "", "", run.status, "", "", "", fields_of(run))
        for run, (text, _) in zip(named_statuses(keys, runs), texts, strict=True)
    ]
    return write_batch(sid, operations, is_quiet=True, unless_deleting=True)[1]
