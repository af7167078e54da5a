"""What is written while a rebuild goes on is put down for it, whatever the operation."""

from __future__ import annotations

import redis

from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from sessions_app.records import SessionId
from tests.contract.model import SID, run

sid = SessionId.parse(SID)
keys = SessionKeys(SID)
registry = BotRegistry()


def dirty() -> set[bytes]:
    return set(client().smembers(keys.index("dirty")))


def put(*names: str, profit: float = 1.0) -> None:
    registry.put_many(sid, [RunWrite.parse(run(name, profit)) for name in names])


def test_changed_runs_are_put_down_while_a_rebuild_goes_on(store: redis.Redis) -> None:
    put("a", "b", "c")
    assert dirty() == set()
    client().hset(keys.index("stats"), "building", "1")
    put("a", profit=3.0)
    assert dirty() == set(), "nothing is put down for a build that shows no sign of life any more"
    put("a")
    client().sadd(keys.index("dirty"), "")
    put("a", "b")
    assert dirty() == {b""}
    put("b", "d", profit=2.0)
    assert dirty() == {b"", b"b", b"d"}
    registry.annotate(sid, "c", notes="kept")
    registry.delete(sid, "a")
    assert dirty() == {b"", b"a", b"b", b"c", b"d"}
    client().hdel(keys.index("stats"), "building")
    put("e")
    assert b"e" not in dirty()
