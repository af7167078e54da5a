"""Following a session's events: once, in order, from any of them; and told of what is missing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.errors import SessionNotFound, StoreUnavailable
from dashboard.store import events, topics
from dashboard.store.client import KeyTypeError, StoreClient, override
from dashboard.store.event_entries import START, Event, EventId
from dashboard.store.events import LOST, TRIMMED
from dashboard.store.hub import EventHub
from dashboard.store.keys import SessionKeys
from dashboard.store.topics import Gap, StreamEnded, Subscription
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry

SID = "BTC:1h:1700000000000:1703600000000"
KEYS = SessionKeys(SID)
#: Seconds within which anything here must happen.
LIMIT_S = 10


@pytest.fixture
def hub(real_store: Any) -> Iterator[EventHub]:
    put(0)
    made = EventHub()
    yield made
    made.close()


def put(*numbers: int, profit: float = 1.0) -> None:
    records = [
        {
            "configHash": f"run-{number:05}",
            "status": "completed",
            "lastUpdated": 1_700_000_000_000 + number,
            "resultsMetadata": {"performance": {"totalProfit": profit}},
        }
        for number in numbers
    ]
    BotRegistry().put_many(SessionId.parse(SID), [RunWrite.parse(record) for record in records])


def newest() -> EventId:
    return events.newest_id(KEYS)


def read(subscription: Subscription, count: int, limit_s: float = LIMIT_S) -> list[Event | Gap]:
    """Return the next `count` events and gaps; fails when they do not come, or more come."""
    found: list[Event | Gap] = []
    deadline = time.monotonic() + limit_s
    while len(found) < count:
        assert time.monotonic() < deadline, f"only {found}"
        found += subscription.read(0.2)
    assert len(found) == count, found
    return found


def hashes(found: list[Event | Gap]) -> list[str]:
    return [one.data.split(b'"')[3].decode() for one in found if isinstance(one, Event)]


def stays_silent(subscription: Subscription) -> bool:
    return not subscription.read(0.3) and not subscription.read(0.3)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_without_an_id_only_what_comes_is_sent(hub):
    listener = hub.subscribe(SID, None)
    assert stays_silent(listener)
    put(1)
    put(3, 2)
    found = read(listener, 3)
    assert hashes(found) == ["run-00001", "run-00003", "run-00002"]
    assert [one.id for one in found] == sorted({one.id for one in found})
    assert found[0].name == "run"
    assert found[0].data.startswith(b'{"configHash":"run-00001","status":"completed","profit":1.0,"revision":')
    assert stays_silent(listener)


def test_every_kind_of_change_has_its_name(hub):
    listener = hub.subscribe(SID, None)
    SessionRegistry().annotate(SessionId.parse(SID), notes="x")
    BotRegistry().delete(SessionId.parse(SID), "run-00000")
    found = read(listener, 2)
    assert [one.name for one in found] == ["session", "deleted"]
    assert found[0].data.startswith(b'{"configHash":null,"status":null,"profit":null,"revision":')


def test_who_comes_back_gets_what_happened_meanwhile_then_what_comes(hub):
    first = hub.subscribe(SID, None)
    put(1)
    [seen] = read(first, 1)
    first.close()
    put(2)
    again = hub.subscribe(SID, seen.id)
    put(3)
    assert hashes(read(again, 2)) == ["run-00002", "run-00003"]
    put(4)
    assert hashes(read(again, 1)) == ["run-00004"]


def test_who_comes_back_amid_a_batch_gets_the_rest_of_it(hub):
    listener = hub.subscribe(SID, None)
    put(*range(1, 41))
    seen = read(listener, 40)
    listener.close()
    put(41)
    for last in (0, 17, 31, 38):
        again = hub.subscribe(SID, seen[last].id)
        assert hashes(read(again, 40 - last)) == [f"run-{number:05}" for number in range(last + 2, 42)]
        again.close()


def test_listeners_at_different_places_each_get_everything_once(hub):
    start = newest()
    put(*range(1, 300))
    late, early = hub.subscribe(SID, None), hub.subscribe(SID, start)
    put(*range(300, 310))
    assert hashes(read(early, 309)) == [f"run-{number:05}" for number in range(1, 310)]
    assert hashes(read(late, 10)) == [f"run-{number:05}" for number in range(300, 310)]


def test_many_listeners_and_writers_at_once(hub):
    listeners = [hub.subscribe(SID, None) for _ in range(20)]
    got: list[list[EventId]] = [[] for _ in listeners]

    def listen(index: int) -> None:
        deadline = time.monotonic() + LIMIT_S
        while len(got[index]) < 400 and time.monotonic() < deadline:
            got[index] += [one.id for one in listeners[index].read(0.2)]

    threads = [threading.Thread(target=listen, args=(index,)) for index in range(len(listeners))]
    threads += [
        threading.Thread(target=lambda writer=writer: [put(writer * 1000 + number) for number in range(1, 101)])
        for writer in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT_S * 2)
    wanted = [one.id for one in events.read_after(KEYS, START, 10_000)][1:]
    assert len(wanted) == 400
    assert all(ids == wanted for ids in got)


def test_a_listener_that_falls_behind_reads_on_from_redis(hub, monkeypatch):
    monkeypatch.setattr("dashboard.store.hub.ALL_WINDOWS", 0)
    monkeypatch.setattr("dashboard.store.hub.SMALLEST", 5)
    monkeypatch.setattr(topics, "BATCH", 7)
    slow, quick = hub.subscribe(SID, None), hub.subscribe(SID, None)
    put(*range(1, 101))
    found: list[Event | Gap] = []
    while len(found) < 100:
        found += quick.read(0.2)
    assert hashes(found) == [f"run-{number:05}" for number in range(1, 101)]
    wait_for(lambda: len(slow.topic.window.events) == 5)
    found = []
    while len(found) < 100:
        found += (part := slow.read(0.2))
        assert len(part) <= 7
    assert hashes(found) == [f"run-{number:05}" for number in range(1, 101)]


def test_events_that_the_cap_took_are_told_as_a_gap(hub, real_store):
    start = newest()
    for number in range(1, 50):
        put(number)
    real_store.xtrim(KEYS.events, maxlen=10, approximate=False)
    gap, *rest = read(hub.subscribe(SID, start), 11)
    assert (gap.since, gap.position) == (start, None)
    assert gap.reason == (TRIMMED if has_entries_added(real_store) else LOST)
    assert hashes(rest) == [f"run-{number:05}" for number in range(40, 50)]


def has_entries_added(store: Any) -> bool:
    return "entries-added" in store.xinfo_stream(KEYS.events)


def test_a_stream_trimmed_to_nothing_is_a_gap_for_who_missed_something_and_none_for_others(hub, real_store):
    start = newest()
    put(1)
    last = newest()
    real_store.xtrim(KEYS.events, maxlen=0, approximate=False)
    [gap] = read(hub.subscribe(SID, start), 1)
    assert gap.position == last
    fresh = hub.subscribe(SID, last)
    assert stays_silent(fresh)
    put(2)
    assert hashes(read(fresh, 1)) == ["run-00002"]


def test_an_id_from_the_future_is_a_gap_and_goes_on_with_what_comes(hub):
    future = EventId(2**63, 0)
    listener = hub.subscribe(SID, future)
    assert read(listener, 1) == [Gap(LOST, future, newest())]
    put(1)
    assert hashes(read(listener, 1)) == ["run-00001"]


def test_an_id_that_the_stream_never_had_is_a_gap_and_goes_on_after_it(hub):
    put(1)
    between = EventId(newest().ms, newest().number)
    time.sleep(0.01)
    put(2)
    listener = hub.subscribe(SID, EventId(between.ms, between.number + 1))
    gap, event = read(listener, 2)
    assert gap.reason == LOST
    assert hashes([event]) == ["run-00002"]


def test_the_very_beginning_is_no_gap_unless_something_is_gone(hub, real_store):
    put(1)
    assert hashes(read(hub.subscribe(SID, START), 2)) == ["run-00000", "run-00001"]
    if has_entries_added(real_store):
        real_store.xtrim(KEYS.events, maxlen=1, approximate=False)
        assert read(hub.subscribe(SID, START), 2)[0].reason == TRIMMED


def test_a_deleted_session_ends_its_listeners(hub):
    listener = hub.subscribe(SID, None)
    put(1)
    read(listener, 1)
    SessionRegistry().delete(SessionId.parse(SID))
    with pytest.raises(SessionNotFound):
        while True:
            assert not listener.read(LIMIT_S)
    with pytest.raises(SessionNotFound):
        hub.subscribe(SID, None)
    put(2)
    again = hub.subscribe(SID, listener.position)
    assert read(again, 2)[0].reason == LOST
    put(3)
    assert hashes(read(again, 1)) == ["run-00003"]


def test_a_session_deleted_and_made_again_between_two_checks_is_a_gap_and_goes_on(hub, monkeypatch):
    monkeypatch.setattr("dashboard.store.hub.CHECK_S", 60)
    listener = hub.subscribe(SID, None)
    put(1)
    read(listener, 1)
    wait_for(lambda: listener.topic.position == listener.position)
    SessionRegistry().delete(SessionId.parse(SID))
    put(2, 3)
    gap, *rest = read(listener, 3)
    assert gap.reason == LOST
    assert hashes(rest) == ["run-00002", "run-00003"]
    put(4)
    assert hashes(read(listener, 1)) == ["run-00004"]


def test_a_stream_that_another_program_removes_is_a_gap(hub, real_store):
    listener = hub.subscribe(SID, None)
    assert stays_silent(listener)
    real_store.delete(KEYS.events)
    [gap] = read(listener, 1)
    assert (gap.reason, gap.position) == (LOST, START)
    put(1)
    assert hashes(read(listener, 1)) == ["run-00001"]


def test_a_session_of_another_program_can_be_listened_to_before_it_has_events(hub, real_store):
    real_store.flushall()
    real_store.sadd(KEYS.bots, "run-00007")
    listener = hub.subscribe(SID, None)
    assert stays_silent(listener)
    put(1)
    assert hashes(read(listener, 1)) == ["run-00001"]


def test_a_stream_of_another_type_ends_its_listeners_and_no_others(hub, real_store):
    listener = hub.subscribe(SID, None)
    other = "ETH:1h:1:2"
    real_store.sadd(SessionKeys(other).bots, "x")
    neighbour = hub.subscribe(other, None)
    assert stays_silent(listener)
    real_store.delete(KEYS.events)
    real_store.set(KEYS.events, "text")
    with pytest.raises((StreamEnded, KeyTypeError)):
        while True:
            listener.read(LIMIT_S)
    real_store.xadd(SessionKeys(other).events, {"event": "run", "configHash": "x"})
    assert hashes(read(neighbour, 1)) == ["x"]
    with pytest.raises(KeyTypeError):
        hub.subscribe(SID, None)


def test_listeners_outlast_a_redis_that_is_away(hub, real_store, tmp_path):
    listener = hub.subscribe(SID, None)
    assert stays_silent(listener)
    away = StoreClient.from_url(f"unix://{tmp_path}/nothing.sock", protocol=2)
    with override(away):
        put_on(real_store)
        assert stays_silent(listener)
        with pytest.raises(StoreUnavailable):
            hub.subscribe(SID, None)
    assert hashes(read(listener, 1)) == ["x"]


def put_on(store: Any) -> None:
    store.xadd(KEYS.events, {"event": "run", "configHash": "x", "status": "completed", "profit": "", "revision": "1"})


def test_what_other_programs_put_into_the_stream_does_no_harm(hub, real_store):
    listener = hub.subscribe(SID, None)
    real_store.xadd(
        KEYS.events, {"event": "x\n\nevent: run", "configHash": b"\xff\n", "profit": "inf", "revision": "x"}
    )
    real_store.xadd(KEYS.events, {b"\xff": "1"})
    first, second = read(listener, 2)
    assert first.name == second.name == "session"
    assert first.data == b'{"configHash":"\\\\xff\\n","status":null,"profit":null,"revision":null}'


def test_closing_forgets_the_session_and_ends_the_waiting(hub):
    first, second = hub.subscribe(SID, None), hub.subscribe(SID, None)
    first.close()
    first.close()
    assert hub._topics
    second.close()
    assert not hub._topics
    waiting = hub.subscribe(SID, None)
    waiting.read(0)
    threading.Timer(0.2, hub.close).start()
    start = time.monotonic()
    with pytest.raises(StreamEnded):
        while True:
            waiting.read(LIMIT_S)
    assert time.monotonic() - start < 2
    with pytest.raises(StreamEnded):
        hub.subscribe(SID, None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "1-",
        "-1",
        "1-2-3",
        "1-2.",
        "1-2.0",
        "1-2.3.4",
        "a-b",
        "1-2 ",
        " 1-2",
        "١-٢",
        "1" * 21 + "-0",
        f"{2**64}-0",
        "$",
    ],
)
def test_a_text_that_is_no_id_is_refused(text):
    with pytest.raises(ValueError):
        EventId.parse(text)


def test_ids_are_in_the_order_of_their_numbers():
    assert EventId.parse("10-9") < EventId.parse("10-10") < EventId.parse("100-0")
    assert EventId.parse("10-9.1") < EventId.parse("10-9.31") < EventId.parse("10-9") < EventId.parse("10-10.1")
    assert [str(EventId.parse(text)) for text in ("10-9", "10-9.3")] == ["10-9", "10-9.3"]


def test_a_hub_that_is_closed_while_nobody_listens_ends_in_silence(
    hub: EventHub, caplog: pytest.LogCaptureFixture
) -> None:
    hub.subscribe(SID, None).close()
    thread = hub._thread
    assert thread is not None
    time.sleep(0.5)  # for the reader to come to wait for listeners
    hub.close()
    thread.join(LIMIT_S)
    assert not thread.is_alive() and not caplog.records
