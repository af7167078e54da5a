"""A server that ends in the midst of writes, and writers of the same runs: nothing is half-written, all of it told."""

from __future__ import annotations

import multiprocessing
import random
import threading

import pytest
import redis

from bots_app import sending
from bots_app.check import check
from bots_app.query import RunQuery
from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.errors import StoreUnavailable, WritesInterrupted
from dashboard.store import client as clients
from dashboard.store.client import StoreClient, override
from tests.contract.model import SID, run
from tests.integration.faulty import Server, runs, sid


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


def test_a_writer_is_told_which_runs_were_written_when_the_server_is_killed(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "LARGE_RUNS", 20)
    seed = random.randrange(1 << 30)
    chance, met = random.Random(seed), set()
    for _ in range(5):
        clients.client().config_set("appendfsync", "always")
        writes = [RunWrite.parse(run(f"run-{place}", chance.random())) for place in range(1_000)]
        assert server.process is not None
        ended = threading.Timer(chance.uniform(0.0, 0.1), server.process.kill)
        ended.start()
        with pytest.raises(WritesInterrupted, match="It is safe to send all of it again") as caught:
            for _ in range(100):
                runs.put_many(sid, writes)
                writes = [RunWrite.parse(run(write.record.configHash, chance.random())) for write in writes]
        ended.join()
        server.stop()
        server.start()
        written, doubt = len(caught.value.results), len(caught.value.in_doubt)
        assert written % 20 == 0 and doubt in (0, 20), seed
        met.add((written > 0, doubt))
        texts = clients.client().mget([f"bot_registry:run:{SID}:{write.record.configHash}" for write in writes])
        is_there = [text == write.text for text, write in zip(texts, writes, strict=True)]
        assert all(is_there[:written]), seed
        assert len(set(is_there[written : written + doubt])) <= 1, f"half a batch, seed {seed}"
        assert not any(is_there[written + doubt :]), seed
        assert check(sid) == [], seed
        again = [result.result for result in runs.put_many(sid, writes)]
        assert again[:written] == ["unchanged"] * written, seed
        assert check(sid) == [], seed
    assert any(doubt for _, doubt in met)


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
