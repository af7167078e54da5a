"""What a call costs in round trips: a number that does not grow with the session, the page or its depth."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from bots_app.indexing import FIRST_RUNS
from bots_app.performance import PerformanceRegistry
from bots_app.query import ORDERINGS, RunQuery
from bots_app.registry import BotRegistry
from bots_app.trades import TradeRegistry
from bots_app.writing import RunWrite
from sessions_app.discovery import discover
from sessions_app.query import SessionQuery
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry
from tests.contract.model import SID, run

sid = SessionId.parse(SID)
#: The second of two batches has a quarter more runs than the first.
RUNS, BATCHES = FIRST_RUNS * 2, 2


def writes(profit: float, **more: Any) -> list[RunWrite]:
    return [RunWrite.parse(run(f"run-{place:04}", profit + place % 90, **more)) for place in range(RUNS)]


@pytest.fixture
def registry(store: redis.Redis) -> BotRegistry:
    """Runs of two statuses, and every script known to the server."""
    registry = BotRegistry()
    registry.put_many(sid, writes(1.0))
    registry.put_many(sid, [RunWrite.parse(run("failed", status="failed"))])
    registry.put(sid, RunWrite.parse(run("alone", 3.0)))
    registry.page(sid, RunQuery())
    registry.page(sid, RunQuery(min_profit=1.0, ordering="lastUpdated"))
    PerformanceRegistry().aggregate(sid, RunQuery())
    SessionRegistry().annotate(sid, notes="x")
    return registry


@pytest.mark.parametrize("query", [RunQuery(), RunQuery(("completed",)), RunQuery(("failed", "completed"), 2.0, 50.0)])
def test_a_page_is_one_round_trip_at_any_size_and_depth(
    registry: BotRegistry, redis_calls: Any, query: RunQuery
) -> None:
    for limit in (1, 50, 500):
        assert redis_calls.of(lambda limit=limit: registry.page(sid, query, limit=limit).body()) == 1
    last = registry.page(sid, query, limit=1).last_cursor
    assert redis_calls.of(lambda: registry.page(sid, query, cursor=last, limit=50).body()) == 1


def test_a_page_by_time_is_one_and_in_a_range_too_unless_something_has_changed(
    registry: BotRegistry, redis_calls: Any
) -> None:
    for ordering in ORDERINGS[2:]:
        assert redis_calls.of(lambda name=ordering: registry.page(sid, RunQuery(ordering=name)).body()) == 1
        for least in (2.0, 70.0):
            ranged = RunQuery(min_profit=least, ordering=ordering)
            for calls in (1, 1):
                assert redis_calls.of(lambda asked=ranged: registry.page(sid, asked).body()) == calls
            registry.put(sid, RunWrite.parse(run("changed", least + 1.0)))
            # What is held is found to be old, then what has changed is fetched, then the rows are.
            for calls in (3, 2, 1):
                assert redis_calls.of(lambda asked=ranged: registry.page(sid, asked).body()) == calls


def test_an_aggregate_of_kept_figures_is_one(registry: BotRegistry, redis_calls: Any) -> None:
    aggregate = PerformanceRegistry().aggregate
    for statuses in ((), ("completed",), ("none",)):
        assert redis_calls.of(lambda names=statuses: aggregate(sid, RunQuery(names))) == 1


def test_writes_are_one_a_batch(registry: BotRegistry, redis_calls: Any) -> None:
    assert redis_calls.of(lambda: registry.put_many(sid, writes(1.0))) == BATCHES
    assert redis_calls.of(lambda: registry.put_many(sid, writes(5.0, status="failed"))) == BATCHES
    trades = [{"profit": 1.0}] * 5
    assert redis_calls.of(lambda: registry.put_many(sid, writes(5.0, trades=trades))) == BATCHES
    assert redis_calls.of(lambda: registry.put(sid, RunWrite.parse(run("new", 1.0)))) == 1
    # What is out of the ordinary is found to be so first.
    assert redis_calls.of(lambda: registry.put(sid, RunWrite.parse(run("new", 1.0, configuration={"x": 1})))) == 2
    other = SessionId.parse("new:1h:1:2")
    assert redis_calls.of(lambda: registry.put_many(other, writes(1.0))) == BATCHES
    assert redis_calls.of(lambda: registry.delete(sid, "new")) == 1


def test_single_runs_are_a_few(registry: BotRegistry, redis_calls: Any) -> None:
    assert redis_calls.of(lambda: registry.get(sid, "run-0001")) == 1
    assert redis_calls.of(lambda: registry.raw(sid, "run-0001")) == 1
    assert redis_calls.of(lambda: TradeRegistry().all(sid, "run-0001")) == 1
    assert redis_calls.of(lambda: registry.rank(sid, "run-0001")) == 2
    assert redis_calls.of(lambda: registry.rows(sid, [f"run-{place:04}" for place in range(100)], ("sharpe",))) == 1
    assert redis_calls.of(lambda: registry.status_counts(sid)) == 2


def test_the_list_of_sessions_is_one_for_any_number(registry: BotRegistry, redis_calls: Any) -> None:
    for number in range(60):
        registry.put(SessionId.parse(f"S{number}:1h:1:2"), RunWrite.parse(run("a", 1.0)))
    assert len(discover()) == 61
    assert len(SessionRegistry().all()) == 61
    for query in (SessionQuery(), SessionQuery("S7"), SessionQuery(words=("1h",), ordering="bestProfit")):
        assert redis_calls.of(lambda wanted=query: SessionRegistry().find(wanted, with_counts=True)) == 1
    registry.put(sid, RunWrite.parse(run("b", 1.0)))
    assert redis_calls.of(lambda: SessionRegistry().all()) == 2
    assert redis_calls.of(lambda: SessionRegistry().get(sid)) == 1
