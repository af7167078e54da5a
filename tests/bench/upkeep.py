"""Rebuilding and checking a session, and how long any one command held Redis up."""

from __future__ import annotations

from bots_app.check import check
from bots_app.rebuild import rebuild
from bots_app.records import BacktestRunRecord
from bots_app.survey import statuses_of
from bots_app.synthetic import records
from bots_app.writing import RunWrite
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.store.scripts import FOLDER, script
from dashboard.store.shared import chunked
from sessions_app.records import SessionId
from tests.bench.data import STEP, Sessions
from tests.bench.report import Report, at_least, at_most
from tests.bench.timing import timed
from tests.bench.writes import set_records

#: Commands that take this long, in microseconds, are written down by the server.
NOTED_US = 500
#: Commands that only the benchmark makes.
OURS = ("SLOWLOG", "MEMORY", "CONFIG")
#: The longest a command may hold up every other client, in ms.
LONGEST_MS = 20
#: Kinds of commands that get a line each, the longest ones.
MOST_TOLD = 12
#: Letters that a script sent whole is told by: the server writes down no more than the beginning of it.
TOLD_BY = 60
#: Seconds that a check may take, to be made every night.
CHECK_S = 60


def start_slowlog() -> None:
    """Have the server write down every command of some length from now on."""
    client().config_set("slowlog-log-slower-than", NOTED_US)
    client().slowlog_reset()


def slowest() -> dict[str, float]:
    """Return the ms of the longest of each kind of command since `start_slowlog`; a script is told by its name."""
    scripts = [script(path.stem) for path in FOLDER.glob("*.lua")]
    names = {one.sha: one.name for one in scripts} | {one.text[:TOLD_BY]: one.name for one in scripts}
    found: dict[str, float] = {}
    for entry in client().slowlog_get(100_000):
        command, _, rest = entry["command"].decode(errors="replace").partition(" ")
        name = names.get(rest.partition(" ")[0]) or names.get(rest[:TOLD_BY]) or command
        if name not in OURS:
            found[name] = max(found.get(name, 0.0), entry["duration"] / 1e3)
    return found


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
    report.value(f"checked, all {runs:,}", checked, "s", goal=at_most(CHECK_S))


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


def report_slowest(report: Report, found: dict[str, dict[str, float]]) -> None:
    """Report the longest command of each kind over all parts, and in which part that was."""
    report.begin("Longest single command of Redis, by kind")
    longest: dict[str, tuple[float, str]] = {}
    for part, commands in found.items():
        for name, milliseconds in commands.items():
            longest[name] = max(longest.get(name, (0.0, "")), (milliseconds, part))
    told = [(name, *found) for name, found in sorted(longest.items(), key=lambda item: item[1], reverse=True)]
    if others := told[MOST_TOLD:]:
        told[MOST_TOLD:] = [(f"each of {len(others)} others", *others[0][1:])]
    for name, milliseconds, part in told:
        report.value(f"{name} ({part})", milliseconds, "ms", goal=at_most(LONGEST_MS))
