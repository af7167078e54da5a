"""Runs whose rows follow each other are written in large batches, others in small ones: no call writes too much."""

from __future__ import annotations

import random
from typing import Any

import redis

from bots_app.indexing import BATCH_CELLS, FIRST_RUNS
from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from sessions_app.records import SessionId
from tests.contract.model import SID, run
from tests.contract.table_model import expected_table, generation_of, same, stored_table

sid, keys = SessionId.parse(SID), SessionKeys(SID)
registry = BotRegistry()
#: More values than are written one by one, of runs that fit the first batch.
RUNS, PARAMETERS = 60, 100
CALLS = -(-RUNS * (PARAMETERS + 5) // BATCH_CELLS)


def writes(profit: float) -> list[RunWrite]:
    names = [str(number) for number in range(PARAMETERS)]
    return [
        RunWrite.parse(run(f"run-{place:04}", profit + place, configuration=dict.fromkeys(names, place)))
        for place in range(RUNS)
    ]


def check(given: list[RunWrite], *, calls: int, result: str, redis_calls: Any) -> None:
    results = []
    assert redis_calls.of(lambda: results.extend(registry.put_many(sid, given))) == calls
    assert [(one.configHash, one.result) for one in results] == [(one.record.configHash, result) for one in given]
    texts = {write.record.configHash: write.text for write in given}
    assert {name: client().get(keys.run(name)) for name in texts} == texts
    same(stored_table(), expected_table(texts))


def test_rows_that_follow_each_other_are_written_in_one_call(store: redis.Redis, redis_calls: Any) -> None:
    assert RUNS <= FIRST_RUNS and CALLS > 1
    registry.put_many(SessionId.parse("other:1h:1:2"), writes(1.0))  # the server knows the script
    check(writes(1.0), calls=1, result="created", redis_calls=redis_calls)
    check(writes(2.0), calls=1, result="updated", redis_calls=redis_calls)


def test_rows_that_lie_apart_are_written_in_parts(store: redis.Redis, redis_calls: Any) -> None:
    registry.put_many(sid, writes(1.0))
    given = writes(2.0)
    random.Random(1).shuffle(given)
    check(given, calls=1 + CALLS, result="updated", redis_calls=redis_calls)


def test_rows_of_deleted_runs_are_written_in_parts(store: redis.Redis, redis_calls: Any) -> None:
    registry.put_many(sid, writes(1.0))
    for write in writes(1.0):
        registry.delete(sid, write.record.configHash)
    check(writes(3.0), calls=1 + CALLS, result="created", redis_calls=redis_calls)


def test_a_run_that_comes_again_and_again_is_written_in_parts(store: redis.Redis) -> None:
    given = [writes(float(number))[7] for number in range(RUNS)]
    results = registry.put_many(sid, given)
    assert [one.result for one in results] == ["created"] + ["updated"] * (RUNS - 1)
    same(stored_table(), expected_table({"run-0007": given[-1].text}))


def test_once_there_is_no_room_for_texts_those_of_statuses_are_stored_alone(store: redis.Redis) -> None:
    registry.put_many(sid, writes(1.0)[:1])
    texts = keys.table(generation_of()).name("texts")
    client().hset(texts, mapping={f"code {number}": "text" for number in range(10_000)})
    stored = client().hlen(texts)
    given = [
        RunWrite.parse(run(f"run-{place:04}", 1.0, "odd", configuration={"name": f"text {place}"}))
        for place in range(50)
    ]
    registry.put_many(sid, given)
    assert client().hlen(texts) == stored + 1
    assert b"odd" in client().hvals(texts)
    same(stored_table(), expected_table({write.record.configHash: write.text for write in given}))
