"""Comparing a session's indexes, figures and summary with its records; nothing is changed."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

import msgspec

from bots_app.exact_sums import WIDE
from bots_app.exact_sums import parts_total as exact_sum
from bots_app.indexing import BATCH_RUNS, index_values, read_runs
from bots_app.records import NOT_STORED, BacktestRunRecord, UnreadableRun
from bots_app.survey import USUAL, run_hashes
from dashboard.store import keys as store_keys
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.store.shared import INDEX_VERSION, chunked
from dashboard.tolerant import from_bytes
from sessions_app.records import SessionId, read_summary
from sessions_app.registry import SessionRegistry

#: Examples named of each kind of drift.
EXAMPLES = 5
#: Members read in one step.
STEP = 1000


class Drift(msgspec.Struct):
    """One kind of difference between what the records say and what is stored, how often, and some examples."""

    kind: str
    count: int = 0
    examples: list[str] = []

    def add(self, example: str) -> None:
        self.count += 1
        if len(self.examples) < EXAMPLES:
            self.examples = [*self.examples, example]


class Expected(msgspec.Struct, frozen=True):
    """What the indexes should say of a run."""

    status: str
    profit: float | None
    updated: float | None
    row: bytes


def check(
    sid: SessionId, *, statuses: Iterable[str] = (), progress: Callable[[int], None] | None = None
) -> list[Drift]:
    """Return every kind of drift of a session, none for a sound one. Cost: reads the whole session, in small steps."""
    return _Check(sid, set(statuses) | USUAL, progress).run()


class _Check:
    def __init__(self, sid: SessionId, statuses: set[str], progress: Callable[[int], None] | None) -> None:
        self.sid, self.keys, self.progress = sid, SessionKeys(str(sid)), progress
        self.drifts: dict[str, Drift] = {}
        self.expected: dict[str, Expected] = {}
        self.statuses = statuses

    def run(self) -> list[Drift]:
        kept = (
            client().hgetall(self.keys.index("stats"))
            if self._holds("figures", self.keys.index("stats"), b"hash")
            else {}
        )
        stats = {from_bytes(name): from_bytes(value) for name, value in kept.items()}
        self._read_records()
        bots = self._members("bots", self.keys.bots)
        self._read_odd_hashes(bots)
        self.statuses |= {run.status for run in self.expected.values()}
        self.statuses |= {name[2:] for name in stats if name.startswith("n:")}
        self._check_fixed(bots)
        if stats.get("built") != str(INDEX_VERSION):
            if self.expected:
                self._tell("derived keys: not built yet", str(self.sid))
        else:
            self._check_derived()
            self._check_figures(stats)
        self._check_summary()
        return sorted(self.drifts.values(), key=lambda drift: drift.kind)

    def _tell(self, kind: str, example: str) -> None:
        self.drifts.setdefault(kind, Drift(kind)).add(example)

    def _read_records(self) -> None:
        for hashes in chunked(run_hashes(self.sid), BATCH_RUNS):
            self._expect(read_runs(self.keys, hashes))
            if self.progress:
                self.progress(len(self.expected))

    def _read_odd_hashes(self, bots: set[str]) -> None:
        """Read the runs whose key does not tell their session, as a colon in their hash does not end its id."""
        odd = [name for name in bots if ":" in name and name not in self.expected]
        for hashes in chunked(odd, BATCH_RUNS):
            runs = read_runs(self.keys, hashes)
            self._expect(run for run in runs if not (isinstance(run, UnreadableRun) and run.reason == NOT_STORED))

    def _expect(self, runs: Iterable[BacktestRunRecord | UnreadableRun]) -> None:
        for run in runs:
            status, profit, updated, row = index_values(run)
            self.expected[run.configHash] = Expected(
                status, float(profit) if profit else None, float(updated) if updated else None, _digest(row)
            )

    def _holds(self, name: str, key: str, kind: bytes) -> bool:
        """Tell whether a key holds what it should, and note it if not."""
        found = client().type(key)
        if found not in (kind, b"none"):
            self._tell(f"{name}: another type of key", f"{key} ({from_bytes(found)} instead of {from_bytes(kind)})")
        return bool(found == kind)

    def _members(self, name: str, key: str) -> set[str]:
        if not self._holds(name, key, b"set"):
            return set()
        return {from_bytes(member) for member in client().sscan_iter(key, count=STEP)}

    def _scores(self, name: str, key: str) -> dict[str, float]:
        if not self._holds(name, key, b"zset"):
            return {}
        return {from_bytes(member): score for member, score in client().zscan_iter(key, count=STEP)}

    def _check_fixed(self, bots: set[str]) -> None:
        self._compare_sets("bots", bots, set(self.expected))
        by_status: defaultdict[str, set[str]] = defaultdict(set)
        for config_hash, run in self.expected.items():
            by_status[run.status].add(config_hash)
        for status in sorted(self.statuses):
            name = f"status {status}"
            self._compare_sets(name, self._members(name, self.keys.status(status)), by_status[status])
        self._compare_scores("profit", self._scores("profit", self.keys.profit), lambda run: run.profit)

    def _compare_sets(self, name: str, found: set[str], wanted: set[str]) -> None:
        for config_hash in sorted(wanted - found):
            self._tell(f"{name}: a run is missing", config_hash)
        for config_hash in sorted(found - wanted):
            reason = "of another status" if config_hash in self.expected else "without a record"
            self._tell(f"{name}: an entry {reason}", config_hash)

    def _compare_scores(self, name: str, found: dict[str, float], value: Callable[[Expected], float | None]) -> None:
        for config_hash, run in self.expected.items():
            wanted, score = value(run), found.pop(config_hash, None)
            if wanted == score:
                continue
            if score is None:
                self._tell(f"{name}: a run is missing", config_hash)
            elif wanted is None:
                self._tell(f"{name}: an entry that should not be there", config_hash)
            else:
                self._tell(f"{name}: a wrong score", f"{config_hash} ({score!r} instead of {wanted!r})")
        for config_hash in sorted(found):
            self._tell(f"{name}: an entry without a record", config_hash)

    def _check_derived(self) -> None:
        found: dict[str, bytes] = {}
        if self._holds("rows", self.keys.index("rows"), b"hash"):
            rows = client().hscan_iter(self.keys.index("rows"), count=STEP)
            found = {from_bytes(name): _digest(row) for name, row in rows}
        for config_hash, run in self.expected.items():
            row = found.pop(config_hash, None)
            if row != run.row:
                self._tell("rows: a run is missing" if row is None else "rows: a row is out of date", config_hash)
        for config_hash in sorted(found):
            self._tell("rows: an entry without a record", config_hash)
        for status in ("", *sorted(self.statuses)):
            self._check_ranks(status)

    def _check_ranks(self, status: str) -> None:
        """Compare the derived sorted sets of one status, or ('') of the session."""
        label = f"index of {status}" if status else "index"
        values: dict[str, tuple[str, Callable[[Expected], float | None]]] = {
            "profit": ("by profit", lambda run: run.profit),
            "unranked": ("unranked", lambda run: 0.0 if run.profit is None else None),
            "updated": ("by time", lambda run: run.updated),
            "undated": ("undated", lambda run: 0.0 if run.updated is None else None),
        }
        if not status:
            # The one of the whole session is a fixed key.
            del values["profit"]
        for name, (words, value) in values.items():
            key = self.keys.index_status(status, name) if status else self.keys.index(name)
            scores = self._scores(f"{label} {words}", key)
            self._compare_scores(f"{label} {words}", scores, _within(status, value))

    def _check_figures(self, stats: dict[str, str]) -> None:
        for status in sorted(self.statuses):
            runs = [run for run in self.expected.values() if run.status == status]
            profits = [Fraction(run.profit) for run in runs if run.profit is not None]
            summed = [profit for profit in profits if abs(profit) <= WIDE]
            numbers = (
                ("a wrong count", int(stats.get(f"n:{status}", 0)), len(runs)),
                ("a wrong sum", exact_sum(stats.get(f"sum:{status}", "")), sum(summed, Fraction(0))),
                ("a wrong sum of squares", exact_sum(stats.get(f"sq:{status}", "")), sum(one * one for one in summed)),
                ("a wrong count of huge profits", int(stats.get(f"wide:{status}", 0)), len(profits) - len(summed)),
            )
            for kind, kept, wanted in numbers:
                # Squares of less than 1e-300 are not exact.
                if not math.isclose(kept, wanted, rel_tol=1e-12, abs_tol=1e-290):
                    self._tell(f"figures: {kind}", f"{status} ({float(kept)!r} instead of {float(wanted)!r})")

    def _check_summary(self) -> None:
        wanted = expected_numbers(self.expected)
        is_text = client().type(self.keys.summary) in (b"string", b"none")
        summary = read_summary(self.sid, client().get(self.keys.summary)) if is_text else None
        if not is_text or (summary and summary.unreadable):
            self._tell("summary: unreadable", str(self.sid))
        elif summary is None:
            if self.expected:
                self._tell("summary: missing", str(self.sid))
        else:
            for name, value in wanted.items():
                # A mean over every run with a profit is right too: other programs' average is that of the aggregate.
                is_other_mean = name == "avgProfit" and _is_same(summary.avgProfit, self._mean_of_all())
                if not is_other_mean and not _is_same(getattr(summary, name), value):
                    self._tell(f"summary: a wrong {name}", f"{getattr(summary, name)!r} instead of {value!r}")
        is_listed = client().zscore(store_keys.SESSIONS, str(self.sid)) is not None
        if self.expected and not is_listed:
            self._tell("list of sessions: the session is missing", str(self.sid))
        elif is_listed and not SessionRegistry().exists(self.sid):
            self._tell("list of sessions: an entry without a session", str(self.sid))

    def _mean_of_all(self) -> float | None:
        profits = [run.profit for run in self.expected.values() if run.profit is not None]
        return math.fsum(profits) / len(profits) if profits else None


def _within(status: str, value: Callable[[Expected], float | None]) -> Callable[[Expected], float | None]:
    """Return the value for runs of one status ('' for all), None for others."""
    return lambda run: value(run) if not status or run.status == status else None


def expected_numbers(runs: dict[str, Expected]) -> dict[str, Any]:
    """Return the summary's counted fields, from what the records say."""
    ranked = [(run.profit, config_hash) for config_hash, run in runs.items() if run.profit is not None]
    dated = [(run.updated, config_hash) for config_hash, run in runs.items() if run.updated is not None]
    completed = [run.profit for run in runs.values() if run.status == "completed" and run.profit is not None]
    is_summable = bool(completed) and max(map(abs, completed)) <= WIDE
    best, last = (max(found, default=(None, None)) for found in (ranked, dated))
    current = runs[last[1]] if last[1] is not None else None
    return {
        "runCount": len(runs),
        "completedRuns": sum(run.status == "completed" for run in runs.values()),
        "errorCount": sum(run.status == "failed" for run in runs.values()),
        "bestProfit": best[0], "bestConfigHash": best[1],
        "avgProfit": math.fsum(completed) / len(completed) if is_summable else None,
        "lastUpdate": last[0] and int(last[0]), "lastConfigHash": last[1],
        "currentProfit": current and current.profit, "currentStatus": current and current.status,
    }  # fmt: skip


def _is_same(found: object, wanted: object) -> bool:
    if isinstance(found, float) and isinstance(wanted, float):
        return math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-12)
    return found == wanted


def _digest(row: bytes) -> bytes:
    return hashlib.blake2b(row, digest_size=8).digest()
