"""Rebuilding and checking a session."""

from __future__ import annotations

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
from tests.bench.timing import timed
from tests.bench.writes import set_records

#: Seconds that a check may take, to be made every night.
CHECK_S = 60


def measure_upkeep(report: Report, sessions: Sessions) -> None:
    """Measure a rebuild from the records alone, and a check that must find nothing."""
    report.begin("Upkeep of a whole session")
    sid, runs = sessions.main, client().scard(SessionKeys(str(sessions.main)).bots)
    statuses, helpers = statuses_of([str(sid)])[str(sid)], usual_helpers()
    floor = floor_rate(sid, min(runs, STEP * 2))
    forget_indexes(sid)
    rebuilt = timed(lambda: rebuild(sid, statuses=statuses, helpers=helpers))
    again = timed(lambda: rebuild(sid, statuses=statuses, helpers=helpers))
    drifts: list[object] = []
    checked = timed(lambda: drifts.extend(check(sid, statuses=statuses, helpers=helpers)))
    assert_no_drift(drifts)
    floor = (floor + floor_rate(sid, min(runs, STEP * 2))) / 2
    goal = at_least(0.35)
    report.rate("rebuilt from the records", runs / rebuilt, against="pipelined SET", reference=floor, goal=goal)
    report.rate("rebuilt with nothing to mend", runs / again, against="pipelined SET", reference=floor, goal=goal)
    report.rate("checked", runs / checked, against="pipelined SET", reference=floor)
    report.value(f"checked, all {runs:,}", checked, "s", goal=at_most(CHECK_S))


def assert_no_drift(drifts: list[object]) -> None:
    """Raise AssertionError where a check has found anything."""
    if drifts:
        raise AssertionError(f"the check finds the session drifted after a rebuild: {drifts}")


def floor_rate(sid: SessionId, runs: int) -> float:
    """Return how many records a second go into Redis by pipelined SETs."""
    numbered = enumerate(records(sid, runs))
    writes = [RunWrite(BacktestRunRecord(configHash=f"{number}"), text) for number, text in numbered]
    seconds = timed(lambda: set_records("bench:floor:", writes))
    return runs / seconds


def forget_indexes(sid: SessionId) -> None:
    """Leave nothing of a session but its records and its fixed set of runs."""
    keys = SessionKeys(str(sid))
    for pattern in (keys.pattern(keys.index_prefix), keys.pattern(keys.status_prefix)):
        for found in chunked(client().scan_iter(match=pattern, count=10_000), 100):
            client().unlink(*found)
    client().unlink(keys.profit, keys.summary)
