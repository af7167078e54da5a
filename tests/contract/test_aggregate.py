"""Aggregates against the statistics module, for every filter."""

from __future__ import annotations

import math
from typing import Any

import pytest
import redis

from bots_app.performance import PerformanceRegistry, aggregate_etag
from bots_app.query import RunQuery
from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.errors import SessionNotFound
from sessions_app.records import SessionId
from tests.contract.model import SID, Model, Record, run, tag, write_foreign
from tests.contract.test_pages import RANGES, STATUSES

sid = SessionId.parse(SID)
aggregate = PerformanceRegistry().aggregate

USUAL = [12.5, -3.25, 100.0, 100.0, 0.0, -0.0, 0.1, 1 / 3, -250.75, None, 7.5, 1e-9, 20.0, 99.99]
WIDE = [*USUAL, 1e200, 1.7e308, -1.7e308, 1e300]


def records(profits: list[float | None]) -> list[Record]:
    """Return runs of several statuses with these profits."""
    statuses = ["completed", "failed", "completed", "running", "odd:profit"]
    return [run(f"run-{place:02}", profit, statuses[place % 5]) for place, profit in enumerate(profits)]


def assert_agrees(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Assert that an aggregate is the naive one, its sums to the last digits."""
    assert found.keys() == wanted.keys()
    ends = [abs(wanted[name]) for name in ("bestProfit", "worstProfit") if wanted[name] is not None]
    for name, value in wanted.items():
        if name in ("avgProfit", "stdProfit") and value is not None:
            # A mean near zero of large profits has no more digits than these.
            assert math.isclose(found[name], value, rel_tol=1e-12, abs_tol=max(ends) * 1e-15), name
        else:
            assert found[name] == value, name


@pytest.mark.parametrize("profits", [USUAL, WIDE, [5.0], [5.0, None], [None, None], [3.0, 3.0]], ids=len)
def test_every_filter_agrees_with_the_statistics_module(store: redis.Redis, profits: list[float | None]) -> None:
    model = Model(records(profits))
    BotRegistry().put_many(sid, [RunWrite.parse(record) for record in model.records.values()])
    for statuses in STATUSES:
        for bounds in [*RANGES, (-1.0, None), (None, 50.0), (0.2, 0.3)]:
            query = RunQuery(statuses, *bounds)
            assert_agrees(aggregate(sid, query), model.aggregate(query))


def test_what_has_gone_leaves_nothing_behind(store: redis.Redis) -> None:
    steady = [run("a", 5.0), run("b", 7.0), run("c", 7.5, "failed")]
    huge = [run("d", 1e100), run("e", 1.234e100), run("f", 1e200, "failed"), run("g", -1e15), run("h", 3e14 + 0.1)]
    BotRegistry().put_many(sid, [RunWrite.parse(record) for record in steady + huge])
    for record in huge[:3]:
        BotRegistry().delete(sid, record["configHash"])
    BotRegistry().put_many(sid, [RunWrite.parse(run(record["configHash"])) for record in huge[3:]])
    for query in (RunQuery(), RunQuery(("completed",)), RunQuery(("failed",))):
        assert_agrees(aggregate(sid, query), Model([*steady, run("g"), run("h")]).aggregate(query))


def test_no_session_and_no_runs(store: redis.Redis) -> None:
    with pytest.raises(SessionNotFound):
        aggregate(sid, RunQuery())
    BotRegistry().put(sid, RunWrite.parse(run("a", 1.0)))
    BotRegistry().delete(sid, "a")
    for query in (RunQuery(), RunQuery(("completed",)), RunQuery(min_profit=0.0)):
        assert_agrees(aggregate(sid, query), Model().aggregate(query))


def test_unreadable_runs_are_counted_and_stale_indexes_told(store: redis.Redis) -> None:
    write_foreign(SID, [run("a", 1.0), run("b", 3.0)])
    store.set(f"bot_registry:run:{tag(SID)}:b", "no JSON")
    found = aggregate(sid, RunQuery())
    assert (found["count"], found["countByStatus"]) == (2, {"completed": 2})
    assert "stale" not in found
    etag = aggregate_etag(found)
    assert aggregate_etag(aggregate(sid, RunQuery())) == etag
    write_foreign(SID, [run("c", 5.0)])
    found = aggregate(sid, RunQuery())
    assert found["stale"] is True
    assert aggregate_etag(found) != etag
