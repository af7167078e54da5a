"""The entries of a stream of events: the changes of a batch in a few of them, and how many are kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from bots_app import indexing
from bots_app.indexing import write_batch
from bots_app.rebuild import rebuild
from bots_app.sending import put_operation
from bots_app.writing import RunWrite
from dashboard.errors import StoreUnavailable
from dashboard.store import events
from dashboard.store.event_entries import CHANGES, START, Event, EventId, events_of
from dashboard.store.events import LOST, TRIMMED, locate, read_after, read_newest, wait_for_events
from dashboard.store.keys import SessionKeys
from sessions_app.records import SessionId
from sessions_app.registry import sha_of

SID = SessionId.parse("BTC:1h:1700000000000:1703600000000")
KEYS = SessionKeys(str(SID))
KEPT = 300


def put(name: str, profit: float = 1.5, status: str = "completed") -> tuple[Any, ...]:
    record = {
        "configHash": name,
        "status": status,
        "lastUpdated": 1_700_000_000_000,
        "resultsMetadata": {"performance": {"totalProfit": profit}},
    }
    return put_operation(RunWrite.parse(record))


def delete(name: str) -> tuple[Any, ...]:
    return ("delete", name, "", "", "", "", "", "", "", None)


def write(count: int, first: int = 0) -> None:
    write_batch(SID, [put(f"run-{number}", number) for number in range(first, first + count)])


def told(after: EventId = START) -> list[Event]:
    return read_after(KEYS, after, 1_000_000)


def names(found: list[Event]) -> list[str]:
    return [json.loads(one.data)["configHash"] for one in found]


@pytest.fixture
def few_kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(indexing, "EVENTS_KEPT", KEPT)
    monkeypatch.setattr(events, "EVENTS_KEPT", KEPT)
    indexing._usual_call.cache_clear()
    yield
    indexing._usual_call.cache_clear()


def test_a_batch_takes_few_entries_and_each_change_can_be_gone_on_from(real_store: redis.Redis) -> None:
    write(100)
    found = told()
    assert real_store.xlen(KEYS.events) == 4
    assert names(found) == [f"run-{number}" for number in range(100)]
    ids = [one.id for one in found]
    assert ids == sorted(set(ids))
    assert [EventId.parse(str(one)) for one in ids] == ids
    assert [one.part for one in ids[: CHANGES - 1]] == list(range(1, CHANGES))
    assert "." not in str(ids[CHANGES - 1]) and str(ids[CHANGES]).endswith(".1")
    revisions = [json.loads(one.data)["revision"] for one in found]
    assert revisions == list(range(revisions[0], revisions[0] + 100))
    for number, one in enumerate(ids):
        assert told(one) == found[number + 1 :]
        assert locate(KEYS, one).missed is None
    assert read_newest(KEYS, 40) == found[-40:]


def test_a_run_named_again_is_told_again_in_its_turn(real_store: redis.Redis) -> None:
    operations = [put("a", 1), put("b", 2), put("a", 3), delete("b"), put("c", 4), put("b", 5, "failed"), delete("a")]
    write_batch(SID, operations)
    found = [(one.name, json.loads(one.data)) for one in told()]
    assert [(name, data["configHash"], data["profit"]) for name, data in found] == [
        ("run", "a", 1), ("run", "b", 2), ("run", "a", 3), ("deleted", "b", 2), ("run", "c", 4), ("run", "b", 5),
        ("deleted", "a", 3),
    ]  # fmt: skip
    assert [data["status"] for _, data in found] == ["completed"] * 5 + ["failed", "completed"]
    revisions = [data["revision"] for _, data in found]
    assert revisions == list(range(revisions[0], revisions[0] + 7))


def test_a_revision_that_is_not_told_keeps_its_place(real_store: redis.Redis) -> None:
    write(4)
    generation = real_store.hget(KEYS.index("stats"), "table").decode()
    real_store.hdel(KEYS.table(generation).name("places"), "run-1")
    text = real_store.get(KEYS.run("run-1"))
    fill = ("fill", "run-1", sha_of(text), "", "", *put("run-1", 1)[5:])
    _, codes = write_batch(SID, [put("run-0", 9), fill, put("run-2", 9)])
    assert codes == [2, 2, 2]
    *_, first, last = (json.loads(one.data) for one in told())
    assert (first["configHash"], last["configHash"], last["revision"] - first["revision"]) == ("run-0", "run-2", 2)
    assert last["revision"] == int(real_store.hget(KEYS.index("stats"), "revision"))


@pytest.mark.parametrize("status", ['a "b"', "a\nb\n", "ä\u2028\\", ",[]"])
def test_any_text_is_told_as_it_is(real_store: redis.Redis, status: str) -> None:
    write_batch(SID, [put(f"{number}-ö", number, status) for number in range(3)])
    found = [json.loads(one.data) for one in told()]
    assert [(one["configHash"], one["status"], one["profit"]) for one in found] == [
        (f"{number}-ö", status, number) for number in range(3)
    ]


def test_a_stream_of_the_version_before_is_read_on(real_store: redis.Redis) -> None:
    write(1)
    fields = {"event": "run", "status": "completed", "profit": "1.5", "revision": "7"}
    old = [real_store.xadd(KEYS.events, fields | {"configHash": f"old-{number}"}) for number in range(5)]
    write(40, 100)
    last = EventId.parse(old[2].decode())
    assert locate(KEYS, last).missed is None
    assert names(told(last)) == ["old-3", "old-4", *(f"run-{number}" for number in range(100, 140))]
    assert json.loads(told()[1].data) == {"configHash": "old-0", "status": "completed", "profit": 1.5, "revision": 7}


@pytest.mark.parametrize("changes", [b"x", b"[]", b'["run"]', b"[1,2,3,4]", b'{"a":1}', b'["run","a","b","c"', b"\xff"])
def test_an_entry_that_is_none_of_ours_says_that_something_changed(changes: bytes) -> None:
    [event] = events_of([(b"1-2", {b"revision": b"5", b"changes": changes})])
    assert (event.id, event.name) == (EventId(1, 2), "session")
    assert json.loads(event.data)["configHash"] is None
    [event] = events_of([(b"1-2", {b"revision": b"x", b"changes": b'["run","a","b","c"]'})])
    assert event.name == "session"


def test_a_text_that_is_damaged_is_told_with_the_rest() -> None:
    found = events_of([(b"1-2", {b"revision": b"5", b"changes": b'["run","a\xff","","x","deleted","b","c","-1"]'})])
    assert [(one.name, json.loads(one.data)["configHash"]) for one in found] == [("run", "a\ufffd"), ("deleted", "b")]


def test_a_part_that_an_entry_never_had_is_a_gap(real_store: redis.Redis) -> None:
    write(10)
    last = told()[-1].id
    for part in (10, 11, 9999):
        assert locate(KEYS, last._replace(part=part)).missed == LOST
    assert locate(KEYS, last._replace(part=9)).missed is None


def test_as_many_changes_are_kept_as_promised_and_not_many_more(real_store: redis.Redis, few_kept: None) -> None:
    written, place = 0, START
    for size in [40, 1, 7, 100, 33, 2, 64, 40, 128, 5, 90, 100, 32, 31, 70, 2, 3, 100, 128, 128, 100, 60, 1, 1] * 2:
        before = told()
        write(size, written)
        written += size
        found = names(told())
        assert len(found) >= min(written, KEPT)
        assert found == [f"run-{number}" for number in range(written - len(found), written)]
        assert len(found) <= 2 * (KEPT + 128) + 100
        # Whoever had the newest change before misses nothing; who had an older one is told when it is gone.
        assert not before or locate(KEYS, before[-1].id).missed is None
        place = place if place != START else told()[0].id
        is_there = place in [one.id for one in told()]
        assert (locate(KEYS, place).missed is None) == is_there
    if "entries-added" in real_store.xinfo_stream(KEYS.events):
        assert locate(KEYS, place).missed == TRIMMED
    assert locate(KEYS, START).missed == TRIMMED


def test_who_had_half_of_an_entry_that_is_gone_is_told(real_store: redis.Redis) -> None:
    write(40)
    half = told()[10].id
    write(1, 50)
    real_store.xtrim(KEYS.events, maxlen=1, approximate=False)
    is_counted = "entries-added" in real_store.xinfo_stream(KEYS.events)
    assert locate(KEYS, half).missed == (TRIMMED if is_counted else LOST)


def test_a_rebuild_goes_on_counting(real_store: redis.Redis, few_kept: None) -> None:
    for first in range(0, 800, 100):
        write(100, first)
    counts = real_store.hmget(KEYS.index("stats"), "told", "told_since")
    assert None not in counts
    rebuild(SID)
    assert real_store.hmget(KEYS.index("stats"), "told", "told_since") == counts


@pytest.mark.parametrize("is_single", [False, True])
def test_what_is_read_at_once_is_bounded_and_nothing_is_left_out(real_store: redis.Redis, is_single: bool) -> None:
    write(1, 900)
    [start] = told()
    for first in range(200) if is_single else (0, 100):
        write(1 if is_single else 100, first)
    found: list[Event] = []
    while parts := wait_for_events({KEYS.events: found[-1].id if found else start.id}, most=64, block_ms=10):
        assert len(parts[KEYS.events]) <= 2 * 64
        found += parts[KEYS.events]
    assert names(found) == [f"run-{number}" for number in range(200)]
    found = []
    while part := read_after(KEYS, found[-1].id if found else start.id, 50):
        assert len(part) <= 50
        found += part
    assert names(found) == [f"run-{number}" for number in range(200)]


@pytest.mark.parametrize("again", [[], [("run-1", 7.0)]])
@pytest.mark.parametrize("is_quiet", [False, True])
def test_a_server_out_of_memory_refuses_a_batch_whole(
    real_store: redis.Redis, again: list[tuple[str, float]], is_quiet: bool
) -> None:
    write(3)
    before = {name: real_store.dump(name) for name in real_store.keys("*")}
    operations = [put(f"run-{number}", 9.0) for number in range(5)] + [put(*one) for one in again]
    real_store.config_set("maxmemory", 1)
    try:
        with pytest.raises(StoreUnavailable):
            write_batch(SID, operations, is_quiet=is_quiet)
    finally:
        real_store.config_set("maxmemory", 0)
    assert {name: real_store.dump(name) for name in real_store.keys("*")} == before
    assert write_batch(SID, operations, is_quiet=is_quiet)[1][:3] == [2, 2, 2]
