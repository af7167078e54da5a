"""Whatever another program writes, with or without the shared sets, is in every index soon and told of once."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
import redis

from bots_app.query import RunQuery
from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.store.client import StoreClient, client, override
from dashboard.store.lease import Lease, current_follower
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry
from tests.contract.model import SID, run, write_foreign
from tests.integration.following import FLAGS, Driven, Foreign

sid = SessionId.parse(SID)
BOTS = f"session:{SID}:bots"
foreign = Foreign(SID)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what a follower does late on purpose come soon."""
    for name, seconds in (("news.TOUCH_S", 0.15), ("news.SECOND_LOOK_S", 0.3), ("news.BUSY_S", 0.5)):
        monkeypatch.setattr(f"bots_app.{name}", seconds)
    monkeypatch.setattr("bots_app.follow.BUSY_S", 0.5)


@pytest.fixture
def _quick_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let rounds follow each other soon, and silence be noticed soon."""
    monkeypatch.setattr("bots_app.follow.LOOK_EVERY_S", {"notifications": 30.0, "polling": 0.2})
    monkeypatch.setattr("bots_app.follow.ROUND_EVERY_S", 0.5)
    for name, seconds in (("BEAT_S", 0.3), ("SILENCE_S", 0.6), ("PROBE_S", 0.3)):
        monkeypatch.setattr(f"bots_app.hearing.{name}", seconds)


@pytest.fixture
def notified(real_store: redis.Redis) -> Iterator[redis.Redis]:
    """A server that tells of changes."""
    real_store.config_set("notify-keyspace-events", FLAGS)
    yield real_store
    real_store.config_set("notify-keyspace-events", "")


@pytest.fixture
def driven(notified: redis.Redis) -> Iterator[Driven]:
    """A follower that has caught up with an empty server."""
    driven = Driven()
    driven.until(lambda: driven.follower.is_caught_up)
    assert driven.lines[0] == "Listening to keyspace notifications."
    yield driven
    driven.leave()


def assert_sound() -> None:
    assert foreign.drift() == []
    assert not BotRegistry().page(sid, RunQuery()).stale


def test_a_record_alone_is_a_run_in_every_index(driven: Driven) -> None:
    foreign.write("a", 5.0)
    foreign.write("b", None, "failed")
    driven.settle()
    assert BotRegistry().page(sid, RunQuery()).hashes == ["a", "b"]
    assert sorted(foreign.events()) == [("run", "a"), ("run", "b")]
    assert foreign.told()["runCount"] == 2
    assert [found.sid for found in SessionRegistry().all()] == [sid]
    assert_sound()


def test_a_change_of_status_and_profit_moves_the_run_and_is_told_once(driven: Driven) -> None:
    foreign.write("a", 5.0, "running")
    foreign.write("b", 6.0)
    driven.settle()
    foreign.write("a", 7.0)
    driven.settle()
    assert BotRegistry().page(sid, RunQuery(("completed",))).hashes == ["a", "b"]
    assert [name for _, name in foreign.events()].count("a") == 2
    assert_sound()


@pytest.mark.parametrize("way", ["delete", "rename", "expire"])
def test_a_run_whose_record_goes_is_dropped(driven: Driven, notified: redis.Redis, way: str) -> None:
    write_foreign(SID, [run("a", 1.0), run("b", 2.0)])
    driven.settle()
    told = len(foreign.events())
    if way == "rename":
        notified.rename(foreign.key("a"), foreign.key("c"))
    elif way == "expire":
        notified.pexpire(foreign.key("a"), 20)
        time.sleep(0.05)
    else:
        notified.delete(foreign.key("a"))
    driven.until(lambda: "a" not in foreign.rows())
    driven.settle()
    assert foreign.rows().keys() == ({"b", "c"} if way == "rename" else {"b"})
    assert ("deleted", "a") in foreign.events()[told:]
    assert len(foreign.events()) == told + (2 if way == "rename" else 1)
    assert_sound()


def test_a_program_that_keeps_the_shared_sets_is_followed_too(driven: Driven, notified: redis.Redis) -> None:
    write_foreign(SID, [run(f"run-{number}", float(number), "running") for number in range(30)])
    driven.settle()
    write_foreign(SID, [run(f"run-{number}", float(-number)) for number in range(10)])
    notified.srem(f"{BOTS}:status:running", *(f"run-{number}" for number in range(10)))
    for number in range(20, 25):
        foreign.remove(f"run-{number}")
    notified.srem(BOTS, *(f"run-{number}" for number in range(20, 25)))
    driven.settle()
    assert BotRegistry().status_counts(sid) == {"running": 15, "completed": 10}
    assert foreign.told()["runCount"] == 25
    assert_sound()


def test_indexes_that_a_slow_program_sets_afterwards_and_wrongly_are_mended(
    driven: Driven, notified: redis.Redis
) -> None:
    foreign.write("a", 5.0)
    foreign.write("b", 6.0)
    driven.until(lambda: len(foreign.rows()) == 2)
    notified.zadd(f"{BOTS}:profit", {"a": 99.0})
    notified.sadd(f"{BOTS}:status:running", "a")
    driven.settle()
    driven.until(lambda: foreign.told()["bestProfit"] == 6.0 and foreign.drift() == [])


def test_entries_without_a_record_are_found_by_their_count(driven: Driven, notified: redis.Redis) -> None:
    foreign.write("a", 5.0)
    driven.settle()
    notified.zadd(f"{BOTS}:profit", {"nobody": 7.0})
    notified.sadd(BOTS, "nobody")
    driven.follower._next_look = time.monotonic()
    driven.until(lambda: foreign.drift() == [])


def test_what_cannot_be_read_is_filed_as_such(driven: Driven, notified: redis.Redis) -> None:
    foreign.write("a", 5.0)
    notified.set(foreign.key("b"), "no JSON")
    notified.hset(foreign.key("c"), "field", "value")
    notified.sadd(BOTS, "c")
    # A hash is no text: no news, but a count that does not agree.
    driven.follower._next_look = time.monotonic() + 0.5
    driven.until(lambda: len(foreign.rows()) == 3)
    driven.settle()
    assert foreign.rows()["b"]["status"] == foreign.rows()["c"]["status"] == "unreadable"
    assert_sound()


def test_our_own_writes_are_told_once_and_not_read_again(driven: Driven) -> None:
    runs, compared = BotRegistry(), driven.follower.compared
    runs.put_many(sid, [RunWrite.parse(run(f"run-{number}", float(number))) for number in range(300)])
    runs.put(sid, RunWrite.parse(run("run-1", 99.0)))
    runs.annotate(sid, "run-2", notes="read")
    runs.delete(sid, "run-3")
    SessionRegistry().annotate(sid, notes="mine")
    driven.settle()
    assert len(foreign.events()) == 304
    assert driven.follower.filed == 0
    assert driven.follower.compared == compared
    assert_sound()


def test_a_change_that_no_row_shows_is_told_once(driven: Driven, notified: redis.Redis) -> None:
    foreign.write("a", 5.0)
    driven.settle()
    before = notified.hget(f"session:{SID}:index:stats", "revision")
    foreign.write("a", 5.0, configuration={"fast": 99})
    driven.settle()
    assert foreign.events() == [("run", "a"), ("run", "a")]
    assert int(notified.hget(f"session:{SID}:index:stats", "revision")) > int(before)


def test_what_another_program_says_of_the_session_stays_and_its_numbers_are_made_right(driven: Driven) -> None:
    foreign.write("a", 5.0)
    driven.settle()
    summary = {"symbol": "X", "runCount": 999, "bestProfit": -1, "notes": "theirs", "active": True, "theirs": [1]}
    set_summary(summary)
    driven.until(lambda: foreign.told().get("runCount") == 1)
    driven.settle()
    told = foreign.told()
    assert (told["notes"], told["active"], told["theirs"], told["bestProfit"]) == ("theirs", True, [1], 5.0)
    assert foreign.events() == [("run", "a"), ("session", "")]
    assert_sound()


def test_a_session_of_a_summary_alone_is_listed(driven: Driven) -> None:
    set_summary({"notes": "planned"})
    driven.until(lambda: [found.notes for found in SessionRegistry().all()] == ["planned"])
    driven.settle()
    assert foreign.told()["notes"] == "planned"


def test_a_session_that_is_removed_altogether_is_forgotten(driven: Driven, notified: redis.Redis) -> None:
    write_foreign(SID, [run(f"run-{number}", 1.0) for number in range(20)])
    set_summary({"notes": "short-lived"})
    driven.until(lambda: foreign.told().get("runCount") == 20)
    driven.settle()
    notified.delete(foreign.summary, *(foreign.key(f"run-{number}") for number in range(20)))
    driven.until(lambda: not list(notified.scan_iter(f"*{SID}*")))
    assert SessionRegistry().all() == []


def test_deleting_a_session_of_ours_leaves_nothing_behind(driven: Driven, notified: redis.Redis) -> None:
    BotRegistry().put_many(sid, [RunWrite.parse(run(f"run-{number}", 1.0)) for number in range(50)])
    foreign.write("theirs", 2.0)
    SessionRegistry().delete(sid)
    driven.settle()
    time.sleep(0.6)
    driven.settle()
    assert not list(notified.scan_iter(f"*{SID}*"))


def test_what_happened_before_the_start_is_found(notified: redis.Redis) -> None:
    foreign.write("alone", 3.0)
    other = "ETH:1h:1700000000000:1703600000000"
    write_foreign(other, [run(f"run-{number}", float(number)) for number in range(40)])
    BotRegistry().put(sid, RunWrite.parse(run("gone", 1.0)))
    foreign.remove("gone")
    driven = Driven()
    driven.settle()
    driven.until(lambda: foreign.drift() == [] and Foreign(other).drift() == [])
    assert foreign.rows().keys() == {"alone"}
    assert foreign.events().count(("deleted", "gone")) == 1
    driven.leave()


def test_what_happened_while_the_connection_was_gone_is_found(driven: Driven, notified: redis.Redis) -> None:
    foreign.write("a", 1.0)
    driven.settle()
    notified.client_kill_filter(_type="pubsub")
    foreign.write("b", 2.0)
    with pytest.raises(Exception, match="does not answer"):
        driven.until(lambda: False)
    driven.follower._recover()
    driven.settle()
    assert foreign.rows().keys() == {"a", "b"}
    assert foreign.events().count(("run", "b")) == 1


def test_records_under_a_hash_with_a_colon_are_found_through_the_set(driven: Driven) -> None:
    write_foreign(SID, [run("a:b", 1.0), run("5:c", 2.0)])
    driven.settle()
    assert foreign.rows().keys() == {"a:b", "5:c"}
    assert [str(found.sid) for found in SessionRegistry().all()] == [SID]


def test_one_of_two_followers_works_and_the_other_takes_over(driven: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bots_app.follow.BEAT_S", 0.01)
    monkeypatch.setattr("bots_app.hearing.BEAT_S", 0.01)
    other = Driven()
    # Both are of this process, which is not gone.
    other.follower.hearing.lease.facts.pid += 1
    other.follower.turn()
    assert "Another follower is at work" in other.lines[0]
    facts = current_follower()
    assert facts is not None
    assert (facts.mode, facts.id) == ("notifications", driven.follower.hearing.lease.facts.id)
    driven.leave()
    foreign.write("a", 1.0)
    other.settle()
    assert foreign.rows().keys() == {"a"}
    other.leave()
    assert current_follower() is None


@pytest.mark.usefixtures("_quick_polls")
def test_without_notifications_it_polls_until_they_are_on(real_store: redis.Redis) -> None:
    BotRegistry().put_many(sid, [RunWrite.parse(run(f"run-{number}", float(number))) for number in range(50)])
    driven = Driven()
    driven.settle()
    assert "Keyspace notifications are off: polling" in driven.lines[0]
    assert f"CONFIG SET notify-keyspace-events {FLAGS}" in driven.lines[0]
    # A program that keeps the shared sets is told by the counts; one that does not by the next round over all records.
    write_foreign(SID, [run("new", 99.0)])
    driven.until(lambda: "new" in foreign.rows())
    foreign.write("run-1", -5.0)
    foreign.remove("run-2")
    set_summary({"notes": "theirs"})
    driven.until(lambda: foreign.rows()["run-1"]["profit"] == -5.0 and foreign.drift() == [])
    assert foreign.told()["notes"] == "theirs"
    real_store.config_set("notify-keyspace-events", FLAGS)
    driven.until(lambda: driven.lines[-2:-1] == ["Listening to keyspace notifications."])
    real_store.config_set("notify-keyspace-events", "")
    driven.until(lambda: driven.follower.hearing.mode == "polling")
    driven.leave()


@pytest.mark.usefixtures("_quick_polls")
@pytest.mark.parametrize(
    ("rights", "said"),
    [("+@all -config &*", "not let this user turn them on"), ("+@all resetchannels", "not let this user listen")],
)
def test_a_user_without_the_right_polls(real_store: redis.Redis, redis_server: str, rights: str, said: str) -> None:
    real_store.execute_command("ACL", "SETUSER", "limited", "on", ">secret", "~*", *rights.split())
    limited = StoreClient.from_url(redis_server, protocol=2, username="limited", password="secret")
    try:
        with override(limited):
            driven = Driven(enable=True)
            driven.settle()
            assert said in driven.lines[0]
            foreign.write("a", 1.0)
            driven.until(lambda: foreign.rows().keys() == {"a"})
            driven.leave()
    finally:
        limited.close()
        real_store.execute_command("ACL", "DELUSER", "limited")
        real_store.config_set("notify-keyspace-events", "")


def test_the_place_of_a_process_that_was_killed_is_free(notified: redis.Redis) -> None:
    killed = Lease()
    killed.facts.pid = 2**22 + 1
    assert killed.hold() is None
    assert Lease().hold() is None


def set_summary(summary: dict[str, object]) -> None:
    client().set(foreign.summary, json.dumps(summary))
