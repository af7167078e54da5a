"""Filing runs: batches of them, handed to the script `write_runs`; and reading what they are made from."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

import msgspec
import numpy as np
from django.conf import settings

from bots_app.records import BacktestRunRecord, UnreadableRun, read_run
from bots_app.table.packing import RunFields, pack
from bots_app.table.shapes import Shape
from dashboard.errors import StoreUnavailable, Unavailable
from dashboard.store import keys as store_keys
from dashboard.store.ahead import BegunScript, PackedScript
from dashboard.store.client import client
from dashboard.store.keys import USUAL_STATUSES, SessionKeys
from dashboard.store.lean import Command
from dashboard.store.scripts import script
from dashboard.store.session_list import note_own, own_list_keys
from dashboard.store.shared import EVENTS_KEPT, INDEX_VERSION
from dashboard.tolerant import from_bytes
from sessions_app.records import SessionId, summary_head
from sessions_app.registry import sha_of

#: Runs handed to one script call: some 2 ms of the server's time, and never 20 while tables of a large session grow.
BATCH_RUNS = 100
#: Records read in one round trip.
READ_RUNS = 250
#: Bytes of records handed to one script call, unless a single one is larger: they take the server a few ms more.
BATCH_BYTES = 1_000_000
#: Runs times fields handed to one script call, unless a single run has more: where runs that are known come in another
#: order than their rows, each value takes a command of its own: 3,000 of them took the server 22 ms at a million runs.
BATCH_CELLS = 2_000
#: Runs, and runs times fields, of a call that is refused where so many values would be written one by one: rows that
#: follow each other, as those of new runs do, are written together.
LARGE_RUNS, LARGE_CELLS = 160, 30_000
#: Runs of the first of several calls: the server would be idle while more were made ready.
FIRST_RUNS = 100
#: Scores read in one round trip.
SCORES = 2_000
#: Attempts where somebody else writes at the same time.
ATTEMPTS = 20

Run = BacktestRunRecord | UnreadableRun


class RowsApartError(Exception):
    """Raised where a large batch was refused, and nothing done: its rows are to be written in smaller parts."""


def write_batch(
    sid: SessionId, operations: Sequence[Sequence[Any]], *, statuses: Iterable[str] = (), is_quiet: bool = False,
    unless_deleting: bool = False, begun: BegunScript | PackedScript | None = None,
) -> tuple[bool, list[int]]:  # fmt: skip
    """Hand a batch of operations (9 values each, see write_runs.lua, and the run's fields) to the script: one round
    trip, more where the runs have very many fields.

    `unless_deleting` files nothing in a session that is being deleted, `begun` is their call, where it is made already.
    Returns whether the session's derived keys are built, and a code for each operation. Raises RowsApartError where
    `begun` is a large batch.
    """
    if begun is None and len(parts := bounded(operations)) > 1:
        answers = [
            write_batch(sid, part, statuses=statuses, is_quiet=is_quiet, unless_deleting=unless_deleting)
            for part in parts
        ]
        return answers[-1][0], [code for _, codes in answers for code in codes]
    head_of: bytes | None = None
    for _ in range(ATTEMPTS):
        if begun is not None:
            answer, begun = begun.answer(), None
        else:
            call = batch_call(
                sid, operations, statuses=statuses, is_quiet=is_quiet, unless_deleting=unless_deleting, head_of=head_of
            )
            answer = script("write_runs")(*call)
        code, *rest = answer
        if code == -2:
            raise RowsApartError
        if code != -1:
            # What was written already may still lack its note: its writer may have been killed between the two.
            if settings.REDIS_CLUSTER and not is_quiet and any(one >= 0 for one in rest):
                note_written(sid)
            return code == 1, rest
        # Another program wrote the summary: what it says beside the figures is kept.
        head_of = rest[0] or None
    raise Unavailable(f"The summary of session {sid} is being written too often by another program; try again.")


def write_one(sid: SessionId, operation: Sequence[Any]) -> tuple[bool, int]:
    """Do as `write_batch` with a single operation, at less cost to this process."""
    usual = _usual_call(sid, settings.REDIS_CLUSTER)
    *words, fields = operation
    rest = [_now_us(), usual.head, "", b"", usual.table, *pack([fields]), *words]
    begun = PackedScript(script("write_runs"), usual.single, rest)
    is_built, [code] = write_batch(sid, [operation], begun=begun)
    return is_built, code


def begin_batch(sid: SessionId, columns: Sequence[Sequence[bytes]], runs: Sequence[RunFields]) -> BegunScript:
    """Make a batch ready to be sent, given as the words of its operations, the first of each and so on, and their runs.

    `write_batch` with the same operations finishes it.
    """
    usual = _usual_call(sid, settings.REDIS_CLUSTER)
    first = [*usual.values, _now_us(), usual.head, sha_of(None), b"", usual.table, *pack(runs)]
    return BegunScript(script("write_runs"), usual.names, first, columns=columns)


def note_written(sid: SessionId) -> None:
    """Note on a cluster that the session has changed, once it has. Raises StoreUnavailable."""
    try:
        note_own(str(sid))
    except StoreUnavailable as error:
        error.is_nothing_done = False  # the runs are written, on another node
        raise


def batch_call(
    sid: SessionId, operations: Sequence[Sequence[Any]], *, statuses: Iterable[str], is_quiet: bool,
    unless_deleting: bool, head_of: bytes | None = None,
) -> tuple[list[str], list[Any]]:  # fmt: skip
    """Return keys and arguments of the script for a batch; `head_of` is the summary of another program, if known."""
    usual = _usual_call(sid, settings.REDIS_CLUSTER)
    options: dict[str, Any] = {"statuses": list(statuses)}
    if is_quiet:
        options["quiet"] = True
    if unless_deleting:
        options["deleting"] = SessionKeys(str(sid)).index("deleting")
    head = usual.head if head_of is None else summary_head(sid, head_of)
    rare = msgspec.json.encode(options) if options != {"statuses": []} else b""
    packed = pack([operation[-1] for operation in operations])
    words = chain.from_iterable(operation[:-1] for operation in operations)
    return usual.names, [*usual.values, _now_us(), head, sha_of(head_of), rare, usual.table, *packed, *words]


def _now_us() -> int:
    return time.time_ns() // 1000


class _UsualCall(NamedTuple):
    #: Keys and first arguments of every call.
    names: list[str]
    values: list[str | int]
    #: Of a summary that nobody has written yet.
    head: str
    #: Prefix of the sweep table's keys.
    table: str
    #: The call of a single operation, but for its last arguments.
    single: Command


@lru_cache(maxsize=256)
def _usual_call(sid: SessionId, is_cluster: bool) -> _UsualCall:
    """Return what is the same in every call for a session."""
    keys = SessionKeys(str(sid))
    names = [keys.bots, keys.profit]
    names += [keys.index(name) for name in ("rows", "stats", "unranked", "updated", "undated")]
    names += [keys.events, keys.summary, *own_list_keys()]
    values: list[str | int] = [
        str(sid), keys.run_prefix, keys.trades_prefix, keys.status_prefix, keys.index_status_prefix, INDEX_VERSION,
        EVENTS_KEPT, keys.index("dirty"),
        # On a cluster the channel would be told to every node.
        "" if is_cluster else store_keys.WRITTEN,
    ]  # fmt: skip
    single = script("write_runs").command(names, values, rest=4 + 5 + 9)
    return _UsualCall(names, values, summary_head(sid, None), keys.table_prefix, single)


def bounded(operations: Sequence[Sequence[Any]]) -> list[Sequence[Sequence[Any]]]:
    """Return the operations in parts that a script call can take, by the number of their fields."""
    parts: list[Sequence[Sequence[Any]]] = []
    start, cells = 0, Cells()
    for number, operation in enumerate(operations):
        if not cells.has_room(operation[-1]):
            parts.append(operations[start:number])
            start, cells = number, Cells()
            cells.has_room(operation[-1])
    return [*parts, operations[start:]]


class Cells:
    """How much of the sweep table a batch takes that is being gathered: its runs times all their fields."""

    def __init__(self, most: int = BATCH_CELLS) -> None:
        self._most = most
        self._names: set[str] = set()
        self._last: Shape | None = None
        self._fields = self._runs = 0

    def has_room(self, fields: RunFields) -> bool:
        """Tell whether a run may be added; the first one always is."""
        # Most runs have the fields of the one before.
        if fields is not None and (shape := fields.shape) is not self._last:
            self._last = shape
            self._names.update(shape.names)
            self._fields = len(self._names)
        self._runs += 1
        return self._runs * self._fields <= self._most or self._runs == 1


def index_values(run: Run) -> tuple[str, str, str, bytes]:
    """Return status, profit, lastUpdated ('' when missing) and row, as the script takes them."""
    if isinstance(run, UnreadableRun):
        return run.status, "", "", run.row_text()
    profit, updated = run.profit, run.lastUpdated
    return (
        run.status, "" if profit is None else repr(float(profit)), "" if updated is None else str(updated),
        run.row_text(),
    )  # fmt: skip


def read_texts(keys: SessionKeys, hashes: Sequence[str]) -> list[tuple[bytes | None, str | None]]:
    """Return (text, None) of each record, (None, None) where there is none, (None, reason) where the key holds no text.

    Cost: one round trip, and another where something is missing.
    """
    texts = client().mget(map(keys.run, hashes)) if hashes else []
    missing = [index for index, text in enumerate(texts) if text is None]
    if not missing:
        return [(text, None) for text in texts]
    pipe = client().pipeline()
    for index in missing:
        pipe.type(keys.run(hashes[index]))
    kinds = dict(zip(missing, pipe.execute(), strict=True))
    if b"string" in kinds.values():
        return read_texts(keys, hashes)  # written since: read with the others
    reasons = {
        index: f"stored as a {from_bytes(kind)}, not as text" for index, kind in kinds.items() if kind != b"none"
    }
    return [(text, reasons.get(index)) for index, text in enumerate(texts)]


def read_runs(keys: SessionKeys, hashes: Sequence[str]) -> list[Run]:
    """Return the run of each hash, unreadable ones as such: one round trip, two when a key holds no text."""
    return [
        read_run(config_hash, text) if reason is None else UnreadableRun(config_hash, reason)
        for config_hash, (text, reason) in zip(hashes, read_texts(keys, hashes), strict=True)
    ]


def named_statuses(keys: SessionKeys, runs: Sequence[Run], statuses: Iterable[str] = USUAL_STATUSES) -> list[Run]:
    """Return the runs, those without a readable record under the status that the fixed sets name."""
    statuses = sorted(statuses)
    lost = [index for index, run in enumerate(runs) if isinstance(run, UnreadableRun)]
    if not lost or not statuses:
        return list(runs)
    pipe = client().pipeline()
    for index in lost:
        for status in statuses:
            pipe.sismember(keys.status(status), runs[index].configHash)
    is_member = iter(pipe.answers())
    named = list(runs)
    for index in lost:
        answers = {status: next(is_member) for status in statuses}
        found = next((status for status, answer in answers.items() if answer == 1), None)
        if found:
            named[index] = UnreadableRun(runs[index].configHash, runs[index].reason, found)  # type: ignore[union-attr]
    return named


def read_scores(key: str, *, first: int = 0, last: int | None = None) -> np.ndarray:
    """Return the scores of a sorted set by rank, ascending, in bounded steps."""
    parts = []
    last = client().zcard(key) - 1 if last is None else last
    for start in range(first, last + 1, SCORES):
        found = client().zrange(key, start, min(start + SCORES - 1, last), withscores=True)
        parts.append(np.fromiter((score for _, score in found), dtype=np.float64, count=len(found)))
    return np.concatenate(parts) if parts else np.empty(0)
