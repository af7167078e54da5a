"""Everything that is done with a large session, stage by stage, for the longest command of each to be looked for."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from itertools import islice

from bots_app.analysis_reading import AnalysisRegistry
from bots_app.catch_up import catch_up
from bots_app.check import check
from bots_app.exporting import Export, Wanted
from bots_app.expressions import parse
from bots_app.moving import move
from bots_app.performance import PerformanceRegistry
from bots_app.query import Bound, RunQuery
from bots_app.rebuild import rebuild
from bots_app.reconcile import Outcome, Reconciler
from bots_app.registry import BotRegistry
from bots_app.survey import statuses_of
from bots_app.synthetic import records
from bots_app.table.memory import memory
from bots_app.writing import RunWrite
from sessions_app.discovery import discover
from sessions_app.query import SessionQuery
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry
from tests.bench.data import load, with_profit
from tests.bench.upkeep import assert_no_drift

#: Seconds between the writes beside something else.
PAUSE_S = 0.01
#: Runs that are changed in batches, one by one, and deleted one by one; pages read of each list; runs exported.
CHANGED, SINGLE, DELETED, PAGES, EXPORTED = 2_000, 1_000, 1_000, 20, 20_000

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
#: What no column tells, so that rows of the list and records are read as well.
EXPORTED_FIELDS = ("status", "profit", "sharpe", "config.strategy.params.fastPeriod", "botId", "notes")

Stage = Callable[[], object]


def stages(sid: SessionId, runs: int) -> dict[str, Stage]:
    """Return what there is to do with a session of so many synthetic runs, by name and in order; it ends deleted."""
    every = max(1, runs // (CHANGED + SINGLE))
    some = list(islice(records(sid, runs), 0, None, every))[: CHANGED + SINGLE]
    return {
        "load": lambda: load(sid, records(sid, runs)),
        "writes": lambda: write(sid, some),
        "lists": lambda: read_lists(sid),
        "lists beside writes": lambda: beside_writes(sid, some, lambda: read_lists(sid)),
        "analysis": lambda: analyse(sid),
        "export": lambda: export(sid),
        "list of sessions": lambda: (discover(), SessionRegistry().find(SessionQuery(), with_counts=True)[:]),
        "rebuild beside writes": lambda: beside_writes(sid, some, lambda: rebuild(sid)),
        "check": lambda: assert_no_drift(list(check(sid, statuses=statuses_of([str(sid)])[str(sid)]))),
        "catching up": catch_up_all,
        # What is derived is made anew from the records alone then.
        "moved to other names and back": lambda: (move(sid, to_tagged=True), move(sid, to_tagged=False)),
        "deleted runs": lambda: delete(sid, some[:DELETED]),
        "deleted session": lambda: SessionRegistry().delete(sid),
    }


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


def beside_writes(sid: SessionId, texts: list[bytes], do: Stage) -> None:
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


def analyse(sid: SessionId) -> None:
    """Have a figure and the weights of parameters made of all runs, no column held."""
    memory.cache_clear()
    registry, everything = AnalysisRegistry(), RunQuery()
    registry.density(sid, everything, x="sharpe", y="maxDrawdown", x_bins=60, y_bins=60)
    registry.importance(sid, everything, metric="profit")


def export(sid: SessionId) -> None:
    """Have runs exported with what columns, rows and records tell."""
    for _ in Export(sid, RunQuery(), Wanted(fields=EXPORTED_FIELDS, limit=EXPORTED), facts={}):
        continue


def catch_up_all() -> None:
    """Compare every record with the indexes, as `follow_writes` does when it is started; nothing may differ."""
    reconciler, outcome, looks = Reconciler(), Outcome(), Counter[bool]()

    def apply(found: object) -> None:
        reconciler.reconcile(found, outcome, is_catching_up=True)  # type: ignore[arg-type]
        outcome.equal.clear()

    for _ in catch_up(apply, lambda sid, look: looks.update([bool(look and look.is_in_agreement)])):
        continue
    if outcome.filed or outcome.dropped or looks[False]:
        raise AssertionError(
            f"catching up finds {len(outcome.filed):,} runs to be filed, {looks[False]:,} sessions off"
        )


def delete(sid: SessionId, texts: list[bytes]) -> None:
    """Delete runs one by one."""
    for text in texts:
        BotRegistry().delete(sid, RunWrite.parse(text).record.configHash)
