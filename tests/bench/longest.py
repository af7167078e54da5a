"""How long any one command of the product holds Redis up, in everything that is done with a large session.

The server's slow log goes by the clock on the wall: a command that had to wait for a core looks long. So the server is
favoured while this is measured, where this process may do that (Linux, as root); elsewhere the figures mean something
on an idle machine only.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from bots_app.check import check
from bots_app.expressions import parse
from bots_app.performance import PerformanceRegistry
from bots_app.query import Bound, RunQuery
from bots_app.rebuild import rebuild
from bots_app.registry import BotRegistry
from bots_app.survey import statuses_of
from bots_app.synthetic import records
from bots_app.writing import RunWrite
from dashboard.store.client import client
from dashboard.store.scripts import FOLDER, script
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry
from tests.bench.data import with_profit
from tests.bench.report import Report, at_most
from tests.bench.upkeep import assert_no_drift

#: Commands that take this long, in microseconds, are written down by the server.
NOTED_US = 500
#: Commands that only the benchmark makes.
OURS = ("SLOWLOG", "CONFIG", "INFO", "SCRIPT")
#: The longest a command may hold up every other client, in ms.
LONGEST_MS = 20
#: Kinds of commands that get a line each, the longest ones.
MOST_TOLD = 12
#: Letters that a script sent whole is told by: the server writes down no more than the beginning of it.
TOLD_BY = 60
#: Niceness of the server, and pauses between the writes beside something else.
FAVOURED, PAUSE_S = -15, 0.01
#: Runs that are changed in batches, one by one, and deleted one by one; pages read of each list.
CHANGED, SINGLE, DELETED, PAGES = 2_000, 1_000, 1_000, 20

LISTS = (
    RunQuery(),
    RunQuery(statuses=("failed",), min_profit=5.0, max_profit=30.0),
    RunQuery(statuses=("completed", "running"), ordering="profit"),
    RunQuery(excluded=("failed",)),
    RunQuery(ordering="-lastUpdated"),
    RunQuery(ordering="lastUpdated", min_profit=1.0),
    RunQuery(ordering="-sharpe", bounds=(Bound("maxDrawdown", None, 0.2),)),
    RunQuery(ordering="-calmarRatio", where=parse("sharpe > 1 and config.strategy.params.fastPeriod in (5, 8)")),
)


def measure(report: Report, sid: SessionId, runs: int) -> None:
    """Measure everything there is to do with a session of so many synthetic runs, which is deleted in the end."""
    report.begin("Longest single command of Redis, by kind")
    some = list(islice(records(sid, runs), min(runs, CHANGED + SINGLE)))
    statuses = statuses_of([str(sid)])[str(sid)]
    stages: dict[str, Callable[[], object]] = {
        "writes": lambda: write(sid, some),
        "lists": lambda: read_lists(sid),
        "lists beside writes": lambda: beside_writes(sid, some, lambda: read_lists(sid)),
        "rebuild": lambda: rebuild(sid, statuses=statuses),
        "rebuild beside writes": lambda: beside_writes(sid, some, lambda: rebuild(sid, statuses=statuses)),
        "check": lambda: assert_no_drift(list(check(sid, statuses=statuses))),
        "deleted runs": lambda: [BotRegistry().delete(sid, name) for name in hashes(some[:DELETED])],
        "deleted session": lambda: SessionRegistry().delete(sid),
    }
    longest: dict[str, tuple[float, str]] = {}
    with favoured():
        for stage, do in stages.items():
            start_slowlog()
            do()
            for name, milliseconds in slowest().items():
                longest[name] = max(longest.get(name, (0.0, "")), (milliseconds, stage))
    told = [(name, *found) for name, found in sorted(longest.items(), key=lambda item: item[1], reverse=True)]
    if others := told[MOST_TOLD:]:
        told[MOST_TOLD:] = [(f"each of {len(others)} others", *others[0][1:])]
    for name, milliseconds, stage in told or [("every command", NOTED_US / 1e3, "each stage")]:
        report.value(f"{name} ({stage})", milliseconds, "ms", goal=at_most(LONGEST_MS))


@contextmanager
def favoured() -> Iterator[None]:
    """Have every thread of the server go before all others for a while, where that is allowed."""
    tasks = Path(f"/proc/{client().info('server')['process_id']}/task")
    try:
        threads = {int(task.name): os.getpriority(os.PRIO_PROCESS, int(task.name)) for task in tasks.iterdir()}
        for thread in threads:
            os.setpriority(os.PRIO_PROCESS, thread, FAVOURED)
    except (FileNotFoundError, PermissionError):
        yield
        return
    yield
    for thread, niceness in threads.items():
        os.setpriority(os.PRIO_PROCESS, thread, niceness)


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


def write(sid: SessionId, texts: list[bytes]) -> None:
    """Change runs in batches, in no order, and one by one."""
    writes = [RunWrite.parse(with_profit(text, f"{number}.25")) for number, text in enumerate(texts)]
    random.Random(1).shuffle(writes)
    BotRegistry().put_many(sid, writes[:CHANGED])
    for one in writes[CHANGED:]:
        BotRegistry().put(sid, one)


def read_lists(sid: SessionId) -> None:
    """Read pages of every kind of list, forward, the last, and backward; and the figures of each."""
    registry = BotRegistry()
    for query in LISTS:
        page = registry.page(sid, query)
        for step in ("next_cursor", "last_cursor", "previous_cursor"):
            for _ in range(1 if step == "last_cursor" else PAGES):
                if cursor := getattr(page, step):
                    page = registry.page(sid, query, cursor=cursor)
        PerformanceRegistry().aggregate(sid, query)


def beside_writes(sid: SessionId, texts: list[bytes], do: Callable[[], object]) -> None:
    """Do something while another thread changes a run every PAUSE_S."""
    is_over, random_runs = threading.Event(), random.Random(2)

    def keep_writing() -> None:
        while not is_over.wait(PAUSE_S):
            text = with_profit(random_runs.choice(texts), f"{random_runs.uniform(0, 50):.3f}")
            BotRegistry().put(sid, RunWrite.parse(text))

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        do()
    finally:
        is_over.set()
        writer.join()


def hashes(texts: list[bytes]) -> list[str]:
    """Return the configHash of each record."""
    return [RunWrite.parse(text).record.configHash for text in texts]
