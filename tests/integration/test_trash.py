"""Large keys that nobody uses any more are freed by a thread of the server, or in small steps."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from unittest.mock import Mock, patch

import pytest
import redis

from bots_app import score_order
from bots_app.building import Build, BuildEnded
from bots_app.check import check
from bots_app.leftovers import remove_leftovers
from bots_app.rebuild import rebuild
from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.store import trash
from dashboard.store.keys import SessionKeys
from dashboard.store.lazy_free import can_free_beside
from dashboard.store.lease import BuilderLease
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry
from tests.contract.model import run, stored_sets

sid = SessionId.parse("A:1h:1:2")
keys = SessionKeys(str(sid))
#: More than fit into one of the small forms that a server keeps whole.
RUNS, FREED = 900, 20
#: What frees whatever a key holds, or one that stands under the new name.
WHOLE = {"UNLINK", "DEL", "FLUSHALL", "FLUSHDB", "EXPIRE", "PEXPIRE"}
#: Keys of a bounded size, a record, and what is freed with its last entry.
SMALL = (":stats", ":builder", ":dirty", ":deleting", ":dropped", ":events")
#: Pieces of a sweep table, each one text of some kilobytes.
PIECE = re.compile(r":table:\w+:(values|hashes):\d+")


def fill(more: float = 0.0) -> None:
    records = (
        run(f"run-{n}", n + more if n % 3 else None, ("completed", "failed")[n % 2], updated=n or None)
        for n in range(RUNS)
    )
    BotRegistry().put_many(sid, [RunWrite.parse(record) for record in records])


@contextmanager
def told(store: redis.Redis, address: str) -> Iterator[list[list[str]]]:
    """Have the server tell every command, those inside scripts too; when it is over, their words are there."""
    found: list[list[str]] = []
    is_listening = threading.Event()

    def listen() -> None:
        with redis.Redis.from_url(address, protocol=2).monitor() as monitor:
            is_listening.set()
            for one in monitor.listen():
                if one["command"] == "ECHO over":
                    return
                found.append(one["command"].split(" "))

    listener = threading.Thread(target=listen)
    listener.start()
    assert is_listening.wait(5)
    try:
        yield found
    finally:
        store.echo("over")
        listener.join(10)


def freed_whole(found: list[list[str]]) -> set[str]:
    """Return the keys that a command freed with all they held, but for the small ones and those of single runs."""
    words = chain.from_iterable(command[1:] for command in found if command[0].upper() in WHOLE)
    large = (word for word in words if word.startswith("session:") and not word.endswith(SMALL))
    return {word for word in large if not PIECE.search(word)}


def most_at_once(found: list[list[str]]) -> int:
    """Return how many entries one command took out at most."""
    counts = [len(command) - 2 for command in found if command[0].upper() in ("SREM", "HDEL", "ZREM")]
    spans = [(int(command[2]), int(command[3])) for command in found if command[0].upper() == "ZREMRANGEBYRANK"]
    assert all(0 <= first <= last for first, last in spans), "counted from the end, it could be all there is"
    return max(counts + [last + 1 - first for first, last in spans])


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trash, "can_free_beside", lambda: False)
    monkeypatch.setattr(trash, "FREED", FREED)
    monkeypatch.setattr("bots_app.lost_entries.LOOKED_AT", FREED)


def delete(which: SessionId) -> None:
    SessionRegistry().delete(which)


@pytest.mark.parametrize("work", [rebuild, delete])
def test_neither_a_rebuild_nor_a_deletion_frees_an_index_whole(
    real_store: redis.Redis, redis_server: str, work: Callable[[SessionId], object]
) -> None:
    fill()
    with told(real_store, redis_server) as found:
        work(sid)
    assert freed_whole(found) == set()
    # A step of a scan may give some more than asked for.
    assert FREED <= most_at_once(found) <= FREED * 8
    assert not list(real_store.scan_iter(keys.pattern(keys.builds_prefix)))


def test_a_server_that_can_free_them_beside_others_is_told_only_once(
    real_store: redis.Redis, redis_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trash, "can_free_beside", can_free_beside)
    fill()
    with told(real_store, redis_server) as found:
        rebuild(sid)
    removers = {"SREM", "HDEL", "ZREM", "ZREMRANGEBYRANK"}
    assert not [command for command in found if command[0].upper() in removers and ":old:" in command[1]]
    assert any(":old:" in name and name.endswith(":bots:profit") for name in freed_whole(found))
    assert not list(real_store.scan_iter(keys.pattern(keys.builds_prefix)))
    assert check(sid) == []


def test_the_embedded_server_can_free_beside_others(real_store: redis.Redis) -> None:
    assert can_free_beside()


@pytest.mark.parametrize(
    ("told_by", "can"),
    [
        ({"mem_allocator": "jemalloc-5.3.0"}, True),
        ({"mem_allocator": "libc"}, False),
        ({"mem_allocator": "libc", "process_id": os.getpid()}, False),
        ({"mem_allocator": "libc", "process_id": 2**31}, False),
        ({"mem_allocator": "libc", "process_id": "?"}, False),
        ({}, False),
    ],
)
def test_another_server_can_if_its_memory_is_from_jemalloc(
    real_store: redis.Redis, monkeypatch: pytest.MonkeyPatch, told_by: dict[str, object], can: bool
) -> None:
    monkeypatch.setattr(real_store, "info", lambda: told_by)
    assert can_free_beside() is can


def test_one_that_does_not_tell_is_taken_for_one_that_cannot(
    real_store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(real_store, "info", Mock(side_effect=redis.ResponseError("NOPERM")))
    assert not can_free_beside()


@pytest.mark.parametrize(
    ("tunables", "can"),
    [
        ("glibc.malloc.mxfast=0", True),
        ("glibc.malloc.mxfast=0:glibc.malloc.tcache_count=1", True),
        ("glibc.malloc.mxfast=0:glibc.malloc.mxfast=64", False),
        ("glibc.malloc.tcache_count=1", False),
    ],
)
def test_one_of_this_machine_can_if_its_memory_is_joined_when_it_is_freed(
    real_store: redis.Redis, monkeypatch: pytest.MonkeyPatch, tunables: str, can: bool
) -> None:
    environ = os.environ | {"GLIBC_TUNABLES": tunables}
    with subprocess.Popen(["cat"], env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin and other.stdout
        print("it has begun", file=other.stdin, flush=True)
        other.stdout.readline()
        monkeypatch.setattr(real_store, "info", lambda: {"mem_allocator": "libc", "process_id": other.pid})
        assert can_free_beside() is can


def test_what_a_killed_build_has_left_is_freed_in_steps(real_store: redis.Redis, redis_server: str) -> None:
    fill()
    with patch.object(Build, "remove_rest"):
        rebuild(sid)
    assert list(real_store.scan_iter(keys.pattern(keys.builds_prefix)))
    with told(real_store, redis_server) as found:
        rebuild(sid)
    assert freed_whole(found) == set()
    assert not list(real_store.scan_iter(keys.pattern(keys.builds_prefix)))
    assert check(sid) == []


def test_nor_is_what_was_put_down_for_a_build(real_store: redis.Redis, redis_server: str) -> None:
    frozen = Build(sid, BuilderLease(keys.index("builder")), is_fixed=True, statuses=())
    frozen.begin()
    fill()
    other = Build(sid, BuilderLease(keys.index("builder")), is_fixed=True, statuses=())
    with told(real_store, redis_server) as found:
        other.begin()
        fill(0.5)
        frozen.remove_rest()
        assert real_store.scard(keys.index("dirty")) > RUNS / 2
        other.remove_rest()
    words = [command for command in found if command[0].upper() in ("UNLINK", "DEL")]
    assert not [command for command in words if any("dirty" in word for word in command)]
    assert remove_leftovers(sid) == 0
    with pytest.raises(BuildEnded):
        other.swap()


@pytest.mark.parametrize("kind", ["set", "zset", "hash", "list", "string", "stream", "numbers"])
def test_a_key_of_any_type_is_freed(real_store: redis.Redis, kind: str) -> None:
    names = [f"name-{n}" for n in range(1_200)]
    pipe = real_store.pipeline()
    for n, name in enumerate(names):
        {
            "set": lambda n=n, name=name: pipe.sadd("k", name),
            "zset": lambda n=n, name=name: pipe.zadd("k", {name: n}),
            "hash": lambda n=n, name=name: pipe.hset("k", name, n),
            "list": lambda n=n, name=name: pipe.rpush("k", name),
            "string": lambda n=n, name=name: pipe.append("k", name),
            "stream": lambda n=n, name=name: pipe.xadd("k", {"n": n}),
            "numbers": lambda n=n, name=name: pipe.sadd("k", n),
        }[kind]()
    pipe.execute()
    rounds: list[int] = []
    assert trash.free(["k", "not there"], between=lambda: rounds.append(real_store.exists("k"))) == 1
    assert rounds[-1] == 0
    if kind in ("set", "zset", "hash", "list"):
        assert len(rounds) >= 1_200 / FREED / 8


@pytest.mark.parametrize("step", [1, 60, 500])
def test_blocks_put_in_order_one_after_the_other_make_the_same_indexes(
    real_store: redis.Redis, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    fill()
    before = stored_sets(str(sid))
    monkeypatch.setattr(score_order, "FIRST_BLOCK", 100)
    monkeypatch.setattr(score_order, "LARGEST_BLOCK", 300)
    monkeypatch.setattr(score_order, "ADDED", 7)
    monkeypatch.setattr("bots_app.rebuild.STEP", step)
    rebuild(sid)
    assert stored_sets(str(sid)) == before
    assert check(sid) == []
