"""Batches made ready while the server writes the one before: each written once, in order, whatever happens between."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from bots_app import sending
from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.errors import InvalidRecord, WritesInterrupted
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.store.scripts import script
from sessions_app.records import SessionId
from tests.contract.model import SID, run

sid = SessionId.parse(SID)
keys = SessionKeys(SID)
registry = BotRegistry()


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "LARGE_RUNS", 3)


def write(name: str, profit: float = 1.0) -> RunWrite:
    return RunWrite.parse(run(name, profit))


def test_a_run_that_comes_again_in_the_next_batch_is_written_in_order(store: redis.Redis) -> None:
    results = registry.put_many(sid, [write("a", n) for n in range(8)] + [write("a", 7)])
    assert [one.result for one in results] == ["created"] + ["updated"] * 7 + ["unchanged"]
    assert [one.index for one in results] == list(range(9))
    assert client().zscore(keys.profit, "a") == 7


def test_what_was_given_before_a_bad_record_is_written(real_store: redis.Redis) -> None:
    def given() -> Iterator[RunWrite]:
        for number in range(7):
            yield write(f"run-{number}")
        raise InvalidRecord("the eighth")

    with pytest.raises(InvalidRecord, match="the eighth"):
        registry.put_many(sid, given())
    assert client().scard(keys.bots) == 6


def test_who_stops_in_the_midst_leaves_no_connection_behind(real_store: redis.Redis) -> None:
    sender = sending.Sender(sid)
    sent = sender.send(write(f"run-{number}") for number in range(9))
    assert next(sent) == (["run-0", "run-1", "run-2"], [1, 1, 1])
    sent.close()
    assert client().ping()
    assert registry.put_many(sid, [write("run-0")])[0].result == "unchanged"


def test_a_summary_of_another_program_is_kept_between_two_batches(real_store: redis.Redis) -> None:
    def given() -> Iterator[RunWrite]:
        for number in range(9):
            if number == 4:
                client().set(keys.summary, '{"notes":"theirs","theirs":1}')
            yield write(f"run-{number}")

    results = registry.put_many(sid, given())
    assert [one.result for one in results] == ["created"] * 9
    summary = client().get(keys.summary)
    assert b'"theirs":1' in summary and b'"notes":"theirs"' in summary and b'"runCount":9' in summary


def test_a_server_that_forgets_its_scripts_and_drops_connections_is_asked_again(real_store: redis.Redis) -> None:
    def given() -> Iterator[RunWrite]:
        for number in range(12):
            if number == 4:
                client().script_flush()
            if number == 8:
                client().client_kill_filter(_type="normal", skipme=False)
            yield write(f"run-{number}")

    results = registry.put_many(sid, given())
    assert [one.configHash for one in results] == [f"run-{number}" for number in range(12)]
    assert client().scard(keys.bots) == 12
    assert client().script_exists(script("write_runs").sha)[0]


def test_the_batch_at_which_it_failed_is_named(real_store: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    def given() -> Iterator[RunWrite]:
        for number in range(9):
            if number == 6:
                client().config_set("maxmemory", "1")
            yield write(f"run-{number}")

    try:
        with pytest.raises(WritesInterrupted) as caught:
            registry.put_many(sid, given())
    finally:
        client().config_set("maxmemory", "0")
    assert [one.configHash for one in caught.value.results] == ["run-0", "run-1", "run-2"]
    assert caught.value.in_doubt == []
    assert client().scard(keys.bots) == 3


def test_a_server_that_takes_long_for_each_run_is_handed_fewer_at_once(
    real_store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """10 ms a run: the first batch, of two, takes 20, and none is to take 20 more."""
    quick = sending.write_batch

    def slow(*args: Any, **options: Any) -> Any:
        time.sleep(0.010 * len(args[1]))
        return quick(*args, **options)

    for name, value in {
        "FIRST_RUNS": 2,
        "LARGE_RUNS": 16,
        "LEAST_RUNS": 1,
        "LONG_S": 0.020,
        "write_batch": slow,
    }.items():
        monkeypatch.setattr(sending, name, value)
    sent = [hashes for hashes, _ in sending.Sender(sid).send(write(f"run-{number}") for number in range(60))]
    assert [name for hashes in sent for name in hashes] == [f"run-{number}" for number in range(60)]
    assert max(map(len, sent)) <= 5
