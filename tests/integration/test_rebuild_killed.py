"""A rebuild that is killed at any moment: the old indexes serve, or the new ones, and the next one makes all right."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Callable

import pytest
import redis

from bots_app.check import check
from bots_app.deriving import build
from bots_app.performance import PerformanceRegistry
from bots_app.query import RunQuery
from bots_app.rebuild import rebuild
from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.store.client import StoreClient, override
from dashboard.store.keys import SessionKeys
from sessions_app.records import SessionId
from tests.contract.model import SID, Model, run, stored_figures, stored_sets, write_foreign
from tests.contract.table_model import expected_table, generation_of, same, stored_table, table_keys

sid = SessionId.parse(SID)
RUNS, KILLS = 1_500, 50


def begin(address: str, work: Callable[[SessionId], object]) -> int:
    """Have a process of its own do some work; return its id."""
    pid = os.fork()
    if pid:
        return pid
    try:
        with override(StoreClient.from_url(address, protocol=2, socket_timeout=10)):
            work(sid)
        os._exit(0)
    finally:
        os._exit(1)


def kill_after(pid: int, seconds: float) -> bool:
    """Kill a process after some time; tell whether it had not ended yet."""
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status) or status == 0
    return os.WIFSIGNALED(status)


def seconds_of(address: str, work: Callable[[SessionId], object]) -> float:
    """Return how long some work takes that nobody stops."""
    start = time.monotonic()
    _, status = os.waitpid(begin(address, work), 0)
    assert status == 0
    return time.monotonic() - start


@pytest.mark.alone
@pytest.mark.slow
def test_a_rebuild(real_store: redis.Redis, redis_server: str) -> None:
    rng = random.Random(3)
    wanted = Model([run(f"run-{number}", number % 97, ("completed", "failed")[number % 2]) for number in range(RUNS)])
    BotRegistry().put_many(sid, [RunWrite.parse(record) for record in wanted.records.values()])
    length, killed, known = min(seconds_of(redis_server, rebuild) for _ in range(3)), 0, RUNS
    for number in range(KILLS):
        # One more run that only a record tells of, and one of ours, written in the midst of it.
        wanted.records[f"theirs-{number}"] = theirs = run(f"theirs-{number}", 1000 + number)
        real_store.set(f"bot_registry:run:{SID}:theirs-{number}", json.dumps(theirs))
        wanted.records["ours"] = ours = run("ours", rng.random())
        pid = begin(redis_server, rebuild)
        time.sleep(rng.random() * length / 2)
        BotRegistry().put(sid, RunWrite.parse(ours))
        killed += kill_after(pid, rng.random() * length * 0.7)
        page, figures = BotRegistry().page(sid, RunQuery(), limit=1), PerformanceRegistry().aggregate(sid, RunQuery())
        assert page.count == figures["count"] and not page.stale
        assert page.count in (known + 1, RUNS + 1 + number + 1)
        assert BotRegistry().get(sid, "ours").profit == ours["resultsMetadata"]["performance"]["totalProfit"]
        known = page.count - 1
        # The sweep table was exchanged with the indexes, or not at all.
        assert len(stored_table()) == page.count
        assert bool(check(sid)) == (known < RUNS + number + 1)
    assert killed > KILLS / 5
    rebuild(sid)
    assert_right(real_store, wanted)


@pytest.mark.slow
def test_the_first_build_of_another_programs_session(real_store: redis.Redis, redis_server: str) -> None:
    wanted = Model([run(f"run-{number}", number % 97, ("completed", "failed")[number % 2]) for number in range(RUNS)])
    write_foreign(SID, wanted.records.values())
    length = seconds_of(redis_server, build)
    rng = random.Random(4)
    for _ in range(15):
        real_store.hdel(f"session:{SID}:index:stats", "built")
        kill_after(begin(redis_server, build), rng.random() * length)
        assert BotRegistry().page(sid, RunQuery()).count == RUNS
        # What a killed one has left is never looked at; it goes with the next one.
        assert {name: held for name, held in stored_sets().items() if "next:" not in name} == wanted.sets()
    assert stored_figures() == wanted.figures()
    rebuild(sid)
    assert_right(real_store, wanted)


def assert_right(store: redis.Redis, wanted: Model) -> None:
    assert check(sid) == []
    assert stored_sets() == wanted.sets()
    assert stored_figures() == wanted.figures()
    names = wanted.records
    same(stored_table(), expected_table({name: json.dumps(record).encode() for name, record in names.items()}))
    table = SessionKeys(SID).table(generation_of()).prefix
    assert all(key.startswith(table) for key in table_keys())
    left = (b":next:", b":dirty", b":builder")
    assert not [key for key in store.scan_iter(f"session:{SID}:*") if any(name in key for name in left)]
