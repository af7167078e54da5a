"""Runs with 40 columns: written in batches, and what their table takes in memory."""

from __future__ import annotations

from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.store.shared import chunked
from tests.bench.data import session, with_profit
from tests.bench.memory import TABLE, columns_of, sizes_of
from tests.bench.report import Report, at_least, at_most
from tests.bench.sweep.data import COLUMNS, SID, texts
from tests.bench.timing import Samples, timed
from tests.bench.writes import STEP

#: Runs a second, checked and written.
LEAST_PER_SECOND = 10_000
#: What the table of 40 columns may take of memory for each run, with the map from hashes to rows.
MOST_BYTES = 450


def measure_load(report: Report, *, runs: int, seconds: float) -> None:
    """Report how quickly the session itself was written."""
    report.begin(f"Written in batches, {COLUMNS} columns")
    goal = at_least(LEAST_PER_SECOND)
    report.value(f"first {runs:,} runs of a session, checked and written", runs / seconds, "/s", goal=goal)


def measure_batches(report: Report, *, runs: int) -> None:
    """Measure batches of new and of known runs of another session, in steps."""
    registry, sid, step = BotRegistry(), session("COLUMNS"), max(1, min(STEP, runs // 2))
    found: dict[str, list[float]] = {"new": [], "changed": []}
    for number, made in enumerate(chunked(texts(sid, runs), step)):
        if len(made) == step:
            for name, some in (("new", made), ("changed", [with_profit(text, f"{number}.5") for text in made])):
                found[name].append(timed(lambda some=some: registry.put_many(sid, map(RunWrite.parse, some))))
    for name, seconds in found.items():
        rate = Samples(seconds).rate(step)
        report.value(f"{name}, checked and written", rate, "/s", goal=at_least(LEAST_PER_SECOND))


def measure_bytes(report: Report, *, runs: int) -> None:
    """Measure what the table of the session takes, by kind."""
    keys = SessionKeys(str(SID))
    if (columns := columns_of(keys)) != COLUMNS:
        raise AssertionError(f"the table has {columns} columns instead of {COLUMNS}")
    if (there := client().scard(keys.bots)) != runs:
        raise AssertionError(f"the session has {there} runs instead of {runs}")
    report.begin(f"Bytes a run of the sweep table, {COLUMNS} columns")
    sizes = {kind: size for kind, size in sorted(sizes_of(keys).items()) if kind.startswith(TABLE)}
    for kind, size in sizes.items():
        report.value(kind.removeprefix(TABLE), size / runs, "B")
    report.value("the whole table", sum(sizes.values()) / runs, "B", goal=at_most(MOST_BYTES))
