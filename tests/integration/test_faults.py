"""A store that is away, frozen, full or read-only is told in time as such, and work goes on by itself afterwards."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from bots_app.check import check
from bots_app.performance import PerformanceRegistry
from bots_app.query import RunQuery
from bots_app.registry import BotRegistry
from bots_app.trades import TradeRegistry
from bots_app.writing import RunWrite
from dashboard.errors import StoreUnavailable
from dashboard.store import client as clients
from dashboard.store import embedded
from dashboard.store.client import ANSWER_TIMEOUT_S, CONNECT_TIMEOUT_S, StoreClient, override
from dashboard.store.facts import server_facts
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry
from tests.contract.model import SID, run

sid = SessionId.parse(SID)
runs = BotRegistry()
CALLS: dict[str, Callable[[], object]] = {
    "page": lambda: runs.page(sid, RunQuery()),
    "page by time in a range": lambda: runs.page(sid, RunQuery(min_profit=0.0, ordering="lastUpdated")),
    "aggregate": lambda: PerformanceRegistry().aggregate(sid, RunQuery()),
    "aggregate of a range": lambda: PerformanceRegistry().aggregate(sid, RunQuery(min_profit=0.0)),
    "run": lambda: runs.get(sid, "a"),
    "rows": lambda: runs.rows(sid, ["a"], ("sharpe",)),
    "trades": lambda: TradeRegistry().all(sid, "a"),
    "rank": lambda: runs.rank(sid, "a"),
    "counts": lambda: runs.status_counts(sid),
    "sessions": lambda: SessionRegistry().all(),
    "session": lambda: SessionRegistry().get(sid),
    "put": lambda: runs.put(sid, RunWrite.parse(run("a", 2.0))),
    "annotate": lambda: runs.annotate(sid, "a", notes="x"),
    "annotate session": lambda: SessionRegistry().annotate(sid, notes="x"),
    "delete": lambda: runs.delete(sid, "a"),
    "delete session": lambda: SessionRegistry().delete(sid),
    "check": lambda: check(sid),
    "facts": server_facts,
}
WRITES = ("put", "annotate", "annotate session", "delete", "delete session")


class Server:
    """A server of this module's own, which may be stopped, frozen and started again."""

    def __init__(self, binary: Path, folder: Path) -> None:
        self.binary, self.folder = binary, folder
        self.path = folder / "redis.sock"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [self.binary, "--port", "0", "--unixsocket", self.path, "--dir", self.folder, "--appendonly", "yes"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while embedded.ping(self.path) != "PONG" and time.monotonic() < deadline:
            time.sleep(0.02)

    def stop(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()


@pytest.fixture
def server(redis_binary: Path, tmp_path: Path, settings: object) -> Iterator[Server]:
    """A server with one run, and the client as a process of ours makes it."""
    server = Server(redis_binary, tmp_path)
    settings.REDIS_URL = f"unix://{server.path}"  # type: ignore[attr-defined]
    server.start()
    try:
        with override(clients._connect()):
            runs.put(sid, RunWrite.parse(run("a", 1.0)))
            yield server
    finally:
        server.stop()


def test_a_server_that_is_gone_is_told_and_found_again_by_itself(server: Server) -> None:
    server.stop()
    for name, call in CALLS.items():
        began = time.monotonic()
        with pytest.raises(StoreUnavailable) as caught:
            call()
        assert time.monotonic() - began < CONNECT_TIMEOUT_S, name
        assert str(caught.value).startswith("The data store does not answer at the moment."), name
        assert ("Nothing was " in str(caught.value)) is (name in ("put", "delete")), name
        assert caught.value.retry_after_s > 0
    server.start()
    assert runs.page(sid, RunQuery()).hashes == ["a"]
    assert runs.put(sid, RunWrite.parse(run("b", 2.0))).result == "created"
    assert check(sid) == []


def test_a_frozen_server_is_told_in_time(server: Server) -> None:
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGSTOP)
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        runs.page(sid, RunQuery())
    assert ANSWER_TIMEOUT_S - 0.5 < time.monotonic() - began < ANSWER_TIMEOUT_S + 1.0
    os.kill(server.process.pid, signal.SIGCONT)
    # An answer that came too late is not taken for that of the next question.
    assert runs.status_counts(sid) == {"completed": 1}
    assert runs.page(sid, RunQuery()).hashes == ["a"]


def test_a_full_server_reads_on_and_refuses_writes_whole(server: Server) -> None:
    store = clients.client()
    store.config_set("maxmemory", 1)
    for name, call in CALLS.items():
        if name in ("put", "annotate", "annotate session"):
            with pytest.raises(StoreUnavailable):
                call()
        elif name not in WRITES:
            call()
    store.delete("bot_registry:sessions", "bot_registry:sessions:state", "bot_registry:sessions:discovered")
    assert [str(summary.sid) for summary in SessionRegistry().all()] == [SID]
    store.config_set("maxmemory", 0)
    assert SessionRegistry().all() and check(sid) == []
    assert runs.put(sid, RunWrite.parse(run("b", 2.0))).result == "created"


@pytest.mark.parametrize("state", ["replica", "busy", "no password"])
def test_a_server_that_cannot_serve_now_is_told(server: Server, state: str) -> None:
    store = clients.client()
    if state == "replica":
        store.config_set("replica-read-only", "yes")
        store.execute_command("REPLICAOF", "127.0.0.1", "1")
        with pytest.raises(StoreUnavailable):
            runs.put(sid, RunWrite.parse(run("b", 2.0)))
        store.execute_command("REPLICAOF", "NO", "ONE")
    elif state == "busy":
        store.config_set("busy-reply-threshold", 10)
        other = redis.Redis.from_url(f"unix://{server.path}", socket_timeout=5)
        endless = threading.Thread(target=lambda: pytest.raises(redis.RedisError, other.eval, "while true do end", 0))
        endless.start()
        time.sleep(0.2)
        with pytest.raises(StoreUnavailable):
            runs.page(sid, RunQuery())
        redis.Redis.from_url(f"unix://{server.path}").script_kill()
        endless.join()
    else:
        store.config_set("requirepass", "secret")
        with override(clients._connect()), pytest.raises(StoreUnavailable):
            runs.page(sid, RunQuery())
        store.config_set("requirepass", "")
    assert runs.page(sid, RunQuery()).hashes == ["a"]


def test_a_server_that_ends_during_writes_leaves_no_half_run(server: Server) -> None:
    clients.client().config_set("appendfsync", "always")
    ended = threading.Timer(0.3, server.process.kill)  # type: ignore[union-attr]
    ended.start()
    written = 0
    with pytest.raises(StoreUnavailable):
        for number in range(100_000):
            batch = [run(f"run-{number % 400}-{place}", number + place) for place in range(20)]
            runs.put_many(sid, [RunWrite.parse(record) for record in batch])
            written += 20
    ended.join()
    server.stop()
    server.start()
    assert check(sid) == []
    assert runs.page(sid, RunQuery()).count >= min(written, 8_000)


def write_at_random(path: str, seed: int, batches: int) -> None:
    """Write, change and delete runs that others write too."""
    rng = random.Random(seed)
    with override(StoreClient.from_url(path, protocol=2)):
        for _ in range(batches):
            records = [
                run(
                    f"run-{rng.randrange(30)}",
                    rng.choice([None, rng.gauss(0, 9), 1e100]),
                    rng.choice(["completed", "failed"]),
                )
                for _ in range(rng.randrange(1, 6))
            ]
            BotRegistry().put_many(sid, [RunWrite.parse(record) for record in records])
            if rng.random() < 0.2 and clients.client().exists(f"bot_registry:run:{SID}:run-{seed}"):
                BotRegistry().delete(sid, f"run-{seed}")


def test_processes_and_threads_that_write_the_same_runs_agree(real_store: redis.Redis, redis_server: str) -> None:
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=write_at_random, args=(redis_server, seed, 150)) for seed in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert check(sid) == []
    assert runs.page(sid, RunQuery()).count > 10
