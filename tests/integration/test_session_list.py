"""The list of sessions through the life of a server: started again, put back to an older state, written by others."""

from __future__ import annotations

import shutil
import time

import pytest
import redis

from bots_app.check import check
from bots_app.rebuild import rebuild
from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.errors import StoreUnavailable
from dashboard.store import client as clients
from dashboard.store.keys import list_key
from sessions_app import discovery
from sessions_app.catalogue import SessionCatalogue
from sessions_app.query import SessionQuery
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry
from tests.contract.model import SID, run, write_foreign
from tests.integration.faulty import Server
from tests.integration.following import Driven

NAMES = ["A:1h:1:2", "B:1h:1:2", "C:1h:1:2"]


def put(name: str, config_hash: str = "a") -> None:
    BotRegistry().put(SessionId.parse(name), RunWrite.parse(run(config_hash, 1.0)))


def names_of(registry: SessionRegistry) -> list[str]:
    return [one.sid for one in registry.find(SessionQuery(ordering="symbol"))[:]]


def test_a_server_that_comes_back_with_an_older_state_is_believed(
    server: Server,  # noqa: F811
) -> None:
    registry = SessionRegistry(SessionCatalogue())
    put(NAMES[0])
    assert names_of(registry) == [NAMES[0], SID]
    older = server.folder.with_name("older")
    shutil.copytree(server.folder, older, ignore=shutil.ignore_patterns("*.sock"))
    put(NAMES[1])
    put(NAMES[0], "b")
    assert names_of(registry) == [*NAMES[:2], SID]
    server.stop()
    with pytest.raises(StoreUnavailable):
        names_of(registry)
    shutil.copytree(older, server.folder, dirs_exist_ok=True)
    server.start()
    put(NAMES[2])
    assert names_of(registry) == [NAMES[0], SID, NAMES[2]]
    assert next(one for one in registry.all() if str(one.sid) == NAMES[0]).runCount == 1


def test_a_server_that_is_started_again_serves_the_same_list(
    server: Server,  # noqa: F811
) -> None:
    registry = SessionRegistry(SessionCatalogue())
    put(NAMES[0])
    before = registry.all()
    server.stop()
    server.start()
    assert registry.all() == before
    SessionRegistry().annotate(SessionId.parse(SID), notes="after")
    assert [one.summary.notes for one in registry.find(SessionQuery(words=("after",)))[:]] == ["after"]


def test_catching_up_has_an_end_and_goes_on_from_there(
    real_store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(9):
        put(f"S{number}:1h:1:2")
    registry = SessionRegistry(SessionCatalogue())
    discovery.discover()
    monkeypatch.setattr("sessions_app.catalogue.CHUNK", 2)
    monkeypatch.setattr("sessions_app.catalogue.CATCH_UP_S", -1.0)
    tries = 0
    while tries < 20:
        tries += 1
        try:
            assert len(names_of(registry)) == 9
            break
        except StoreUnavailable:
            continue
    assert 3 < tries < 10


def test_what_others_wrote_is_noticed_by_itself(real_store: redis.Redis) -> None:
    registry = SessionRegistry(SessionCatalogue())
    put(NAMES[0])
    assert names_of(registry) == [NAMES[0]]
    real_store.set(f"bot_registry:session_current:{NAMES[0]}", '{"notes": "theirs", "runCount": 77}')
    assert registry.all()[0].notes == ""
    assert SessionRegistry().get(SessionId.parse(NAMES[0])).notes == "theirs"
    assert 0 < real_store.ttl(list_key("checked")) <= discovery.CHECK_EVERY_S
    real_store.delete(list_key("checked"))
    deadline = time.monotonic() + 5
    while registry.all()[0].notes != "theirs" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (registry.all()[0].notes, registry.all()[0].runCount) == ("theirs", 77)


def test_an_entry_without_a_session_is_told_and_mended(real_store: redis.Redis) -> None:
    registry, sid = SessionRegistry(SessionCatalogue()), SessionId.parse(NAMES[0])
    put(NAMES[0])
    assert names_of(registry) == [NAMES[0]]
    real_store.delete(*real_store.keys(f"*{NAMES[0]}*"))
    assert [drift.kind for drift in check(sid)] == ["list of sessions: an entry without a session"]
    rebuild(sid)
    assert check(sid) == [] and names_of(registry) == []


def test_a_list_that_cannot_be_written_is_read(real_store: redis.Redis) -> None:
    put(NAMES[0])
    real_store.set(f"bot_registry:session_current:{NAMES[1]}", "{}")
    real_store.delete(list_key("state"), "bot_registry:sessions")
    real_store.config_set("maxmemory", 1)
    try:
        registry = SessionRegistry(SessionCatalogue())
        assert names_of(registry) == names_of(registry) == NAMES[:2]
        with pytest.raises(StoreUnavailable):
            put(NAMES[2])
    finally:
        real_store.config_set("maxmemory", 0)
    assert names_of(registry) == NAMES[:2]
    assert clients.client().hget(list_key("state"), "searched") == b"1"


def test_who_follows_the_writes_of_others_tells_the_list(real_store: redis.Redis) -> None:
    registry, driven = SessionRegistry(SessionCatalogue()), Driven(enable=True)
    put(NAMES[0])
    assert names_of(registry) == [NAMES[0]]
    try:
        driven.until(lambda: driven.follower.is_caught_up)
        real_store.set(f"bot_registry:session_current:{NAMES[0]}", '{"notes": "theirs", "runCount": 77}')
        driven.until(lambda: [(one.notes, one.runCount) for one in registry.all()] == [("theirs", 1)])
        real_store.set(f"bot_registry:session_current:{NAMES[1]}", '{"notes": "alone"}')
        driven.until(lambda: names_of(registry) == NAMES[:2])
        real_store.delete(f"bot_registry:session_current:{NAMES[1]}")
        driven.until(lambda: names_of(registry) == NAMES[:1])
        write_foreign(NAMES[2], [run("f", 2.0)])
        driven.until(lambda: names_of(registry) == [NAMES[0], NAMES[2]])
    finally:
        driven.leave()
        real_store.config_set("notify-keyspace-events", "")
