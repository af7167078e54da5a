"""Lists and aggregates that leave statuses out: the same as those that name all others, whatever they become."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from bots_app import other_statuses
from bots_app.performance import PerformanceRegistry
from bots_app.query import ORDERINGS, RunQuery, status_filter
from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.errors import InvalidParameter
from sessions_app.records import SessionId
from tests.contract.model import SID, Model, run, write_foreign
from tests.contract.test_aggregate import assert_agrees
from tests.contract.test_pages import RANGES, assert_walks, model, page

sid = SessionId.parse(SID)
EXCLUDED = [("failed",), ("completed", "odd:profit"), ("nothing",), ("completed", "failed", "odd:profit", "running")]
NOT_FAILED = RunQuery(excluded=("failed",))
__all__ = ["model"]


@pytest.fixture(autouse=True)
def _forget() -> None:
    other_statuses._remembered.clear()


@pytest.mark.parametrize("excluded", EXCLUDED, ids="+".join)
def test_every_list_is_walked_whole_both_ways(model: Model, excluded: tuple[str, ...]) -> None:
    for bounds in RANGES[:2]:
        for ordering in ORDERINGS:
            assert_walks(model, RunQuery((), *bounds, ordering, excluded), 7)


@pytest.mark.parametrize("excluded", EXCLUDED, ids="+".join)
def test_aggregates_and_counts_leave_them_out(model: Model, excluded: tuple[str, ...]) -> None:
    for bounds in RANGES[:4]:
        query = RunQuery((), *bounds, excluded=excluded)
        assert_agrees(PerformanceRegistry().aggregate(sid, query), model.aggregate(query))
        assert BotRegistry().count(sid, query) == len(model.matching(query))


def test_ranks_and_neighbours_are_those_of_the_list(model: Model) -> None:
    names = model.ordered(NOT_FAILED)
    registry = BotRegistry()
    for place in (0, 5, len(names) - 1):
        assert registry.rank(sid, names[place], NOT_FAILED) == (place + 1, len(names))
    assert registry.neighbours(sid, names[5], NOT_FAILED) == (names[4], names[6])
    left_out = model.ordered(RunQuery(("failed",)))[0]
    assert registry.neighbours(sid, left_out, NOT_FAILED) == (None, None)


def test_a_page_costs_one_round_trip(model: Model, redis_calls: Any) -> None:
    page(sid, NOT_FAILED)
    assert redis_calls.of(lambda: page(sid, NOT_FAILED)) == 1
    BotRegistry().put(sid, RunWrite.parse(run("a", 1.0, "completed")))
    assert redis_calls.of(lambda: page(sid, NOT_FAILED)) == 2
    assert redis_calls.of(lambda: page(sid, NOT_FAILED)) == 1


def test_a_run_that_gets_a_new_status_is_never_missed(store: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = BotRegistry()
    registry.put_many(sid, [RunWrite.parse(run(name, 1.0, "completed")) for name in "ab"])
    assert page(sid, NOT_FAILED, limit=5).hashes == ["b", "a"]
    registry.put(sid, RunWrite.parse(run("a", 1.0, "archived")))
    assert page(sid, NOT_FAILED, limit=5).hashes == ["b", "a"]
    look = other_statuses.look

    def look_before_it_moves(*args: Any) -> Any:
        seen = look(*args)
        monkeypatch.setattr(other_statuses, "look", look)
        registry.put(sid, RunWrite.parse(run("b", 1.0, "kept")))
        return seen

    other_statuses._remembered.clear()
    monkeypatch.setattr(other_statuses, "look", look_before_it_moves)
    assert page(sid, NOT_FAILED, limit=5).hashes == ["b", "a"]


def test_a_cursor_is_bound_to_what_is_left_out(model: Model) -> None:
    first = page(sid, NOT_FAILED, limit=3)
    with pytest.raises(InvalidParameter):
        page(sid, RunQuery(), cursor=first.next_cursor, limit=3)
    registry = BotRegistry()
    registry.put(sid, RunWrite.parse(run("new", -1e9, "new status")))
    assert page(sid, NOT_FAILED, cursor=first.next_cursor, limit=3).hashes == model.ordered(NOT_FAILED)[3:6]


def test_while_a_large_foreign_session_is_not_indexed(real_store: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bots_app.registry.INLINE_RUNS", 1)
    monkeypatch.setattr("bots_app.registry.build_in_background", lambda sid: None)
    write_foreign(SID, [run(f"r{number}", float(number), ("completed", "failed")[number % 2]) for number in range(5)])
    found = page(sid, NOT_FAILED)
    assert (found.hashes, found.count) == (["r4", "r2", "r0"], 3)


def test_too_many_others_are_refused(store: redis.Redis) -> None:
    BotRegistry().put_many(sid, [RunWrite.parse(run(f"r{number}", 1.0, f"s{number}")) for number in range(22)])
    with pytest.raises(InvalidParameter, match="21 statuses are left; 20 are the most"):
        page(sid, RunQuery(excluded=("s1",)))
    assert page(sid, RunQuery(excluded=("s1", "s2"))).count == 20


def test_how_they_are_asked_for() -> None:
    assert status_filter(("a", "b")) == {"statuses": ("a", "b"), "excluded": ()}
    assert status_filter(("!a",)) == {"statuses": (), "excluded": ("a",)}
    for wrong in (("!",), ("a", "!b")):
        with pytest.raises(InvalidParameter, match="status: "):
            RunQuery(**status_filter(wrong))
