"""Making and mending a session's indexes from its records: batches of runs, handed to the script `write_runs`."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import msgspec
import numpy as np
from django.conf import settings

from bots_app.records import BacktestRunRecord, UnreadableRun, read_run
from dashboard.errors import DashboardError, StoreUnavailable, Unavailable
from dashboard.store import keys as store_keys
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.store.scripts import script
from dashboard.store.session_list import note_own, own_list_keys
from dashboard.store.shared import EVENTS_KEPT, INDEX_VERSION, chunked
from dashboard.tolerant import from_bytes
from sessions_app.records import SessionId, read_summary, summary_head
from sessions_app.registry import finish_index, sha_of, summary_options

#: Runs handed to one script call: some 10 ms of the server's time.
BATCH_RUNS = 250
#: Bytes of records handed to one script call.
BATCH_BYTES = 4_000_000
#: Runs up to which a session of another program's is indexed by the first request asking for it: about half a second.
INLINE_RUNS = 5_000
#: Scores read in one round trip when figures are recounted.
SCORES = 5_000
#: Attempts where somebody else writes at the same time.
ATTEMPTS = 20

#: Statuses whose fixed sets are looked at in a session that nobody has indexed.
USUAL_STATUSES = ("completed", "failed", "running")

log = logging.getLogger(__name__)
Run = BacktestRunRecord | UnreadableRun


def write_batch(
    sid: SessionId, operations: Sequence[Sequence[Any]], *, statuses: Iterable[str] = (), is_quiet: bool = False,
    unless_deleting: bool = False,
) -> tuple[bool, list[int]]:  # fmt: skip
    """Hand a batch of operations (9 values each, see write_runs.lua) to the script: one round trip.

    `unless_deleting` files nothing in a session that is being deleted.
    Returns whether the session's derived keys are built, and a code for each operation.
    """
    head_of: bytes | None = None
    for _ in range(ATTEMPTS):
        call = batch_call(
            sid, operations, statuses=statuses, is_quiet=is_quiet, unless_deleting=unless_deleting, head_of=head_of
        )
        code, *rest = script("write_runs")(*call)
        if code != -1:
            if not is_quiet and any(one > 0 for one in rest):
                _note_written(sid)
            return code == 1, rest
        # Another program wrote the summary: what it says beside the figures is kept.
        head_of = rest[0] or None
    raise Unavailable(f"The summary of session {sid} is being written too often by another program; try again.")


def _note_written(sid: SessionId) -> None:
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
    keys = SessionKeys(str(sid))
    names = [keys.bots, keys.profit]
    names += [keys.index(name) for name in ("rows", "stats", "unranked", "updated", "undated")]
    names += [keys.events, keys.summary, *own_list_keys()]
    options = {
        "sid": str(sid), "run": keys.run_prefix, "trades": keys.trades_prefix, "status": keys.status_prefix,
        "index_status": keys.index_status_prefix, "version": INDEX_VERSION, "now_us": time.time_ns() // 1000,
        "events": EVENTS_KEPT, "head": summary_head(sid, head_of), "head_of": sha_of(head_of),
        "statuses": list(statuses), "quiet": is_quiet, "dirty": keys.index("dirty"),
    }  # fmt: skip
    if unless_deleting:
        options["deleting"] = keys.index("deleting")
    if not settings.REDIS_CLUSTER:  # where the channel would be told to every node
        options["written"] = store_keys.WRITTEN
    return names, [msgspec.json.encode(options), *(value for operation in operations for value in operation)]


def index_values(run: Run) -> tuple[str, str, str, bytes]:
    """Return status, profit, lastUpdated ('' when missing) and row, as the script takes them."""
    profit = run.profit if isinstance(run, BacktestRunRecord) else None
    updated = run.lastUpdated if isinstance(run, BacktestRunRecord) else None
    row = msgspec.json.encode(run.row())
    return run.status, "" if profit is None else repr(float(profit)), "" if updated is None else str(updated), row


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
    is_member = iter(pipe.execute(raise_on_error=False))
    named = list(runs)
    for index in lost:
        answers = {status: next(is_member) for status in statuses}
        found = next((status for status, answer in answers.items() if answer == 1), None)
        if found:
            named[index] = UnreadableRun(runs[index].configHash, runs[index].reason, found)  # type: ignore[union-attr]
    return named


class SessionIndexer:
    """Builds or mends the indexes of a session, each run in one step, so that readers and writers go on meanwhile."""

    def __init__(self, sid: SessionId, *, statuses: Iterable[str] = ()) -> None:
        self.sid = sid
        self.keys = SessionKeys(str(sid))
        #: Statuses whose fixed sets may name runs that do not belong there.
        self.statuses = set(statuses)
        self.filed = self.changed = self.dropped = self.unreadable = 0

    def is_built(self) -> bool:
        return client().hget(self.keys.index("stats"), "built") == str(INDEX_VERSION).encode()

    def members(self) -> Iterator[list[str]]:
        """Yield the hashes of every run that an index names, in chunks; a hash may come again."""
        names = [self.keys.bots, self.keys.index("rows"), self.keys.profit]
        names += map(self.keys.status, sorted(self.statuses))
        kinds = dict(zip(names, self._types(names), strict=True))
        scans: dict[bytes, Callable[..., Iterator[Any]]] = {
            b"set": client().sscan_iter, b"zset": client().zscan_iter, b"hash": client().hscan_iter,
        }  # fmt: skip
        for name, kind in kinds.items():
            if kind in scans:
                found = scans[kind](name, count=BATCH_RUNS * 2)
                for chunk in chunked(found, BATCH_RUNS):
                    yield [from_bytes(item[0] if isinstance(item, tuple) else item) for item in chunk]

    def _types(self, names: Sequence[str]) -> list[bytes]:
        pipe = client().pipeline()
        for name in names:
            pipe.type(name)
        return pipe.execute()

    def file(self, hashes: Sequence[str], *, fixed: bool) -> None:
        """File the runs from their records; `fixed` mends the fixed indexes too and drops entries without a record."""
        todo = list(dict.fromkeys(hashes))
        for _ in range(ATTEMPTS):
            codes = self._file_once(todo, fixed=fixed)
            # A record that was written between our reading it and filing it is read again.
            todo = [config_hash for config_hash, code in zip(todo, codes, strict=True) if code == -1]
            if not todo:
                return
        raise Unavailable(
            f"{len(todo)} runs of session {self.sid}, such as {todo[0]}, are written too often to be filed; try again."
        )

    def _file_once(self, hashes: Sequence[str], *, fixed: bool) -> list[int]:
        texts = read_texts(self.keys, hashes)
        runs: list[Run] = [
            read_run(config_hash, text) if reason is None else UnreadableRun(config_hash, reason)
            for config_hash, (text, reason) in zip(hashes, texts, strict=True)
        ]
        if not fixed:
            runs = named_statuses(self.keys, runs, self.statuses)
        operations: list[tuple[Any, ...]] = []
        for run, (text, reason) in zip(runs, texts, strict=True):
            is_gone = text is None and reason is None
            if not is_gone:
                self.statuses.add(run.status)
            name = ("drop" if is_gone else "file") if fixed else "derive"
            operations.append((name, run.configHash, sha_of(text), "", "", *index_values(run)))
        _, codes = write_batch(self.sid, operations, statuses=self.statuses, is_quiet=True)
        for operation, code in zip(operations, codes, strict=True):
            if code >= 0 and operation[0] == "drop":
                self.dropped += 1
            elif code >= 0:
                self.filed += 1
                self.changed += code > 0
                self.unreadable += b'"unreadable":' in operation[-1]
        return codes

    def derive(self, *, progress: Callable[[int], None] | None = None) -> None:
        """Build the derived keys from what the fixed ones name; the fixed ones and the summary stay as they are."""
        for hashes in self.members():
            self.file(hashes, fixed=False)
            if progress:
                progress(self.filed)
        self.settle(with_summary=False)

    def settle(self, *, with_summary: bool) -> None:
        """Recount the figures from the scores, mark the derived keys as complete, and write the summary if asked to."""
        for _ in self.recount():
            pass
        self.finish(with_summary=with_summary)

    def finish(self, *, with_summary: bool) -> None:
        """Mark the derived keys as complete, and write the summary if asked to."""
        for _ in range(ATTEMPTS):
            options: dict[str, Any] = {"built": True}
            if with_summary:
                options |= summary_options(self.sid)
                options |= self.kept_average(options.pop("text"))
            if finish_index(self.sid, **options) == 1:
                return
        raise Unavailable(
            f"The summary of session {self.sid} is being written too often by another program; try again."
        )

    def recount(self) -> Iterator[None]:
        """Count the figures of every status anew, a bounded step each time; what is written meanwhile is in them."""
        fields = map(from_bytes, client().hkeys(self.keys.index("stats")))
        known = {name.partition(":")[2] for name in fields if ":" in name}
        for status in sorted(known | self.statuses):
            names = [self.keys.index("stats")]
            names += [self.keys.index_status(status, name) for name in ("profit", "unranked")]
            is_first = 1
            while script("recount_figures")(names, [status, SCORES, is_first]) != 1:
                is_first = 0
                yield

    def kept_average(self, text: bytes | None) -> dict[str, str]:
        """Return the summary's own average if it is right as the mean over every run with a profit.

        Ours is over completed runs. Another program's number is shown as written unless it is wrong, and both means are
        in use.
        """
        summary = read_summary(self.sid, text)
        if summary is None or summary.avgProfit is None:
            return {}
        stored = client().hgetall(self.keys.index("stats"))
        stats = {from_bytes(name): from_bytes(value) for name, value in stored.items()}
        statuses = [name[2:] for name in stats if name.startswith("n:")]
        total = sum((exact_sum(stats.get(f"sum:{status}", "")) for status in statuses), Fraction(0))
        count = client().zcard(self.keys.profit)
        is_wide = any(int(stats.get(f"wide:{status}", 0)) for status in statuses)
        if not count or is_wide or not math.isclose(summary.avgProfit, total / count, rel_tol=1e-9, abs_tol=1e-12):
            return {}
        return {"average": repr(summary.avgProfit), "average_at": stats.get("revision", "")}


def exact_sum(parts: str) -> Fraction:
    """Return a kept sum, which is stored as doubles that do not overlap."""
    return sum((Fraction(float(part)) for part in parts.split()), Fraction(0))


def read_scores(key: str, *, first: int = 0, last: int | None = None) -> np.ndarray:
    """Return the scores of a sorted set by rank, ascending, in bounded steps."""
    parts = []
    last = client().zcard(key) - 1 if last is None else last
    for start in range(first, last + 1, SCORES):
        found = client().zrange(key, start, min(start + SCORES - 1, last), withscores=True)
        parts.append(np.fromiter((score for _, score in found), dtype=np.float64, count=len(found)))
    return np.concatenate(parts) if parts else np.empty(0)


#: Sessions being built by this process, and whether their summary is to be written then.
_building: dict[str, bool] = {}
_building_lock = threading.Lock()


def build(sid: SessionId, *, with_summary: bool = False) -> None:
    """Build the derived keys of a session that other programs wrote, and write its summary if asked to."""
    indexer = SessionIndexer(sid, statuses=USUAL_STATUSES)
    indexer.derive()
    if with_summary:
        indexer.finish(with_summary=True)


def build_in_background(sid: SessionId, *, with_summary: bool = False) -> None:
    """Start building a large session's derived keys in a thread, once a process; a second one only does work twice."""
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
