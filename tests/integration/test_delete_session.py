"""Deleting a session: no key of it is left, no key of another goes, and what was interrupted is taken up."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from contextlib import nullcontext
from itertools import pairwise

import pytest
import redis
from django.core.management import CommandError, call_command

from bots_app.check import check
from bots_app.query import RunQuery
from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.errors import SessionNotFound
from dashboard.store.client import override
from sessions_app import deleting
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry
from tests.contents import contents_of
from tests.contract.model import run, write_foreign

sid = SessionId.parse("A:1h:1:2")
#: Its id begins with the whole of the other one.
LONGER = SessionId.parse("A:1h:1:2:1h:3:4")
NEAR = [LONGER, SessionId.parse("A:1h:1:23"), SessionId.parse("AA:1h:1:2"), SessionId.parse("[A]*:1h:1:2")]


def fill(which: SessionId, names: str = "abcdef") -> None:
    """Write runs with trades, one of them undated, one unranked, of several statuses."""
    statuses = ["completed", "failed", "odd:profit"]
    records = [
        run(name, None if place == 1 else place, statuses[place % 3], trades=[{}]) for place, name in enumerate(names)
    ]
    BotRegistry().put_many(which, [RunWrite.parse(record) for record in records])
    SessionRegistry().annotate(which, notes="mine")


def listed() -> set[str]:
    return {str(summary.sid) for summary in SessionRegistry().all()}


def stop(done: int) -> None:
    raise KeyboardInterrupt


@pytest.fixture
def neighbours(real_store: redis.Redis) -> Callable[[], bool]:
    """Sessions whose keys begin alike; tells whether they are as they were."""
    for which in NEAR:
        fill(which)
    before = contents_of(real_store)
    before = {key: value for key, value in before.items() if not key.startswith(b"bot_registry:sessions")}

    def are_untouched() -> bool:
        after = contents_of(real_store)
        return all(after.get(key) == value for key, value in before.items()) and all(
            str(which) in listed() for which in NEAR
        )

    return are_untouched


def own_keys(store: redis.Redis) -> set[bytes]:
    """Return what is left of the session."""
    return {
        key
        for key in store.scan_iter(count=1000)
        if b":A:1h:1:2:" in key + b":" and b":A:1h:1:2:1h:" not in key
    }  # fmt: skip


def test_nothing_of_it_is_left_and_nothing_else_goes(
    real_store: redis.Redis, neighbours: Callable[[], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deleting, "CHUNK", 2)
    fill(sid)
    write_foreign(str(sid), [run("theirs", 1.0, "their own status")])
    real_store.set("bot_registry:run:A:1h:1:2:stray", "x")
    real_store.set("bot_registry:trades:A:1h:1:2:stray", "x")
    done: list[int] = []
    assert SessionRegistry().delete(sid, progress=done.append) == 8
    assert done == sorted(set(done)) and done[-1] == 7 and len(done) >= 4
    assert own_keys(real_store) == set()
    assert str(sid) not in listed()
    assert neighbours()
    with pytest.raises(SessionNotFound):
        SessionRegistry().delete(sid)
    with pytest.raises(SessionNotFound):
        SessionRegistry().get(sid)


def test_it_vanishes_from_every_list_at_once_and_an_interrupted_deletion_is_taken_up(
    real_store: redis.Redis, neighbours: Callable[[], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deleting, "CHUNK", 2)
    fill(sid)
    with pytest.raises(KeyboardInterrupt):
        SessionRegistry().delete(sid, progress=stop)
    with pytest.raises(SessionNotFound):
        BotRegistry().page(sid, RunQuery())
    assert str(sid) not in listed()
    left = real_store.exists(*(f"bot_registry:run:{sid}:{name}" for name in "abcdef"))
    assert 0 < left < 6
    assert SessionRegistry().delete(sid) == left
    assert own_keys(real_store) == set()
    assert neighbours()


@pytest.mark.parametrize("is_interrupted", [False, True])
def test_records_go_oldest_first_also_in_a_deletion_that_is_taken_up(
    real_store: redis.Redis, monkeypatch: pytest.MonkeyPatch, is_interrupted: bool
) -> None:
    monkeypatch.setattr(deleting, "CHUNK", 1)
    monkeypatch.setattr(deleting, "NEXT", 1)
    names = [f"run-{number}" for number in range(9)]
    times = random.Random(3).sample(range(1, 1000), 9)
    # The runs that were next when a deletion was stopped go at the end: one of each status.
    statuses = ["completed"] if is_interrupted else ["completed", "failed", "running", "odd:profit", "paused"]
    records = [run(name, 1.0, statuses[at % len(statuses)], updated=at) for name, at in zip(names, times, strict=True)]
    BotRegistry().put_many(sid, [RunWrite.parse(record) for record in records])
    left = [names]

    def look(done: int) -> None:
        left.append([name for name in names if real_store.exists(f"bot_registry:run:{sid}:{name}")])
        if is_interrupted and len(left) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) if is_interrupted else nullcontext():
        SessionRegistry().delete(sid, progress=look)
    if is_interrupted:
        SessionRegistry().delete(sid, progress=look)
    gone = [next(iter(set(before).difference(after))) for before, after in pairwise(left)]
    assert gone == [name for _, name in sorted(zip(times, names, strict=True))]


def test_a_session_made_again_after_an_interrupted_deletion_is_whole_and_goes_whole(
    real_store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deleting, "CHUNK", 2)
    fill(sid)
    with pytest.raises(KeyboardInterrupt):
        SessionRegistry().delete(sid, progress=stop)
    left = real_store.exists(*(f"bot_registry:run:{sid}:{name}" for name in "abcdef"))
    fill(sid, "efgh")
    assert BotRegistry().page(sid, RunQuery()).count == 4
    assert SessionRegistry().delete(sid) == left + 4
    assert own_keys(real_store) == set()


def test_a_session_made_again_during_its_deletion_stays_whole(
    real_store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deleting, "CHUNK", 2)
    fill(sid)

    def make_again(done: int) -> None:
        if not real_store.exists(f"session:{sid}:bots"):
            fill(sid, "abcxyz")

    SessionRegistry().delete(sid, progress=make_again)
    assert check(sid) == []
    assert sorted(BotRegistry().page(sid, RunQuery()).hashes) == list("abcxyz")
    assert SessionRegistry().delete(sid) == 6
    assert own_keys(real_store) == set()


def test_writers_at_work_meanwhile_lose_nothing_they_write_after_it(real_store: redis.Redis) -> None:
    writes = [RunWrite.parse(run(f"run-{number}", number, trades=[{}])) for number in range(300)]
    BotRegistry().put_many(sid, writes)
    begun = threading.Event()

    def write() -> None:
        with override(real_store):
            for write in writes:
                BotRegistry().put(sid, write)
                begun.set()

    writer = threading.Thread(target=write)
    writer.start()
    assert begun.wait(5)
    SessionRegistry().delete(sid)
    writer.join()
    BotRegistry().put_many(sid, writes[-1:])
    assert check(sid) == []
    page = BotRegistry().page(sid, RunQuery(), limit=500)
    assert page.count > 0 and not any("unreadable" in row for row in page.decoded())


def test_the_command(real_store: redis.Redis, capsys: pytest.CaptureFixture[str]) -> None:
    fill(sid)
    call_command("delete_session", str(sid))
    assert capsys.readouterr().out == "A:1h:1:2: deleted, 6 runs.\n"
    assert own_keys(real_store) == set()
    with pytest.raises(SessionNotFound, match="There is no session A:1h:1:2."):
        call_command("delete_session", str(sid))
    with pytest.raises(CommandError, match="is no session id; it would be symbol:timeframe"):
        call_command("delete_session", "nonsense")
