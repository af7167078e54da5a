"""Processes write, change and delete runs while others walk through the lists: what a cursor promises holds.

Everything that is done is logged with its times, and every walk is held against the log afterwards.
"""

from __future__ import annotations

import json
import multiprocessing
import pickle
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from bots_app.check import check
from bots_app.follow import Follower
from bots_app.query import RunQuery
from bots_app.rebuild import rebuild
from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.store.client import StoreClient, client, override
from dashboard.store.lease import FollowerFacts, current_follower
from sessions_app.records import SessionId
from tests.contract.model import SID, run, write_foreign
from tests.integration.following import wait_for
from tests.integration.history import Change, History, State, Walk, walks

pytestmark = pytest.mark.alone
sid = SessionId.parse(SID)
registry = BotRegistry()
fork = multiprocessing.get_context("fork")
WRITERS, RUNS_EACH, SECONDS = 3, 100, 1.2
#: Seconds within which the indexes show what another program wrote; it takes some ms, unless the machine is busy.
LAG_S = 1.0
STATUSES = ("completed", "completed", "completed", "failed", "running")
NOBODY = FollowerFacts(id="", host="", pid=0, since=0)
QUERIES = (
    RunQuery(),
    RunQuery(ordering="profit"),
    RunQuery(statuses=("completed",)),
    RunQuery(statuses=("failed", "running"), ordering="profit"),
    RunQuery(min_profit=0.0, max_profit=5.0),
    RunQuery(statuses=("completed", "running"), min_profit=1.0, ordering="profit"),
    RunQuery(ordering="lastUpdated"),
    RunQuery(statuses=("completed",), ordering="-lastUpdated"),
    RunQuery(min_profit=0.0, ordering="-lastUpdated"),
)


def chosen(chance: random.Random) -> State:
    """Return a state out of few values, so that many runs share them."""
    profit = None if chance.random() < 0.15 else float(chance.randrange(-4, 9))
    updated = None if chance.random() < 0.1 else 1_700_000_000_000 + chance.randrange(20)
    return State(chance.choice(STATUSES), profit, updated)


def record_of(name: str, state: State) -> dict[str, Any]:
    # A record that is written without a time gets that of the day, which no log could know.
    return run(name, state.profit, state.status, updated=state.updated or 1_800_000_000_000)


def logged(changes: dict[str, State | None], action: Callable[[], object]) -> list[Change]:
    """Do something, and return what it changed and when."""
    before = time.monotonic()
    action()
    after = time.monotonic()
    return [
        Change(name, state and state._replace(updated=state.updated or 1_800_000_000_000), before, after)
        for name, state in changes.items()
    ]


def put(states: dict[str, State]) -> list[Change]:
    writes = [RunWrite.parse(record_of(name, state)) for name, state in states.items()]
    return logged(dict(states), lambda: registry.put_many(sid, writes))


def write(url: str, log: Path, seed: int, names: list[str]) -> None:
    """Write, change and delete runs of one's own for some seconds."""
    chance, done = random.Random(seed), []
    there = set(names)
    with override(StoreClient.from_url(url, protocol=2)):
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            time.sleep(0.002)
            if there and chance.random() < 0.25:
                name = there.pop()
                done += logged({name: None}, lambda name=name: registry.delete(sid, name))  # type: ignore[misc]
                continue
            some = {name: chosen(chance) for name in chance.sample(names, chance.choice([1, 1, 2, 20]))}
            done += put(some)
            there |= some.keys()
    log.write_bytes(pickle.dumps(done))


def write_foreign_runs(url: str, log: Path, seed: int, names: list[str]) -> None:
    """Write runs as a program does that knows the six fixed keys alone, and removes what it wrote."""
    chance, done = random.Random(seed), []
    with override(StoreClient.from_url(url, protocol=2)):
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            time.sleep(0.02)
            name, state = chance.choice(names), chosen(chance)
            if chance.random() < 0.3:
                key = f"bot_registry:run:{SID}:{name}"
                done += logged({name: None}, lambda key=key: client().delete(key))  # type: ignore[misc]
            else:
                record = record_of(name, state)
                done += logged({name: state}, lambda record=record: write_foreign(SID, [record]))  # type: ignore[misc]
    done = [change._replace(after=change.after + LAG_S) for change in done]
    log.write_bytes(pickle.dumps(done))


def follow(url: str) -> None:
    with override(StoreClient.from_url(url, protocol=2, socket_timeout=5)):
        Follower(lambda line: None, enable=True).run()


def rebuild_again_and_again(url: str) -> None:
    with override(StoreClient.from_url(url, protocol=2, socket_timeout=5)):
        while True:
            rebuild(sid)


@contextmanager
def running(work: Callable[..., None], *arguments: object) -> Iterator[Any]:
    """Do something in another process, which ends by itself or is ended."""
    process = fork.Process(target=work, args=arguments)
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


def names_of(writer: str) -> list[str]:
    return [f"{writer}-{number:03}" for number in range(RUNS_EACH)]


def walk_while(processes: list[Any], chance: random.Random) -> list[Walk]:
    """Walk through one list after another as long as the processes live."""
    found: list[Walk] = []
    while any(process.is_alive() for process in processes):
        found += walks(sid, chance.choice(QUERIES), limit=chance.choice([7, 25, 60]))
    assert [process.exitcode for process in processes] == [0] * len(processes)
    return found


def try_it(url: str, folder: Path, seed: int, *, with_others: bool = False) -> tuple[list[Change], list[Walk]]:
    """Let writers write and walk meanwhile; return what happened and what was seen."""
    chance = random.Random(seed)
    done: list[Change] = []
    jobs: list[tuple[Callable[..., None], str]] = [(write, f"own{number}") for number in range(WRITERS)]
    jobs += [(write_foreign_runs, "theirs")] if with_others else []
    processes, logs = [], [folder / name for _, name in jobs]
    for (job, name), log in zip(jobs, logs, strict=True):
        names = names_of(name)
        done += put({name: chosen(chance) for name in names})
        processes.append(fork.Process(target=job, args=(url, log, chance.randrange(1 << 30), names)))
    for process in processes:
        process.start()
    try:
        found = walk_while(processes, chance)
    finally:
        for process in processes:
            process.kill()
            process.join()
    for log in logs:
        done += pickle.loads(log.read_bytes())
    return done, found


def assert_kept(done: list[Change], found: list[Walk], seed: int) -> None:
    """Every walk keeps every promise."""
    history = History(done, foreign=("theirs",))
    wrong = {str(walk): list(history.problems(walk)) for walk in found if walk.pages}
    wrong = {name: problems[:5] for name, problems in wrong.items() if problems}
    assert not wrong, f"seed {seed}: {json.dumps(wrong, indent=1)}"
    assert len(found) >= 4 and len(done) > 300, (len(found), len(done))


def test_cursors_keep_their_promises_while_processes_write(
    real_store: redis.Redis, redis_server: str, tmp_path: Path
) -> None:
    seed = random.randrange(1 << 30)
    assert_kept(*try_it(redis_server, tmp_path, seed), seed)
    assert check(sid) == []


def test_cursors_keep_their_promises_while_indexes_are_rebuilt(
    real_store: redis.Redis, redis_server: str, tmp_path: Path
) -> None:
    seed = random.randrange(1 << 30)
    registry.put(sid, RunWrite.parse(run("first", 1.0)))
    registry.delete(sid, "first")
    with running(rebuild_again_and_again, redis_server) as rebuilder:
        done, found = try_it(redis_server, tmp_path, seed)
        assert rebuilder.is_alive()
    assert_kept(done, found, seed)
    rebuild(sid)
    assert check(sid) == []


def test_cursors_keep_their_promises_while_another_program_is_followed(
    real_store: redis.Redis, redis_server: str, tmp_path: Path
) -> None:
    seed = random.randrange(1 << 30)
    with running(follow, redis_server):
        wait_for(lambda: (current_follower() or NOBODY).isCaughtUp)
        done, found = try_it(redis_server, tmp_path, seed, with_others=True)
        assert_kept(done, found, seed)
        wait_for(lambda: check(sid) == [], said=lambda: f"seed {seed}")
