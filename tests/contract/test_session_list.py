"""Whatever sequence of writes, by whomever: the list in every process is that of a naive reading of all summaries."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.store import session_list
from dashboard.store.client import client
from sessions_app import catalogue, summaries
from sessions_app.catalogue import SessionCatalogue
from sessions_app.discovery import check_sessions, discover, list_session
from sessions_app.query import SessionQuery
from sessions_app.records import SUMMARY_FIELDS, SessionId
from sessions_app.registry import SessionRegistry
from tests.contract import naive_sessions as naive
from tests.contract.model import run, tag, write_foreign
from tests.contract.test_state import EXAMPLES

STEPS = 30
NAMES = ["A:1h:1:2", "A:4h:1:2", "B/USDT:USDT:1h:1:2", "b:1h:3:4", "ä:4h:1:2"]
SIDS = st.sampled_from(NAMES)
PROFITS = st.sampled_from([None, 0.0, -1.5, 2.0, 2.0, 1e300])
NOTES = st.sampled_from(["", "Looked at", "see B", "ÄHNLICH", "x" * 150])
QUERIES = st.builds(
    SessionQuery,
    st.sampled_from([None, None, "A", "B/USDT:USDT", "nothing"]), st.sampled_from([None, None, "1h"]),
    st.sampled_from([None, None, True, False]),
    st.sampled_from([(), (), ("looked",), ("b", "1h"), ("ä",), ("nothing",)]),
    st.sampled_from([sign + name for name in SUMMARY_FIELDS for sign in ("", "-")]),
)  # fmt: skip
FOREIGN: st.SearchStrategy[Any] = st.one_of(
    st.fixed_dictionaries({
        "bestProfit": st.sampled_from([None, 5.0, "7", 2.0]), "lastUpdate": st.sampled_from([None, 1_700_000_000, "x"]),
        "active": st.booleans(), "notes": NOTES, "runCount": st.sampled_from([None, 3, 10**30]), "their": st.integers(),
        "currentStatus": st.sampled_from([None, "completed", 5]),
    }).map(json.dumps),
    st.sampled_from(["", "[]", "no JSON", '{"notes": 1}', "x" * 600]),
)  # fmt: skip


class ListMachine(RuleBasedStateMachine):
    """Three processes, each with a copy of its own; one of them starts anew now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.processes = [SessionRegistry(SessionCatalogue()) for _ in range(3)]

    @initialize()
    def empty(self) -> None:
        client().flushall()

    @rule(
        name=SIDS, profit=PROFITS, config_hash=st.sampled_from("abc"), status=st.sampled_from(["completed", "failed"])
    )
    def put(self, name: str, profit: float | None, config_hash: str, status: str) -> None:
        BotRegistry().put(SessionId.parse(name), RunWrite.parse(run(config_hash, profit, status)))

    @rule(name=SIDS, data=st.data())
    def delete_run(self, name: str, data: st.DataObject) -> None:
        hashes = sorted(member.decode() for member in client().smembers(f"session:{tag(name)}:bots"))
        if hashes:
            BotRegistry().delete(SessionId.parse(name), data.draw(st.sampled_from(hashes)))

    @rule(name=SIDS, notes=NOTES, active=st.booleans())
    def annotate(self, name: str, notes: str, active: bool) -> None:
        if SessionRegistry().exists(SessionId.parse(name)):
            SessionRegistry().annotate(SessionId.parse(name), notes=notes, active=active)

    @rule(name=SIDS)
    def delete(self, name: str) -> None:
        if SessionRegistry().exists(SessionId.parse(name)):
            SessionRegistry().delete(SessionId.parse(name))

    @rule(name=SIDS, text=FOREIGN, is_single=st.booleans())
    def foreign_summary(self, name: str, text: str, is_single: bool) -> None:
        client().set(f"bot_registry:session_current:{tag(name)}", text)
        self.notice(name, is_single)

    @rule(name=SIDS, profit=PROFITS)
    def foreign_runs(self, name: str, profit: float | None) -> None:
        write_foreign(name, [run("f", profit)])
        list_session(name)

    @rule(name=SIDS, is_single=st.booleans())
    def foreign_deletion(self, name: str, is_single: bool) -> None:
        for key in list(client().scan_iter(f"*{name}*")):
            client().delete(key)
        self.notice(name, is_single)

    def notice(self, name: str, is_single: bool) -> None:
        """Take notice as who follows single writes does, or as the search does."""
        if is_single:
            list_session(name)
        else:
            discover()

    @rule(place=st.integers(0, 2), query=QUERIES)
    def read(self, place: int, query: SessionQuery) -> None:
        self.assert_right(self.processes[place], query)

    @rule()
    def start_a_process(self) -> None:
        self.processes[0] = SessionRegistry(SessionCatalogue())

    @rule()
    def nothing_is_left_to_notice(self) -> None:
        check_sessions(NAMES)
        assert check_sessions(NAMES) == 0

    @precondition(lambda self: next(client().scan_iter(), None))
    @rule()
    def lose_everything(self) -> None:
        client().flushall()

    def assert_right(self, registry: SessionRegistry, query: SessionQuery) -> None:
        everything = naive.summaries()
        found = registry.find(query, with_counts=True)
        entries = found[:]
        wanted = naive.listed(query, everything)
        shown = [one.summary.to_dict() for one in entries]
        assert [msgspec.json.encode(one) for one in shown] == [one.body for one in entries]
        for one in shown + wanted:
            # A list tells of some texts another reason than their own address does: they are too long for one.
            one["unreadable"] = "unreadable" in one
        assert shown == wanted
        assert (found.total, len(found)) == (len(everything), len(entries))
        assert found.total_runs == sum(one["runCount"] or 0 for one in everything)
        for name in naive.FILTERS:
            assert found.counts[name] == naive.counts(name, query, everything)

    def teardown(self) -> None:
        for registry in self.processes:
            self.assert_right(registry, SessionQuery())


@pytest.mark.parametrize("chunk", [2, 500])
def test_the_list_of_every_process_is_that_of_a_naive_reading(
    store: redis.Redis, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "CHUNK", chunk)
    monkeypatch.setattr(summaries, "MOST_BYTES", 500)
    profile = settings(
        max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(ListMachine, settings=profile)


def names_of(registry: SessionRegistry) -> list[str]:
    return [one.sid for one in registry.find(SessionQuery(ordering="symbol"))[:]]


def put(name: str, config_hash: str = "a") -> None:
    BotRegistry().put(SessionId.parse(name), RunWrite.parse(run(config_hash, 1.0)))


def reads(store: redis.Redis) -> int:
    """Return how many summaries lists have read from the server so far."""
    return store.info("commandstats").get("cmdstat_getrange", {"calls": 0})["calls"]


def test_only_what_changed_is_read_again(real_store: redis.Redis) -> None:
    for number in range(30):
        put(f"S{number:02}:1h:1:2")
    registry = SessionRegistry(SessionCatalogue())
    assert len(names_of(registry)) == 30
    before = reads(real_store)
    for ordering in ("symbol", "-bestProfit"):
        registry.find(SessionQuery(ordering=ordering), with_counts=True)
    assert reads(real_store) == before
    put("S07:1h:1:2", "b")
    SessionRegistry().annotate(SessionId.parse("S08:1h:1:2"), notes="x")
    SessionRegistry().delete(SessionId.parse("S09:1h:1:2"))
    assert len(names_of(registry)) == 29
    assert reads(real_store) == before + 2


def test_whoever_missed_more_deletions_than_are_remembered_reads_anew(real_store: redis.Redis) -> None:
    names = [f"S{number:04}:1h:1:2" for number in range(1100)]
    real_store.mset({f"bot_registry:session_current:{name}": '{"runCount": 1}' for name in names})
    late, often = (SessionRegistry(SessionCatalogue()) for _ in range(2))
    assert names_of(late) == names_of(often) == names
    for first in range(0, 1100, 100):
        gone = names[first : first + 100]
        real_store.delete(*(f"bot_registry:session_current:{name}" for name in gone))
        check_sessions(gone)
        assert names_of(often) == names[first + 100 :]
    put("A:1h:1:2")
    assert real_store.zcard("bot_registry:sessions:gone") == 1000
    assert names_of(late) == names_of(often) == names_of(SessionRegistry(SessionCatalogue())) == ["A:1h:1:2"]


def test_a_list_is_never_older_than_the_request_among_threads(real_store: redis.Redis) -> None:
    """Each thread writes a session of its own and sees it in the copy that all share, as do the others afterwards."""
    registry, failures = SessionRegistry(SessionCatalogue()), []
    names_of(registry)

    def work(thread: int) -> None:
        for count in range(1, 26):
            name = f"T{thread}:1h:1:2"
            put(name, f"run-{count}")
            [own] = registry.find(SessionQuery(f"T{thread}"))[:]
            if own.summary.runCount != count:
                failures.append((name, own.summary.runCount, count))
            if count % 5 == 0:
                SessionRegistry().annotate(SessionId.parse(name), notes=f"{count}")
                if len(registry.find(SessionQuery(f"T{thread}", words=(f"{count}",)))) != 1:
                    failures.append((name, "notes", count))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert [one.runCount for one in registry.all()] == [25] * 8


def test_threads_that_wait_share_an_answer(real_store: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    put("A:1h:1:2")
    registry, asked, go = SessionRegistry(SessionCatalogue()), [], threading.Event()
    names_of(registry)
    read = catalogue.read_changes

    def slow(*args: Any, **options: Any) -> Any:
        asked.append(1)
        go.wait(5)
        return read(*args, **options)

    monkeypatch.setattr(catalogue, "read_changes", slow)
    threads = [threading.Thread(target=names_of, args=(registry,)) for _ in range(10)]
    for thread in threads:
        thread.start()
    while not asked:
        pass
    threading.Timer(0.2, go.set).start()
    for thread in threads:
        thread.join()
    assert len(asked) == 2


@pytest.fixture
def on_a_cluster(real_store: redis.Redis, settings: Any) -> Iterator[None]:
    """Keys as on a cluster, where a session's scripts cannot write the list."""
    settings.REDIS_CLUSTER = True
    yield


def test_on_a_cluster_the_list_is_written_after_the_session(on_a_cluster: None, real_store: redis.Redis) -> None:
    registry = SessionRegistry(SessionCatalogue())
    assert names_of(registry) == []
    put("A:1h:1:2")
    put("B:1h:1:2")
    assert names_of(registry) == ["A:1h:1:2", "B:1h:1:2"]
    SessionRegistry().annotate(SessionId.parse("A:1h:1:2"), notes="x")
    assert registry.all()[0].notes == "x" or registry.all()[1].notes == "x"
    SessionRegistry().delete(SessionId.parse("A:1h:1:2"))
    assert names_of(registry) == ["B:1h:1:2"]
    assert set(real_store.scan_iter("*bot_registry:sessions*")) == {
        b"bot_registry:sessions", b"{bot_registry:sessions}:gone", b"{bot_registry:sessions}:state",
        b"{bot_registry:sessions}:discovered", b"{bot_registry:sessions}:checked",
    }  # fmt: skip


def test_every_kind_of_write_reaches_every_process(store: redis.Redis) -> None:
    registry, sid = SessionRegistry(SessionCatalogue()), SessionId.parse(NAMES[0])

    def shown() -> tuple[Any, ...]:
        return next(((one.runCount, one.notes, one.active) for one in registry.all()), ())

    assert shown() == ()
    put(NAMES[0])
    assert shown() == (1, "", False)
    SessionRegistry().annotate(sid, notes="x", active=True)
    assert shown() == (1, "x", True)
    BotRegistry().delete(sid, "a")
    assert shown() == (0, "x", True)
    SessionRegistry().delete(sid)
    assert shown() == ()
    write_foreign(NAMES[0], [run("f", 1.0)])
    list_session(NAMES[0])
    assert shown() == (1, "", False)
    SessionRegistry().annotate(sid, notes="y")
    assert shown() == (1, "y", False)


def test_what_another_program_wrote_twice_is_noticed_twice(store: redis.Redis) -> None:
    registry, sid = SessionRegistry(SessionCatalogue()), SessionId.parse(NAMES[0])
    put(NAMES[0])
    for number in range(3):
        store.set(f"bot_registry:session_current:{tag(NAMES[0])}", '{"runCount": 77, "notes": ""}')
        list_session(NAMES[0])
        assert [one.runCount for one in registry.all()] == [77]
        assert check_sessions([NAMES[0]]) == 0
        BotRegistry().put(sid, RunWrite.parse(run("a", float(number + 5))))
        assert [one.runCount for one in registry.all()] == [1]


def test_the_ids_are_read_in_steps_and_one_that_changes_meanwhile_is_not_missed(
    store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"S{number}:1h:1:2" for number in range(7)]
    for name in names:
        write_foreign(name, [run("a", 1.0)])
        list_session(name)
    monkeypatch.setattr(session_list, "LISTED", 3)
    assert session_list.listed() == names
    read = client().zrangebyscore

    def changing(*args: Any, **options: Any) -> Any:
        found = read(*args, **options)
        BotRegistry().put(SessionId.parse(names[0]), RunWrite.parse(run(f"run {args[1]}", 1.0)))
        monkeypatch.setattr(client(), "zrangebyscore", read)
        return found

    monkeypatch.setattr(client(), "zrangebyscore", changing)
    assert sorted(session_list.listed()) == names
