"""Rebuilding and checking a session, what it takes in memory, and how long any one command held Redis up."""

from __future__ import annotations

from bots_app.check import check
from bots_app.rebuild import rebuild
from bots_app.records import BacktestRunRecord
from bots_app.survey import statuses_of
from bots_app.synthetic import records
from bots_app.writing import RunWrite
from dashboard.store.client import client
from dashboard.store.keys import PER_STATUS, SessionKeys
from dashboard.store.shared import chunked
from sessions_app.records import SessionId
from tests.bench.data import STEP, Sessions
from tests.bench.report import Report, at_least, at_most
from tests.bench.timing import timed
from tests.bench.writes import set_records

#: Records whose size is asked for; the mean stands for all.
SAMPLE = 1_000
#: Commands that take this long, in microseconds, are written down by the server.
NOTED_US = 500
#: The longest a command may hold up every other client, in ms.
LONGEST_MS = 20


def start_slowlog() -> None:
    """Have the server write down every command of some length from now on."""
    client().config_set("slowlog-log-slower-than", NOTED_US)
    client().slowlog_reset()


def slowest_ms() -> float:
    """Return the length of the longest command since `start_slowlog`; NOTED_US when none was that long."""
    return max([entry["duration"] for entry in client().slowlog_get(100_000)], default=NOTED_US) / 1e3


def measure_upkeep(report: Report, sessions: Sessions) -> None:
    """Measure a rebuild from the records alone, and a check that must find nothing."""
    report.begin("Upkeep of a whole session")
    sid, runs = sessions.main, client().scard(SessionKeys(str(sessions.main)).bots)
    statuses = statuses_of([str(sid)])[str(sid)]
    floor = floor_rate(sid, min(runs, STEP * 2))
    forget_indexes(sid)
    rebuilt = timed(lambda: rebuild(sid, statuses=statuses))
    again = timed(lambda: rebuild(sid, statuses=statuses))
    drifts: list[object] = []
    checked = timed(lambda: drifts.extend(check(sid, statuses=statuses)))
    if drifts:
        raise AssertionError(f"the check finds the session drifted after a rebuild: {drifts}")
    floor = (floor + floor_rate(sid, min(runs, STEP * 2))) / 2
    goal = at_least(0.35)
    report.rate("rebuilt from the records", runs / rebuilt, against="pipelined SET", reference=floor, goal=goal)
    report.rate("rebuilt with nothing to mend", runs / again, against="pipelined SET", reference=floor, goal=goal)
    report.rate("checked", runs / checked, against="pipelined SET", reference=floor)


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


def measure_memory(report: Report, sessions: Sessions) -> None:
    """Measure what each key takes for each run, by the server's own account."""
    report.begin("Bytes a run")
    keys = SessionKeys(str(sessions.main))
    runs = client().scard(keys.bots)
    pipe = client().pipeline()
    for member in client().srandmember(keys.bots, SAMPLE):
        pipe.memory_usage(keys.run(member.decode()))
    sizes = pipe.execute()
    record = sum(sizes) / len(sizes)
    report.value("the record itself", record, "B")
    statuses = sorted(statuses_of([str(sessions.main)])[str(sessions.main)])
    fixed = {"fixed: set of runs": [keys.bots], "fixed: sets of statuses": [keys.status(one) for one in statuses]}
    fixed["fixed: by profit"] = [keys.profit]
    derived = {"derived: rows": [keys.index("rows")]}
    for name in PER_STATUS:
        if name != "profit":
            derived[f"derived: {name}"] = [keys.index(name)]
        derived[f"derived: {name}, by status"] = [keys.index_status(status, name) for status in statuses]
    derived["derived: figures"] = [keys.index("stats")]
    totals = [share_of(report, group, runs, record) for group in (fixed, derived)]
    report.share("fixed indexes together", totals[0], record, against="the record")
    report.share("all indexes together", sum(totals), record, against="the record", goal=at_most(0.5))
    events = client().memory_usage(keys.events, samples=0) or 0
    report.value("stream of events, capped, whole", events, "B")


def share_of(report: Report, group: dict[str, list[str]], runs: int, record: float) -> float:
    """Report the keys of a group; return their bytes a run."""
    whole = 0.0
    for name, names in group.items():
        size = sum(client().memory_usage(key, samples=0) or 0 for key in names) / runs
        whole += size
        report.share(name, size, record, against="the record")
    return whole


def report_slowest(report: Report, found: dict[str, float]) -> None:
    """Report the longest command of each phase."""
    report.begin("Longest single command of Redis")
    for name, milliseconds in found.items():
        report.value(name, milliseconds, "ms", goal=at_most(LONGEST_MS))
