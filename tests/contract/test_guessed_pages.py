"""Pages worked out from what is held before anything is asked: they are of now all the same, whoever writes."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from bots_app import table_lists
from bots_app.query import Bound, RunQuery
from bots_app.registry import BotRegistry
from bots_app.table.snapshot import UnknownField
from bots_app.writing import RunWrite
from dashboard.errors import SessionNotFound
from dashboard.store.keys import SessionKeys
from sessions_app.records import SessionId
from tests.contract.model import SID, run

sid = SessionId.parse(SID)
BY_FAST = RunQuery(bounds=(Bound("profit", 0.0),), ordering="-config.fast")


def put(registry: BotRegistry, name: str, fast: float, **config: Any) -> None:
    registry.put(sid, RunWrite.parse(run(name, 1.0, configuration={"fast": fast, **config})))


@pytest.fixture
def registry(store: redis.Redis) -> BotRegistry:
    """Some runs, and a process that has seen that nothing changes."""
    registry = BotRegistry()
    for number in range(5):
        put(registry, f"run-{number}", number)
    for _ in range(2):
        assert hashes(registry) == [f"run-{number}" for number in (4, 3, 2, 1, 0)]
    return registry


def hashes(registry: BotRegistry, query: RunQuery = BY_FAST) -> list[str]:
    return registry.page(sid, query).hashes


def test_what_is_written_while_a_page_is_worked_out_is_in_it(
    registry: BotRegistry, redis_calls: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert redis_calls.of(lambda: hashes(registry)) == 1
    page_of, writes = table_lists.page_of, [("run-0", 9.0), ("new", 7.0)]

    def interrupted(*args: Any, **options: Any) -> Any:
        found = page_of(*args, **options)
        if writes:
            put(registry, *writes.pop(0))
        return found

    monkeypatch.setattr(table_lists, "page_of", interrupted)
    assert hashes(registry)[:2] == ["run-0", "run-4"]
    assert hashes(registry)[:3] == ["run-0", "new", "run-4"] and not writes


def test_a_field_that_was_not_there_when_the_store_was_asked_last_is_known(registry: BotRegistry) -> None:
    by_new = RunQuery(ordering="config.new")
    for _ in range(2):
        with pytest.raises(UnknownField):
            hashes(registry, by_new)
    put(registry, "run-3", 3, new=1)
    assert hashes(registry, by_new)[0] == "run-3"


def test_a_session_that_goes_is_gone_at_once(registry: BotRegistry, store: redis.Redis) -> None:
    for key in store.keys("*"):
        store.delete(key)
    with pytest.raises(SessionNotFound):
        hashes(registry)


def test_a_row_that_is_not_there_is_made_from_the_record(registry: BotRegistry, store: redis.Redis) -> None:
    before = registry.page(sid, BY_FAST).decoded()
    store.hdel(SessionKeys(SID).index("rows"), "run-2")
    after = registry.page(sid, BY_FAST)
    assert after.decoded() == before and after.stale


def test_a_page_without_runs_and_one_of_the_most(registry: BotRegistry, redis_calls: Any) -> None:
    none = RunQuery(bounds=(Bound("config.fast", 100.0),), ordering="-config.fast")
    for _ in range(2):
        assert hashes(registry, none) == [] and registry.count(sid, none) == 0
    registry.put_many(
        sid,
        [RunWrite.parse(run(f"many-{number:03}", 1.0, configuration={"fast": -number})) for number in range(1, 500)],
    )
    for _ in range(3):
        found = registry.page(sid, BY_FAST, limit=500)
        assert len(found.hashes) == 500 and found.count == 504
    assert redis_calls.of(lambda: registry.page(sid, BY_FAST, limit=500)) == 1
