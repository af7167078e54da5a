"""Rebuilding and checking a session."""

from __future__ import annotations

from itertools import pairwise

from bots_app.check import check
from bots_app.helpers import usual_helpers
from bots_app.rebuild import rebuild
from bots_app.records import BacktestRunRecord
from bots_app.survey import statuses_of
from bots_app.synthetic import records
from bots_app.writing import RunWrite
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.store.shared import chunked
from sessions_app.records import SessionId
from tests.bench.data import STEP, Sessions
from tests.bench.report import Report, at_least, at_most
from tests.bench.timing import Samples, timed
from tests.bench.writes import set_records

#: Seconds that a check may take, to be made every night.
CHECK_S = 60
#: Rebuilds of each kind, and runs up to which there are more than one.
ROUNDS, MOST_OFTEN = 3, 200_000


def measure_upkeep(report: Report, sessions: Sessions) -> None:
    """Measure a rebuild from the records alone, one that has nothing to mend, and a check that must find nothing."""
    report.begin("Upkeep of a whole session")
    sid, runs = sessions.main, client().scard(SessionKeys(str(sessions.main)).bots)
    statuses, helpers = statuses_of([str(sid)])[str(sid)], usual_helpers()
    found: dict[str, list[float]] = {"floor": [floor_seconds(sid, runs)]}
    for _ in range(ROUNDS if runs <= MOST_OFTEN else 1):
        forget_indexes(sid)
        for name in ("from the records", "with nothing to mend"):
            seconds = timed(lambda: rebuild(sid, statuses=statuses, helpers=helpers))
            found.setdefault(name, []).append(seconds)
            found["floor"].append(floor_seconds(sid, runs))
    drifts: list[object] = []
    checked = timed(lambda: drifts.extend(check(sid, statuses=statuses, helpers=helpers)))
    assert_no_drift(drifts)
    # Each beside the floor before it and the one after it.
    floors = [(before + after) / 2 for before, after in pairwise(found["floor"])]
    for first, name in enumerate(("from the records", "with nothing to mend")):
        reference, goal = Samples(floors[first::2]), at_least(0.35)
        report.rates(
            f"rebuilt {name}",
            Samples(found[name]),
            things=runs,
            against="pipelined SET",
            reference=reference,
            goal=goal,
        )
    report.rate("checked", runs / checked, against="pipelined SET", reference=runs / floors[-1])
    report.value(f"checked, all {runs:,}", checked, "s", goal=at_most(CHECK_S))


def assert_no_drift(drifts: list[object]) -> None:
    """Raise AssertionError where a check has found anything."""
    if drifts:
        raise AssertionError(f"the check finds the session drifted after a rebuild: {drifts}")


def floor_seconds(sid: SessionId, runs: int) -> float:
    """Return how long so many records would take into Redis by pipelined SETs, from what a part of them takes."""
    numbered = enumerate(records(sid, min(runs, STEP * 2)))
    writes = [RunWrite(BacktestRunRecord(configHash=f"{number}"), text) for number, text in numbered]
    return timed(lambda: set_records("bench:floor:", writes)) / len(writes) * runs


def forget_indexes(sid: SessionId) -> None:
    """Leave nothing of a session but its records and its fixed set of runs."""
    keys = SessionKeys(str(sid))
    for pattern in (keys.pattern(keys.index_prefix), keys.pattern(keys.status_prefix)):
        for found in chunked(client().scan_iter(match=pattern, count=10_000), 100):
            client().unlink(*found)
    client().unlink(keys.profit, keys.summary)
