"""Slots that move while sessions are read and written, and how sessions spread over the servers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.crc import key_slot

from bots_app.check import check
from bots_app.query import RunQuery
from bots_app.rebuild import rebuild
from bots_app.registry import BotRegistry
from bots_app.survey import session_ids
from bots_app.writing import RunWrite
from dashboard.errors import StoreUnavailable
from dashboard.store import client as clients
from dashboard.store.client import client, override
from dashboard.store.facts import server_facts
from dashboard.store.keys import SessionKeys
from dashboard.store.outage import reason_of
from sessions_app.catalogue import SessionCatalogue
from sessions_app.discovery import discover
from sessions_app.query import SessionQuery
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry
from tests.cluster.servers import PLAIN, SLOTS, Cluster, Server, free_port, until
from tests.cluster.sessions import session_on
from tests.conftest import emptied
from tests.contract.model import run, tag, write_foreign

registry = BotRegistry()


class Move:
    """A slot on its way from one server to another."""

    def __init__(self, cluster: Cluster, sid: str) -> None:
        self.cluster, self.slot = cluster, key_slot(tag(sid).encode())
        self.source = cluster.master_of(tag(sid))
        self.target = next(server for server in cluster.masters() if server is not self.source)

    def begin(self) -> None:
        self._set(self.target, "IMPORTING", self.cluster.name(self.source))
        self._set(self.source, "MIGRATING", self.cluster.name(self.target))

    def move(self, keys: list[bytes]) -> None:
        for key in keys:
            self.source.client.execute_command("MIGRATE", "127.0.0.1", self.target.port, key, 0, 5000)

    def keys(self) -> list[bytes]:
        found: list[bytes] = self.source.client.execute_command("CLUSTER GETKEYSINSLOT", self.slot, 1000)
        return found

    def end(self) -> None:
        for server in (self.target, self.source, *self.cluster.masters()):
            self._set(server, "NODE", self.cluster.name(self.target))
        until(lambda: self.cluster.master_of_slot(self.slot) is self.target, "that the slot has moved")

    def _set(self, server: Server, *words: str) -> None:
        server.client.execute_command("CLUSTER SETSLOT", self.slot, *words)


@contextmanager
def put_back(move: Move) -> Iterator[None]:
    try:
        yield
    finally:
        back = Move.__new__(Move)
        back.cluster, back.slot, back.source, back.target = move.cluster, move.slot, move.target, move.source
        back.begin()
        back.move(back.keys())
        back.end()
        move.cluster.wait_whole()


def test_a_session_is_found_wherever_its_slot_is(cluster: Cluster, cluster_store: redis.Redis) -> None:
    sid = SessionId.parse(session_on(cluster, cluster.masters()[0]))
    registry.put_many(sid, [RunWrite.parse(run(name, float(place))) for place, name in enumerate("abcdef")])
    move = Move(cluster, str(sid))
    with put_back(move):
        move.begin()
        keys = move.keys()
        record = SessionKeys(str(sid)).run("a").encode()
        move.move([record])
        # Single keys are followed; a script over keys on both sides can be run by neither server, as is told.
        assert registry.get(sid, "a").profit == 0.0
        pipe = client().pipeline()
        for name in "abc":
            pipe.exists(SessionKeys(str(sid)).run(name))
        assert pipe.execute() == [1, 1, 1]
        with pytest.raises(StoreUnavailable):
            registry.put(sid, RunWrite.parse(run("a", 7.0)))
        move.move([key for key in keys if key != record])
        move.end()
        registry.put(sid, RunWrite.parse(run("a", 7.0)))
        registry.put(sid, RunWrite.parse(run("g", 8.0)))
        assert registry.page(sid, RunQuery()).hashes == ["g", "a", "f", "e", "d", "c", "b"]
        assert check(sid) == []
        assert session_ids() == {str(sid)}


def test_a_walk_over_all_keys_sees_those_that_move_meanwhile(cluster: Cluster, cluster_store: redis.Redis) -> None:
    sid = session_on(cluster, cluster.masters()[2])
    write_foreign(sid, [run(f"run-{place}") for place in range(30)])
    walk = client().scan_steps("bot_registry:run:*", count=5)
    move = Move(cluster, sid)
    with put_back(move):
        found = set(next(walk))
        move.begin()
        move.move(move.keys())
        move.end()
        for names in walk:
            found.update(names)
    assert len(found) == 30


def test_a_thousand_sessions_spread_over_the_servers(cluster: Cluster, cluster_store: redis.Redis) -> None:
    sids = [f"S{number % 50}USDT:{number // 50}m:1700000000000:1703600000000" for number in range(1000)]
    shares = Counter(key_slot(tag(sid).encode()) * 3 // SLOTS for sid in sids)
    assert len(shares) == 3
    # Drawn at random, the share of one of three servers is 333 with a deviation of 15.
    assert all(260 < count < 410 for count in shares.values()), shares
    for sid in sids:
        write_foreign(sid, [run("a", 1.0), run("b", 2.0, "failed")])
    keys = [server.client.dbsize() for server in cluster.masters()]
    assert sum(keys) == 1000 * 6
    assert min(keys) > 0.75 * sum(keys) / 3 and max(keys) < 1.25 * sum(keys) / 3, keys
    assert discover() == set(sids)
    sessions = SessionRegistry(SessionCatalogue())
    found = sessions.find(SessionQuery(symbol="S7USDT"))
    assert (len(found), found.total, found.total_runs) == (20, 1000, 2000)
    registry.put(SessionId.parse(sids[7]), RunWrite.parse(run("c", 9.0)))
    assert max(entry.summary.runCount or 0 for entry in sessions.find(SessionQuery(symbol="S7USDT"))[:]) == 3


@pytest.mark.parametrize("mend", ["repeat", "rebuild", "next look"])
def test_a_writer_killed_before_the_list_is_written(
    cluster_store: redis.Redis, monkeypatch: pytest.MonkeyPatch, mend: str
) -> None:
    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    sid = SessionId.parse("A:1h:1:2")
    sessions = SessionRegistry(SessionCatalogue())
    assert sessions.all() == []
    with monkeypatch.context() as patched:
        patched.setattr("bots_app.indexing.note_own", killed)
        with pytest.raises(KeyboardInterrupt):
            registry.put(sid, RunWrite.parse(run("a", 1.0)))
    assert registry.get(sid, "a").profit == 1.0
    assert sessions.all() == []
    assert [drift.kind for drift in check(sid)] != []
    if mend == "repeat":
        assert registry.put(sid, RunWrite.parse(run("a", 1.0))).result == "unchanged"
    elif mend == "rebuild":
        rebuild(sid)
    else:
        discover()
    assert [str(one.sid) for one in sessions.all()] == [str(sid)]
    rebuild(sid)
    assert check(sid) == []


def test_a_server_of_its_own_may_keep_the_names_of_a_cluster(redis_binary: Path, tmp_path: Path, settings: Any) -> None:
    server = Server(redis_binary, tmp_path, PLAIN)
    try:
        settings.REDIS_URL, settings.REDIS_CLUSTER = f"redis://127.0.0.1:{server.port}/0", True
        with emptied(clients._connect()) as store:
            registry.put(SessionId.parse("A:1h:1:2"), RunWrite.parse(run("a", 1.0)))
            assert store.exists("session:{A:1h:1:2}:bots") == 1
            assert session_ids() == {"A:1h:1:2"}
            assert [str(one.sid) for one in SessionRegistry(SessionCatalogue()).all()] == ["A:1h:1:2"]
    finally:
        server.kill()


def test_any_of_the_nodes_named_is_enough(cluster: Cluster, cluster_store: redis.Redis, settings: Any) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()},127.0.0.1:{cluster.servers[4].port}/0"
    with emptied(clients._connect()) as store:
        store.set("bot_registry:sessions:probe", 1)
        assert len(store.servers()) == 3
        assert server_facts().version >= (6, 2)
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    client = clients._connect()
    with override(client), pytest.raises(StoreUnavailable) as caught:
        registry.page(SessionId.parse("A:1h:1:2"), RunQuery())
    assert reason_of(caught.value) == "nothing listens at its address"
