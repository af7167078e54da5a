"""Where a run stands in a list, and between which others: the same as the list itself, under every filter and order."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from bots_app.query import ORDERINGS, RunQuery
from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from tests.contract.model import SID, Model, run, write_foreign
from tests.contract.test_pages import RANGES, STATUSES, nasty, sid

registry = BotRegistry()


@pytest.fixture(scope="module")
def records() -> list[dict[str, Any]]:
    return nasty()


@pytest.fixture
def written(real_store: redis.Redis, records: list[dict[str, Any]]) -> Model:
    """The nasty session: undated runs by another program, all others by us."""
    write_foreign(SID, [record for record in records if "lastUpdated" not in record])
    registry.put_many(sid, [RunWrite.parse(record) for record in records if "lastUpdated" in record])
    return Model(records)


def assert_neighbours(model: Model, records: list[dict[str, Any]], query: RunQuery, *, ranks: bool = True) -> None:
    wanted = model.ordered(query)
    places = {name: place for place, name in enumerate(wanted)}
    for record in records:
        name = record["configHash"]
        place = places.get(name)
        rank, count = registry.rank(sid, name, query)
        assert count == len(wanted)
        found = registry.neighbours(sid, name, query)
        if place is None:
            assert (rank, found) == (None, (None, None))
            continue
        if ranks:
            assert rank == place + 1
        around = [None, *wanted, None]
        assert found == (around[place], around[place + 2])


@pytest.mark.parametrize("ordering", ORDERINGS)
def test_it_is_that_of_the_list(written: Model, records: list[dict[str, Any]], ordering: str) -> None:
    for statuses in STATUSES:
        for least, most in RANGES if not statuses or len(statuses) > 1 else RANGES[:2]:
            assert_neighbours(written, records, RunQuery(statuses, least, most, ordering))


def test_a_run_that_is_not_there_has_none(written: Model) -> None:
    assert registry.neighbours(sid, "nothing") == (None, None)
    assert registry.rank(sid, "nothing")[0] is None


def test_while_a_large_foreign_session_is_not_indexed(real_store: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bots_app.registry.INLINE_RUNS", 1)
    monkeypatch.setattr("bots_app.registry.build_in_background", lambda sid: None)
    write_foreign(SID, [run(f"r{number}", float(number), "completed") for number in range(5)])
    assert registry.neighbours(sid, "r2") == ("r3", "r1")
    assert registry.rank(sid, "r2") == (3, 5)


@pytest.mark.parametrize("query", [RunQuery(), RunQuery(("completed", "failed"), 0.0, 1e9)])
def test_it_costs_three_round_trips(written: Model, redis_calls: Any, query: RunQuery) -> None:
    assert redis_calls.of(lambda: registry.neighbours(sid, "aa", query)) <= 3
    assert redis_calls.of(lambda: registry.count(sid, query)) == 1
