"""A rebuild while others read, write, delete and rebuild: what they do is in the result, what they see is whole."""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis
from django.core.management import call_command

from bots_app import building, bulk
from bots_app import rebuild as rebuilding
from bots_app.building import Build, BuildEnded
from bots_app.check import check
from bots_app.leftovers import is_left_behind
from bots_app.performance import PerformanceRegistry
from bots_app.query import RunQuery
from bots_app.rebuild import rebuild
from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.store.client import override
from dashboard.store.keys import SessionKeys
from dashboard.store.lease import BuilderFacts, BuilderLease
from dashboard.store.tracking import TrackingRefused
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry
from tests.contract.model import SID, Model, run, stored_figures, stored_sets, write_foreign

sid = SessionId.parse(SID)
keys = SessionKeys(SID)


@pytest.fixture
def wanted(real_store: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Model:
    """What a session of 300 runs should be; a rebuild of it takes many steps."""
    monkeypatch.setattr(rebuilding, "STEP", 20)
    model = Model([run(f"run-{number}", number, ("completed", "failed")[number % 2]) for number in range(300)])
    BotRegistry().put_many(sid, [RunWrite.parse(record) for record in model.records.values()])
    return model


def set_record(store: redis.Redis, model: Model, name: str, profit: float, status: str = "completed") -> None:
    """Write a record as another program does that writes nothing else."""
    model.records[name] = run(name, profit, status)
    store.set(keys.run(name), json.dumps(model.records[name]))


def assert_right(store: redis.Redis, model: Model) -> None:
    assert check(sid) == []
    assert stored_sets() == model.sets()
    assert stored_figures() == model.figures()
    assert not [key for key in store.scan_iter(f"session:{SID}:*") if b":next:" in key or b":dirty" in key]
    assert not is_left_behind(sid)


@contextmanager
def meanwhile(work: Callable[[threading.Event], object]) -> Iterator[None]:
    """Have a thread work until it is told to stop; what it raises is raised."""
    stopped, errors = threading.Event(), []

    def guarded() -> None:
        try:
            work(stopped)
        except BaseException as error:  # noqa: BLE001 - raised below
            errors.append(error)

    thread = threading.Thread(target=guarded)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
    assert errors == []


def test_readers_see_the_old_or_the_new_indexes_and_nothing_between(real_store: redis.Redis, wanted: Model) -> None:
    for number in range(100):
        set_record(real_store, wanted, f"new-{number}", 1000 + number, "theirs")
    seen: list[tuple[Any, ...]] = []

    def read(stopped: threading.Event) -> None:
        while not stopped.is_set():
            page, pair = BotRegistry().page(sid, RunQuery(), limit=3), ("theirs", "failed")
            both = BotRegistry().page(sid, RunQuery(pair), limit=3)
            figures = PerformanceRegistry().aggregate(sid, RunQuery())
            seen.append((page.count, *page.hashes, page.stale))
            seen.append(("pair", both.count, both.stale))
            seen.append(("all", figures["count"], figures["avgProfit"]))

    with meanwhile(read):
        rebuild(sid)
        BotRegistry().page(sid, RunQuery())
    average = sum(range(300)) / 300, (sum(range(300)) + sum(range(1000, 1100))) / 400
    old = [(300, "run-299", "run-298", "run-297", False), ("pair", 150, False), ("all", 300, average[0])]
    new = [(400, "new-99", "new-98", "new-97", False), ("pair", 250, False), ("all", 400, average[1])]
    assert set(seen) <= {*old, *new} and set(old) <= set(seen)
    # Each question is answered from the old ones first, and from the new ones ever after.
    for place in range(3):
        answers = seen[place::3]
        switch = answers.index(new[place]) if new[place] in answers else len(answers)
        assert set(answers[:switch]) == {old[place]} and set(answers[switch:]) <= {new[place]}
    assert_right(real_store, wanted)


def test_what_others_write_at_any_moment_is_in_the_result(
    real_store: redis.Redis, wanted: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 0

    def change(*args: object) -> None:
        """Do a little of everything: known runs and new ones, ours and theirs."""
        nonlocal count
        for name in (f"run-{count}", f"run-{299 - count}", f"theirs-{count}"):
            set_record(real_store, wanted, name, -count, ("completed", "theirs")[count % 2])
        for name in (f"run-{count + 1}", f"ours-{count}"):
            wanted.records[name] = run(name, None if count % 3 else 0.1 * count, "running")
            BotRegistry().put(sid, RunWrite.parse(wanted.records[name]))
        write_foreign(SID, [run(f"named-{count}", 3.5, "running")])
        wanted.records[f"named-{count}"] = run(f"named-{count}", 3.5, "running")
        BotRegistry().delete(sid, f"run-{100 + count}")
        real_store.delete(keys.run(f"run-{130 + count}"))
        del wanted.records[f"run-{100 + count}"], wanted.records[f"run-{130 + count}"]
        count += 1

    def around(cls: type, name: str) -> None:
        real = getattr(cls, name)

        def wrapped(*args: Any, **options: Any) -> Any:
            change()
            found = real(*args, **options)
            change()
            return found

        monkeypatch.setattr(cls, name, wrapped)

    for cls, name in (
        (rebuilding._Rebuild, "_load"), (Build, "end_load"), (rebuilding._Rebuild, "_read_heard"), (Build, "swap"),
        (rebuilding._Rebuild, "_file_lost"),
    ):  # fmt: skip
        around(cls, name)
    steps = iter(range(1000))
    rebuild(sid, progress=lambda done: change() if next(steps) % 5 == 0 else None)
    assert count > 10
    assert_right(real_store, wanted)


@pytest.mark.parametrize("is_tracked", [True, False])
def test_writers_at_full_speed_do_not_keep_it_from_ending(
    real_store: redis.Redis, wanted: Model, monkeypatch: pytest.MonkeyPatch, *, is_tracked: bool
) -> None:
    """Two of ours, and one of another program's that ends when the indexes have been exchanged."""
    monkeypatch.setattr(building, "CARRIED", 10)
    swapped = threading.Event()
    real_swap = Build.swap

    def swap(*args: Any, **options: Any) -> None:
        real_swap(*args, **options)
        swapped.set()
        foreign.join()

    monkeypatch.setattr(Build, "swap", swap)
    if not is_tracked:
        monkeypatch.setattr(rebuilding, "Tracker", refuse)

    def write_theirs() -> None:
        rng = random.Random(7)
        while not swapped.is_set():
            set_record(
                real_store, wanted, f"theirs-{rng.randrange(50)}", rng.random(), rng.choice(["failed", "theirs"])
            )

    def write_ours(stopped: threading.Event) -> None:
        rng = random.Random(8)
        while not stopped.is_set():
            batch = [run(f"run-{rng.randrange(300)}", rng.gauss(0, 9), "completed") for _ in range(30)]
            BotRegistry().put_many(sid, [RunWrite.parse(record) for record in batch])
            wanted.records.update((record["configHash"], record) for record in batch)

    foreign = threading.Thread(target=write_theirs)
    with override(real_store), meanwhile(write_ours):
        foreign.start()
        rebuild(sid)
    assert_right(real_store, wanted)


def refuse(prefix: str) -> None:
    raise TrackingRefused("no")


@pytest.mark.parametrize("flag", ["P", "t"])
def test_a_lost_connection_means_to_begin_anew_and_nothing_is_missed(
    real_store: redis.Redis, wanted: Model, flag: str
) -> None:
    """That which listens, or that which asked to be told."""
    lost: list[int] = []

    def cut(done: int) -> None:
        if not lost:
            found = [one for one in real_store.client_list() if flag in one["flags"]]
            lost.extend(real_store.client_kill_filter(_id=one["id"]) for one in found)
            set_record(real_store, wanted, "theirs", 1.0)
            set_record(real_store, wanted, "run-7", -1.0)

    rebuild(sid, progress=cut)
    assert lost == [1]
    assert_right(real_store, wanted)


def test_data_lost_by_the_server_is_noticed(real_store: redis.Redis, wanted: Model) -> None:
    """As after a failover: the newest writes are gone, a batch of ours among them."""
    lost: list[bytes] = []

    def lose(done: int) -> None:
        if not lost and done > 100:
            [name] = real_store.scan_iter(f"session:{SID}:next:*:index:stats")
            lost.append(name)
            real_store.hincrby(name, "loaded", -1)

    rebuild(sid, progress=lose)
    assert lost
    assert_right(real_store, wanted)


def test_a_server_that_forgets_its_scripts_is_told_them_again(real_store: redis.Redis, wanted: Model) -> None:
    real_store.srem(keys.bots, "run-1")
    rebuild(sid, progress=lambda done: real_store.script_flush())
    assert_right(real_store, wanted)


def test_a_session_deleted_meanwhile_stays_deleted(real_store: redis.Redis, wanted: Model) -> None:
    is_done = []

    def delete(done: int) -> None:
        if not is_done:
            is_done.append(SessionRegistry().delete(sid))

    assert rebuild(sid, progress=delete).filed == 0
    assert is_done == [300]
    assert [key for key in real_store.scan_iter() if SID.encode() in key] == []


def test_nor_does_one_come_back_that_is_deleted_after_the_exchange(
    real_store: redis.Redis, wanted: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = rebuilding._Rebuild._file_lost

    def delete_first(*args: Any) -> None:
        SessionRegistry().delete(sid)
        real(*args)

    monkeypatch.setattr(rebuilding._Rebuild, "_file_lost", delete_first)
    rebuild(sid)
    assert [key for key in real_store.scan_iter() if SID.encode() in key] == []


def test_a_session_being_deleted_comes_not_back_and_one_made_again_is_whole(
    real_store: redis.Redis, wanted: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sessions_app.deleting.CHUNK", 100)

    def stop(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SessionRegistry().delete(sid, progress=stop)
    assert rebuild(sid).filed == 0
    assert not SessionRegistry().exists(sid)
    again = Model([run(f"run-{number}", 1.0) for number in range(150, 310)])
    BotRegistry().put_many(sid, [RunWrite.parse(record) for record in again.records.values()])
    real_store.srem(keys.bots, "run-305")
    assert rebuild(sid).filed >= 155
    assert SessionRegistry().delete(sid) > 0
    assert [key for key in real_store.scan_iter() if SID.encode() in key] == []


def test_two_at_once_do_one_after_the_other(real_store: redis.Redis, wanted: Model) -> None:
    told: list[int] = []
    set_record(real_store, wanted, "theirs", 5.0)

    begun, is_waiting = threading.Event(), threading.Event()

    def other(stopped: threading.Event) -> None:
        assert begun.wait(5)
        rebuild(sid, waiting=tell)

    def tell(facts: BuilderFacts) -> None:
        told.append(facts.pid)
        is_waiting.set()

    def hold(done: int) -> None:
        begun.set()
        assert is_waiting.wait(5)

    with override(real_store), meanwhile(other):
        rebuild(sid, progress=hold)
    assert told == [os.getpid()]
    assert_right(real_store, wanted)


def test_one_that_was_taken_over_changes_nothing(real_store: redis.Redis, wanted: Model) -> None:
    frozen = Build(sid, BuilderLease(keys.index("builder")), is_fixed=True, statuses=())
    frozen.begin()
    frozen.end_load()
    set_record(real_store, wanted, "theirs", 5.0)
    assert is_left_behind(sid)
    rebuild(sid)
    with pytest.raises(BuildEnded):
        frozen.swap()
    with pytest.raises(BuildEnded):
        frozen.place([], gone=["run-1"])
    frozen.remove_rest()
    assert_right(real_store, wanted)


def test_hashes_with_colons_are_followed_as_well(real_store: redis.Redis, wanted: Model) -> None:
    """But for those that no index names: their records may be another session's."""
    names = ["a:b", "1:2", "0:0"]
    write_foreign(SID, [run(name, 0.0, "theirs") for name in names])

    def change(done: int) -> None:
        for name in names:
            set_record(real_store, wanted, name, 7.0, "failed")
        real_store.set(keys.run("no:body"), json.dumps(run("no:body", 1.0)))

    rebuild(sid, statuses={"theirs"}, progress=change)
    assert_right(real_store, wanted)
    call_command("rebuild_indexes", SID)
    assert_right(real_store, wanted)


def test_one_that_shows_no_sign_of_life_is_void_and_costs_writers_nothing(
    real_store: redis.Redis, wanted: Model, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    frozen = Build(sid, BuilderLease(keys.index("builder")), is_fixed=True, statuses=())
    with monkeypatch.context() as patch:
        patch.setattr(building, "VOID_MS", 30)
        frozen.begin()
    frozen.end_load()
    time.sleep(0.05)
    wanted.records["run-1"] = run("run-1", 1.5, "failed")
    BotRegistry().put(sid, RunWrite.parse(wanted.records["run-1"]))
    assert not real_store.exists(keys.index("dirty"))
    monkeypatch.setattr(building, "HOLD_EVERY_S", 0)
    for step in (frozen.swap, frozen.hold, lambda: next(frozen.carry())):
        with pytest.raises(BuildEnded):
            step()
    frozen.lease.release()
    call_command("check_indexes", SID)
    told = capsys.readouterr().out
    assert f"{SID}: a build of its indexes was cut short; `manage.py rebuild_indexes` removes what it left" in told
    assert "1 sessions agree with their records." in told
    rebuild(sid)
    assert_right(real_store, wanted)


def test_a_large_record_is_read_alone(real_store: redis.Redis, wanted: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "STEP_BYTES", 1_000)
    wanted.records["large"] = run("large", 1.5, marketHistory={"fills": ["x" * 100] * 100})
    real_store.set(keys.run("large"), json.dumps(wanted.records["large"]))
    rebuild(sid)
    assert_right(real_store, wanted)


def test_records_of_the_later_layout_are_told(
    real_store: redis.Redis, wanted: Model, capsys: pytest.CaptureFixture[str]
) -> None:
    symbol, timeframe, start, end = SID.rsplit(":", 3)
    later = f"bot_registry:run:v1:context:{symbol}:{timeframe}:{start}-{end}:config:abc"
    real_store.set(later, "{}")
    real_store.set("bot_registry:run:v1:context:OTHER:1h:1-2:config:abc", "{}")
    for command in ("rebuild_indexes", "check_indexes"):
        call_command(command, SID)
        assert f"1 records are of the later key layout, such as {later};" in capsys.readouterr().out
        call_command(command)
        assert "2 records are of the later key layout" in capsys.readouterr().out
    assert BotRegistry().page(sid, RunQuery()).count == 300
