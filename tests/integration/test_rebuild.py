"""A rebuild makes every index agree with the records, whatever was wrong and whoever writes meanwhile."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.core.management import CommandError, call_command

from bots_app import indexer
from bots_app import rebuild as rebuilding
from bots_app.check import check
from bots_app.performance import PerformanceRegistry
from bots_app.query import RunQuery
from bots_app.rebuild import RebuildResult, rebuild
from bots_app.registry import BotRegistry
from bots_app.survey import statuses_of
from bots_app.writing import RunWrite
from dashboard.store.client import override
from dashboard.store.session_list import listed
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry
from tests.contents import contents_of
from tests.contract.model import SID, Model, run, stored_figures, stored_sets, write_foreign
from tests.contract.table_model import stored_table
from tests.contract.test_aggregate import assert_agrees
from tests.integration.damage import DAMAGES, KEY, SUMMARY, another_type, model, records

sid = SessionId.parse(SID)


@pytest.fixture
def sound(real_store: redis.Redis) -> redis.Redis:
    """A session that agrees with its records, with notes."""
    BotRegistry().put_many(sid, [RunWrite.parse(record) for record in records()])
    SessionRegistry().annotate(sid, notes="mine", active=True)
    return real_store


def assert_right(wanted: Model, *, notes: str = "mine") -> None:
    """Assert that every key, figure and number is what the records say."""
    assert check(sid) == []
    assert stored_sets() == wanted.sets()
    assert stored_figures() == wanted.figures()
    summary = SessionRegistry().get(sid)
    assert (summary.notes, summary.unreadable) == (notes, None)
    assert {name: getattr(summary, name) for name in wanted.summary()} == pytest.approx(wanted.summary())
    assert BotRegistry().page(sid, RunQuery(), limit=500).hashes == wanted.ordered(RunQuery())
    assert_agrees(PerformanceRegistry().aggregate(sid, RunQuery()), wanted.aggregate(RunQuery()))
    assert SID in listed()


def without_table(found: dict[bytes, object]) -> dict[bytes, object]:
    """Return what else there is: each rebuild makes another generation of the table."""
    return {key: value for key, value in found.items() if b":table:" not in key}


def test_a_sound_session_stays_as_it_is(sound: redis.Redis) -> None:
    before, table = contents_of(sound), stored_table()
    assert rebuild(sid) == RebuildResult(filed=20)
    after = contents_of(sound)
    for key in (f"{KEY}events", f"{KEY}index:stats", "bot_registry:sessions", "bot_registry:sessions:state"):
        del before[key.encode()], after[key.encode()]
    assert without_table(after) == without_table(before)
    assert stored_table() == table
    assert_right(model())


@pytest.mark.parametrize("damage", DAMAGES)
def test_each_kind_of_damage_is_mended(sound: redis.Redis, damage: str) -> None:
    DAMAGES[damage][0](sound)
    rebuild(sid, statuses=statuses_of([SID])[SID])
    is_summary_lost = damage.startswith("summary:") and damage != "summary: wrong"
    assert_right(model(), notes="" if is_summary_lost else "mine")
    assert SessionRegistry().get(sid).active is not is_summary_lost


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_write_to_a_damaged_run_never_fails_but_by_our_own_errors(sound: redis.Redis, damage: str) -> None:
    DAMAGES[damage][0](sound)
    record = run("run-0", 3.5, "failed")
    if "another type" in damage and not damage.startswith("summary"):
        rebuild(sid, statuses=statuses_of([SID])[SID])
    BotRegistry().put(sid, RunWrite.parse(record))
    wanted = model()
    wanted.records["run-0"] = record
    rebuild(sid, statuses=statuses_of([SID])[SID])
    assert stored_sets() == wanted.sets()
    assert stored_figures() == wanted.figures()
    assert check(sid) == []


def test_events_of_another_type_are_begun_anew(sound: redis.Redis) -> None:
    another_type("events")(sound)
    rebuild(sid)
    assert sound.type(f"{KEY}events") == b"stream"
    assert_right(model())
    BotRegistry().put(sid, RunWrite.parse(run("run-0", 9.0)))


def test_everything_derived_can_be_lost_at_once(sound: redis.Redis) -> None:
    sound.delete(SUMMARY, *sound.scan_iter(f"{KEY}*"))
    call_command("rebuild_indexes")
    assert_right(model(), notes="")


def test_entries_without_a_record_are_dropped_and_unreadable_ones_filed_as_such(sound: redis.Redis) -> None:
    wanted = model()
    sound.delete(f"bot_registry:run:{SID}:run-0", f"bot_registry:run:{SID}:run-1")
    del wanted.records["run-0"], wanted.records["run-1"]
    sound.set(f"bot_registry:run:{SID}:run-2", "no JSON")
    wanted.records["run-2"] = run("run-2", None, "unreadable", updated=None)
    result = rebuild(sid)
    assert (result.filed, result.unreadable, result.changed) == (18, 1, 1)
    assert result.dropped >= 2
    assert_right(wanted)
    [row] = BotRegistry().page(sid, RunQuery(("unreadable",))).decoded()
    assert row["unreadable"] == "not JSON at character 0: Expecting value"


def test_runs_by_nobody_known_are_taken_in(sound: redis.Redis) -> None:
    wanted = model()
    for name in ("alone", "ünlisted"):
        record = run(name, 2.0, "their own")
        sound.set(f"bot_registry:run:{SID}:{name}", json.dumps(record))
        wanted.records[name] = record
    assert rebuild(sid).changed == 2
    assert_right(wanted)


def test_a_session_that_has_nothing_left_leaves_the_list(sound: redis.Redis) -> None:
    sound.delete(SUMMARY, *sound.scan_iter(f"{KEY}*"), *sound.scan_iter("bot_registry:run:*"))
    sound.zadd("bot_registry:sessions", {SID: 1})
    assert rebuild(sid) == RebuildResult()
    assert SID not in listed()


def test_an_interrupted_rebuild_does_no_harm_and_is_run_again(
    sound: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "STEP", 3)
    calls: list[int] = []

    def stop(done: int) -> None:
        calls.append(done)
        if len(calls) % 3 == 0:
            raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            rebuild(sid, progress=stop)
        assert check(sid) == []
        assert not [key for key in sound.scan_iter(f"{KEY}*") if b":next:" in key or b":dirty" in key]
    sound.delete(f"{KEY}bots:profit", f"{KEY}index:status:completed:profit")
    for name in ("_load", "_read_heard", "_file_rest"):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(rebuilding._Rebuild, name, lambda *args: stop(0))
            while True:
                rebuild(sid)
    rebuild(sid)
    assert_right(model())


def test_a_recount_that_was_stopped_halfway_counts_on_with_every_write(
    sound: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexer, "RECOUNTED", 2)
    steps = indexer.SessionIndexer(sid).recount()
    next(steps)
    next(steps)
    wanted = model()
    for name, profit, status in (("run-0", -1e9, "completed"), ("run-5", 2.0, "failed"), ("new", -3.0, "completed")):
        record = run(name, profit, status)
        BotRegistry().put(sid, RunWrite.parse(record))
        wanted.records[name] = record
    BotRegistry().delete(sid, "run-2")
    del wanted.records["run-2"]
    assert stored_figures() == wanted.figures()
    for _ in steps:
        assert stored_figures() == wanted.figures()
    assert stored_figures() == wanted.figures()
    assert not [name for name in sound.hkeys(f"{KEY}index:stats") if name.startswith((b"new", b"at:"))]


def test_a_recount_that_stands_between_equal_profits_knows_which_are_counted(
    real_store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexer, "RECOUNTED", 2)
    wanted = Model([run(name, 5.0) for name in "abcdefg"])
    BotRegistry().put_many(sid, [RunWrite.parse(record) for record in wanted.records.values()])
    steps = indexer.SessionIndexer(sid).recount()
    next(steps)
    # The count has come to b: what goes before it is taken out, what goes behind it was never in.
    for name in "afg":
        BotRegistry().delete(sid, name)
        del wanted.records[name]
    wanted.records["bb"] = run("bb", 5.0)
    BotRegistry().put(sid, RunWrite.parse(wanted.records["bb"]))
    for _ in steps:
        continue
    assert stored_figures() == wanted.figures()


@pytest.fixture
def writers(real_store: redis.Redis) -> Iterator[list[BaseException]]:
    """Three threads that write, change and delete runs until the test ends; the errors they met."""
    errors: list[BaseException] = []
    stopped = threading.Event()

    def work(seed: int) -> None:
        rng = random.Random(seed)
        registry = BotRegistry()
        while not stopped.is_set():
            names = [f"run-{rng.randrange(300)}" for _ in range(rng.randrange(1, 8))]
            statuses = ("completed", "failed", "odd:profit")
            batch = [run(name, rng.choice([None, rng.gauss(0, 9), 1e15]), rng.choice(statuses)) for name in names]
            try:
                registry.put_many(sid, [RunWrite.parse(record) for record in batch])
                if rng.random() < 0.3 and real_store.exists(f"bot_registry:run:{SID}:{names[0]}"):
                    registry.annotate(sid, names[-1], notes=str(rng.random()))
                if seed == 0:
                    registry.delete(sid, names[0])
                if rng.random() < 0.1:
                    SessionRegistry().annotate(sid, notes=str(seed))
            except Exception as error:  # noqa: BLE001 - each is shown by the test
                if type(error).__name__ != "RunNotFound":
                    errors.append(error)

    BotRegistry().put_many(sid, [RunWrite.parse(run(f"run-{place}", place)) for place in range(300)])
    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
    with override(real_store):
        for thread in threads:
            thread.start()
        yield errors
        stopped.set()
        for thread in threads:
            thread.join()
        assert errors == []
        assert check(sid) == []


def test_writers_at_work_leave_no_drift(writers: list[BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
    """The check comes when the writers have ended, in the fixture."""
    monkeypatch.setattr(rebuilding, "STEP", 20)
    for _ in range(4):
        assert rebuild(sid).filed > 100
    assert BotRegistry().page(sid, RunQuery()).count > 100


def test_damage_done_while_writers_work_is_mended(
    writers: list[BaseException], real_store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "STEP", 20)
    real_store.delete(f"{KEY}index:status:completed:profit", f"{KEY}bots:status:completed", f"{KEY}index:unranked")
    real_store.hset(f"{KEY}index:stats", "sum:failed", "123456789.5")
    real_store.zadd(f"{KEY}bots:profit", {"ghost": 1})
    result: Any = rebuild(sid)
    assert result.dropped >= 1


def test_a_dry_run_tells_what_would_change_and_changes_nothing(
    sound: redis.Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    BotRegistry().put(SessionId.parse("other:1h:1:2"), RunWrite.parse(run("a", 1.0)))
    sound.sadd(f"{KEY}bots", "ghost")
    before = contents_of(sound)
    call_command("rebuild_indexes", "--dry-run")
    out = capsys.readouterr().out
    assert f"{SID}: would change\n" in out and "  1 x bots: an entry without a record, such as ghost\n" in out
    assert "other:1h:1:2: nothing would change\n" in out
    assert contents_of(sound) == before


def test_the_command_ends_with_counts(sound: redis.Redis, capsys: pytest.CaptureFixture[str]) -> None:
    write_foreign("theirs:1h:1:2", [run("a", 1.0), run("b")])
    sound.set("bot_registry:run:lone:1h:1:2:a", json.dumps(run("a", 1.0)))
    call_command("rebuild_indexes")
    out = capsys.readouterr().out
    assert f"{SID}: 20 runs filed, 0 of them changed, 0 unreadable; 0 entries without a run dropped\n" in out
    assert "theirs:1h:1:2: 2 runs filed, 2 of them changed" in out
    assert "lone:1h:1:2: 1 runs filed" in out
    assert "3 sessions rebuilt: 23 runs filed, 3 of them changed" in out
    assert BotRegistry().page(SessionId.parse("lone:1h:1:2"), RunQuery()).hashes == ["a"]
    assert SessionRegistry().get(SessionId.parse("theirs:1h:1:2")).runCount == 2
    call_command("rebuild_indexes", "lone:1h:1:2")
    assert "1 sessions rebuilt: 1 runs filed, 0 of them changed" in capsys.readouterr().out


def test_what_is_no_session_is_refused(sound: redis.Redis) -> None:
    with pytest.raises(CommandError, match="There is no session none:1h:1:2") as caught:
        call_command("rebuild_indexes", SID, "none:1h:1:2")
    assert caught.value.returncode == 2
    with pytest.raises(CommandError, match="is no session id; it would be"):
        call_command("rebuild_indexes", "nonsense")
