"""A master is killed, or hangs, in the midst of a walk and of writes: what is promised holds all the same."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from bots_app.check import check
from bots_app.query import RunQuery
from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.errors import StoreUnavailable
from dashboard.store import client as clients
from dashboard.store.client import ANSWER_TIMEOUT_S, override
from sessions_app.query import SessionQuery
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry
from tests.cluster.servers import Cluster, Group, Server, Watched, until
from tests.cluster.sessions import one_on_each, session_on
from tests.contract.model import run, tag

SID = SessionId.parse("A:1h:1:2")
#: Seconds that a request may take whatever the servers do: the time for an answer, and for a look at who is there.
BOUND_S = ANSWER_TIMEOUT_S + 3.0
#: Seconds that no write takes while every server is there.
HELD_UP_S = 0.5

registry = BotRegistry()


class Case:
    """A group of servers as the tests below see it: which one serves the session."""

    def __init__(self, group: Group, master: Callable[[], Server]) -> None:
        self.group, self.master = group, master


@pytest.fixture(params=["cluster", "watched"])
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    request.getfixturevalue(f"{request.param}_store")
    group = request.getfixturevalue(request.param)
    if isinstance(group, Cluster):
        yield Case(group, lambda: group.master_of(tag(str(SID))))
    else:
        assert isinstance(group, Watched)
        yield Case(group, group.master)
    for server in group.servers:
        if server.is_running:
            server.signal(signal.SIGCONT)


@pytest.fixture
def awaiting(case: Case, settings: Any) -> Iterator[redis.Redis]:
    """The process-wide client, whose writes wait for a replica."""
    settings.REDIS_WAIT_REPLICAS = 1
    with override(clients._connect()) as client:
        yield client
    client.close()


def persevere(action: Callable[[], Any]) -> tuple[Any, float]:
    """Do something until the store can be used; return its answer and the seconds of the longest attempt."""
    longest, deadline = 0.0, time.monotonic() + 30
    while True:
        began = time.monotonic()
        try:
            answer = action()
        except StoreUnavailable:
            longest = max(longest, time.monotonic() - began)
            assert time.monotonic() < deadline, "it never came back"
            time.sleep(0.05)
        else:
            return answer, max(longest, time.monotonic() - began)


def put(name: str, profit: float) -> None:
    registry.put(SID, RunWrite.parse(run(name, profit)))


@pytest.mark.slow
def test_a_walk_meets_every_steady_run_once(case: Case, awaiting: redis.Redis) -> None:
    steady = [f"run-{place:03}" for place in range(200)]
    registry.put_many(SID, [RunWrite.parse(run(name, float(place % 40))) for place, name in enumerate(steady)])
    victim, met, cursor, longest, number = case.master(), [], None, 0.0, 0
    while True:
        page, seconds = persevere(lambda here=cursor: registry.page(SID, RunQuery(), cursor=here, limit=15))
        longest = max(longest, seconds)
        met += [name for name in page.hashes if name in steady]
        cursor = page.next_cursor
        if cursor is None:
            break
        number += 1
        if number == 5:
            victim.kill()
        elif number > 8:
            case.group.mend()  # its replica is missed by none of the reads, but by every write
            persevere(lambda here=number: put(f"noise-{here}", float(here)))
    assert sorted(met) == steady
    assert case.master() is not victim
    assert longest < BOUND_S


class Writer(threading.Thread):
    """Writes one run after the other, and keeps those that were acknowledged."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.acknowledged: dict[str, float] = {}
        self.in_doubt = 0
        self.longest = 0.0
        self.is_ending = threading.Event()

    def run(self) -> None:
        number = 0
        while not self.is_ending.is_set():
            number += 1
            name, began = f"run-{number % 70}", time.monotonic()
            try:
                put(name, float(number))
                self.acknowledged[name] = float(number)
            except StoreUnavailable:
                self.acknowledged.pop(name, None)
                self.in_doubt += 1
                time.sleep(0.02)
            self.longest = max(self.longest, time.monotonic() - began)

    def write_more(self, count: int = 60) -> None:
        wanted = len(self.acknowledged) if self.in_doubt == 0 else 0
        seen = dict(self.acknowledged)
        until(lambda: sum(self.acknowledged.get(one) != seen.get(one) for one in self.acknowledged) >= count, "writes")
        assert wanted >= 0


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_no_acknowledged_write_is_lost(case: Case, awaiting: redis.Redis, how: signal.Signals) -> None:
    writer = Writer()
    writer.start()
    try:
        writer.write_more()
        victim = case.master()
        victim.signal(how)
        until(lambda: case.master() is not victim, "that another one takes its place")
        if how is signal.SIGSTOP:
            victim.signal(signal.SIGCONT)
        case.group.mend()
        writer.write_more()
    finally:
        writer.is_ending.set()
        writer.join()
    # The failover met a write: one was refused, or held up until the next master was there.
    assert writer.in_doubt > 0 or writer.longest > HELD_UP_S
    assert writer.longest < BOUND_S
    found = {name: registry.get(SID, name).profit for name in writer.acknowledged}
    assert found == writer.acknowledged
    assert check(SID) == []
    assert [str(one.sid) for one in SessionRegistry().all()] == [str(SID)]


def test_a_write_that_no_replica_has_is_not_acknowledged(case: Case, awaiting: redis.Redis) -> None:
    put("a", 1.0)
    master = case.master()
    others = [server for server in case.group.servers if server is not master and _replicates(server, master)]
    for server in others:
        server.signal(signal.SIGSTOP)
    for _ in range(2):  # repeated it changes nothing, and is no more certain than before
        with pytest.raises(StoreUnavailable, match="Repeat it; that is safe"):
            registry.put(SID, RunWrite.parse(run("a", 2.0)))
    for server in others:
        server.signal(signal.SIGCONT)
    persevere(lambda: put("a", 2.0))
    assert registry.get(SID, "a").profit == 2.0


def _replicates(server: Server, master: Server) -> bool:
    try:
        return bool(server.client.info("replication").get("master_port") == master.port)
    except redis.RedisError:
        return False


def test_sessions_on_other_servers_are_served_while_one_hangs(cluster: Cluster, cluster_store: redis.Redis) -> None:
    hanging = cluster.masters()[1]
    here, there = (SessionId.parse(session_on(cluster, server)) for server in (hanging, cluster.masters()[2]))
    for sid in (here, there):
        registry.put(sid, RunWrite.parse(run("a", 1.0)))
    hanging.signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            registry.page(here, RunQuery())
        assert time.monotonic() - began < BOUND_S
        page, longest = persevere(lambda: registry.page(there, RunQuery()))
        assert page.hashes == ["a"] and longest < 1.0
        page, longest = persevere(lambda: registry.page(here, RunQuery()))
        assert page.hashes == ["a"]
    finally:
        hanging.signal(signal.SIGCONT)


def test_when_all_servers_hang_no_request_does(case: Case) -> None:
    put("a", 1.0)
    for server in case.group.servers:
        server.signal(signal.SIGSTOP)
    times = []
    try:
        threads = [threading.Thread(target=lambda: times.append(_seconds_of_a_refusal())) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        times.append(_seconds_of_a_refusal())
    finally:
        case.group.thaw()
    assert max(times) < BOUND_S
    page, _ = persevere(lambda: registry.page(SID, RunQuery()))
    assert page.hashes == ["a"]
    until(lambda: _is_found(case), "that the group is whole again")


def _is_found(case: Case) -> bool:
    case.group.mend()
    return True


def _seconds_of_a_refusal() -> float:
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        registry.page(SID, RunQuery())
    return time.monotonic() - began


def test_a_list_of_sessions_on_all_servers_outlasts_each_of_them(cluster: Cluster, cluster_store: redis.Redis) -> None:
    sids = one_on_each(cluster)
    for sid in sids:
        registry.put(SessionId.parse(sid), RunWrite.parse(run("a", 1.0)))
    victim = cluster.master_of("bot_registry:sessions")
    victim.kill()
    found, _ = persevere(lambda: SessionRegistry().find(SessionQuery())[:])
    assert sorted(str(entry.summary.sid) for entry in found) == sorted(sids)
