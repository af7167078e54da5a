"""Processes killed at any point, fifty times: writers of ours, and the one that follows the writes of others.

Whatever they leave, an answer is right or `check_indexes` tells what is wrong, and a rebuild mends it.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import time
from collections.abc import Callable

import pytest
import redis

from bots_app.check import check
from bots_app.follow import Follower
from bots_app.performance import PerformanceRegistry
from bots_app.query import RunQuery
from bots_app.rebuild import rebuild
from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.errors import RunNotFound, SessionNotFound
from dashboard.store.client import StoreClient, client, override
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry
from tests.contract.model import SID, Model, Record, run, write_foreign
from tests.integration.following import Foreign, wait_for

sid = SessionId.parse(SID)
registry = BotRegistry()
foreign = Foreign(SID)
ROUNDS = int(os.environ.get("DASHBOARD_KILLS", "50"))
NAMES = [f"run-{number:03}" for number in range(120)]
STATUSES = ("completed", "completed", "failed", "running")
QUERIES = (
    RunQuery(),
    RunQuery(statuses=("completed",), ordering="profit"),
    RunQuery(ordering="-lastUpdated"),
    RunQuery(min_profit=-1.0, max_profit=4.0),
)
#: A process forked from this one has everything imported: it works at once.
fork = multiprocessing.get_context("fork")


def chosen(chance: random.Random) -> Record:
    profit = None if chance.random() < 0.1 else round(chance.gauss(2, 4), 3)
    updated = 1_700_000_000_000 + chance.randrange(1000)
    return run(chance.choice(NAMES), profit, chance.choice(STATUSES), updated=updated, notes="x" * chance.randrange(50))


def is_right() -> bool:
    """Tell whether every answer is what the records say."""
    keys = list(client().scan_iter(match=f"bot_registry:run:{SID}:*", count=1000))
    model = Model([json.loads(text) for text in client().mget(keys)] if keys else [])
    try:
        pages = [registry.page(sid, query, limit=500) for query in QUERIES]
        aggregate = PerformanceRegistry().aggregate(sid, RunQuery())
    except SessionNotFound:
        return not model.records
    is_listed = all(page.hashes == model.ordered(query) for page, query in zip(pages, QUERIES, strict=True))
    wanted = model.aggregate(RunQuery())
    is_counted = all(aggregate[name] == pytest.approx(value) for name, value in wanted.items() if name != "stdProfit")
    rows = {row["configHash"]: (row["status"], row["profit"]) for row in map(json.loads, pages[0].rows)}
    told = {
        name: (record["status"], record["resultsMetadata"]["performance"].get("totalProfit"))
        for name, record in model.records.items()
    }
    return is_listed and is_counted and rows == told and all(page.count == len(page.hashes) for page in pages)


def killed_after(seconds: float, work: Callable[..., None], *arguments: object) -> None:
    """Start some work in a process, and kill it after a while."""
    process = fork.Process(target=work, args=arguments)
    process.start()
    time.sleep(seconds)
    process.kill()
    process.join()
    assert process.exitcode == -9, "the process ended before it was killed"


def write_for_ever(url: str, seed: int) -> None:
    """Write, annotate and delete runs, and now and then the whole session."""
    chance = random.Random(seed)
    with override(StoreClient.from_url(url, protocol=2)):
        while True:
            kind = chance.random()
            try:
                if kind < 0.7:
                    registry.put_many(sid, [RunWrite.parse(chosen(chance)) for _ in range(chance.randrange(1, 60))])
                elif kind < 0.8:
                    registry.annotate(sid, chance.choice(NAMES), notes=f"{chance.random()}")
                elif kind < 0.97:
                    registry.delete(sid, chance.choice(NAMES))
                else:
                    SessionRegistry().annotate(sid, notes=f"{chance.random()}")
            except (RunNotFound, SessionNotFound):
                continue


def test_a_writer_killed_at_any_point_leaves_every_answer_right(real_store: redis.Redis, redis_server: str) -> None:
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    drifts = 0
    for number in range(ROUNDS):
        if number % 5 == 0:
            # A session of another program's: what is killed then may be the making of its indexes.
            real_store.flushall()
            write_foreign(SID, {record["configHash"]: record for record in map(chosen, [chance] * 200)}.values())
        killed_after(chance.uniform(0.004, 0.08), write_for_ever, redis_server, chance.randrange(1 << 30))
        drift = check(sid)
        drifts += bool(drift)
        assert drift or is_right(), f"seed {seed}, round {number}"
        rebuild(sid)
        assert check(sid) == [], f"seed {seed}, round {number}"
        assert is_right(), f"seed {seed}, round {number}"
    # Only what nobody has indexed yet, at the beginning of every five rounds, can be found to be wrong.
    assert drifts <= -(-ROUNDS // 5), seed


def follow_for_ever(url: str) -> None:
    with override(StoreClient.from_url(url, protocol=2, socket_timeout=5)):
        Follower(lambda line: None, enable=True).run()


def write_as_others_do(chance: random.Random, *, seconds: float) -> None:
    """Write and remove records, with or without the sets that belong to them."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        record = chosen(chance)
        kind = chance.random()
        if kind < 0.2:
            foreign.remove(record["configHash"])
        elif kind < 0.6:
            client().set(foreign.key(record["configHash"]), json.dumps(record))
        else:
            write_foreign(SID, [record])
        time.sleep(0.001)


def test_a_follower_killed_at_any_point_leaves_what_is_told_and_mended(
    real_store: redis.Redis, redis_server: str
) -> None:
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    for number in range(ROUNDS):
        process = fork.Process(target=follow_for_ever, args=(redis_server,))
        process.start()
        write_as_others_do(chance, seconds=chance.uniform(0.02, 0.18))
        process.kill()
        process.join()
        assert process.exitcode == -9
        assert check(sid) or is_right(), f"seed {seed}, round {number}"
        if number % 5 == 4:
            rebuild(sid)
            assert check(sid) == [], f"seed {seed}, round {number}"
            assert is_right(), f"seed {seed}, round {number}"
    write_as_others_do(chance, seconds=0.05)
    process = fork.Process(target=follow_for_ever, args=(redis_server,))
    process.start()
    try:
        wait_for(lambda: check(sid) == [] and is_right(), said=lambda: f"seed {seed}: {check(sid)}")
    finally:
        process.kill()
        process.join()
