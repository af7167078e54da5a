"""`manage.py follow_writes` as an operator runs it: faults of the server, of its settings and of the process itself."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from dashboard.store.client import StoreClient, override
from dashboard.store.lease import FollowerFacts, current_follower
from tests.contract.model import SID, run, write_foreign
from tests.integration.faulty import Server
from tests.integration.following import FLAGS, Foreign, Process, wait_for

#: Commands that begin, stop and end within seconds by the clock.
pytestmark = pytest.mark.alone

foreign = Foreign(SID)
#: Writes a second of a busy program, and for how long it writes.
RATE, SECONDS = 1000, 3.0
#: test_killed_processes.py kills followers fifty times that are forked, and so begin at once; these begin as a command.
ROUNDS = int(os.environ.get("DASHBOARD_KILLS", "2"))
STATUSES = ("completed", "completed", "failed", "running")


@pytest.fixture
def server(redis_binary: Path, tmp_path: Path) -> Iterator[Server]:
    """A server of the test's own, with an append-only file, and the client as a foreign program's."""
    server = Server(redis_binary, tmp_path)
    server.start()
    client = StoreClient(unix_socket_path=str(server.path), protocol=2, socket_timeout=5)
    try:
        with override(client):
            yield server
    finally:
        client.close()
        server.stop()


@pytest.fixture
def follow(server: Server, tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Start followers; all are gone after the test."""
    started: list[Process] = []

    def start(*arguments: str) -> Process:
        process = Process(f"unix://{server.path}?db=0", tmp_path, "follow_writes", *arguments)
        started.append(process)
        wait_for(lambda: facts().pid == process.process.pid and facts().isCaughtUp, said=process.said)
        return process

    yield start
    for process in started:
        process.kill()
        assert "Traceback" not in process.said()


def facts() -> FollowerFacts:
    return current_follower() or FollowerFacts(id="", host="", pid=0, since=0)


def write_at_random(store: redis.Redis, chance: random.Random, *, seconds: float) -> int:
    """Write, change and delete runs as a foreign program does: each time the record, sometimes the sets as well."""
    began, count = time.monotonic(), 0
    while time.monotonic() < began + seconds:
        while count < (time.monotonic() - began) * RATE:
            count += 1
            name = f"run-{chance.randrange(800)}"
            if chance.random() < 0.1:
                foreign.remove(name)
            elif chance.random() < 0.3:
                write_foreign(SID, [run(name, chance.gauss(3, 20), chance.choice(STATUSES), updated=count)])
            else:
                profit = None if chance.random() < 0.1 else chance.gauss(3, 20)
                foreign.write(name, profit, chance.choice(STATUSES), updated=1_700_000_000_000 + count)
            if chance.random() < 0.01:
                store.set(foreign.summary, json.dumps({"notes": f"at {count}", "runCount": count}))
        time.sleep(0.001)
    return count


def test_a_thousand_writes_a_second_are_filed_within_a_second(server: Server, follow: Callable[..., Process]) -> None:
    process = follow("--enable-notifications")
    with StoreClient(unix_socket_path=str(server.path)) as store:
        write_at_random(store, random.Random(1), seconds=SECONDS)
        wait_for(lambda: foreign.drift() == [], said=process.said)
        # What is shown is of the last two seconds or so.
        wait_for(lambda: facts().lagMs is not None, said=process.said)
        assert (facts().lagMs or 0) < 1000
        assert facts().mode == "notifications"
        assert foreign.told()["notes"].startswith("at ")
        assert max(entry["duration"] for entry in [*store.slowlog_get(10), {"duration": 0}]) < 500_000
    assert process.end(signal.SIGTERM) == 0
    assert "changes filed." in process.said()
    assert current_follower() is None


def test_a_follower_killed_at_any_point_leaves_what_the_next_one_mends(
    server: Server, follow: Callable[..., Process]
) -> None:
    chance = random.Random(2)
    with StoreClient(unix_socket_path=str(server.path)) as store:
        for _ in range(ROUNDS):
            process = follow("--enable-notifications")
            write_at_random(store, chance, seconds=chance.uniform(0.05, 0.5))
            process.kill()
            write_at_random(store, chance, seconds=0.1)
    process = follow()
    wait_for(lambda: foreign.drift() == [], said=process.said)


def test_a_server_that_restarts_is_followed_on(server: Server, follow: Callable[..., Process]) -> None:
    process = follow("--enable-notifications")
    foreign.write("a", 1.0)
    wait_for(lambda: foreign.rows().keys() == {"a"}, said=process.said)
    server.stop()
    time.sleep(0.5)
    server.start()
    foreign.write("b", 2.0)
    wait_for(lambda: foreign.rows().keys() == {"a", "b"} and facts().isCaughtUp, said=process.said)
    foreign.write("c", 3.0)
    wait_for(lambda: foreign.rows().keys() == {"a", "b", "c"} and foreign.drift() == [], said=process.said)
    assert "The store cannot be used: " in process.said()
    assert "The store can be used again" in process.said()
    began = time.monotonic()
    assert process.end(signal.SIGINT) == 130
    assert time.monotonic() < began + 2


def test_other_settings_of_the_notifications_stay(server: Server, follow: Callable[..., Process]) -> None:
    with StoreClient(unix_socket_path=str(server.path)) as store:
        store.config_set("notify-keyspace-events", "Elh")
        follow("--enable-notifications")
        flags = store.config_get("notify-keyspace-events")["notify-keyspace-events"]
    assert set("Elh" + FLAGS) <= set(flags)


def test_it_ends_at_once_when_asked_to_even_if_the_server_hangs(server: Server, follow: Callable[..., Process]) -> None:
    process = follow("--enable-notifications")
    assert server.process is not None
    server.process.send_signal(signal.SIGSTOP)
    time.sleep(1)
    began = time.monotonic()
    assert process.end(signal.SIGINT) == 130
    assert time.monotonic() < began + 3
