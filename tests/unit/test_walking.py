"""Walks are made again when the server was replaced on the way, and commands go to the server of their key."""

from __future__ import annotations

import itertools

import pytest
import redis
from redis.crc import key_slot

from dashboard.errors import StoreUnavailable
from dashboard.store.cluster import slot_of
from dashboard.store.connecting import _literal_start
from dashboard.store.keys import SessionKeys, awaited
from dashboard.store.walking import ATTEMPTS, walk


def steps(count: int):
    """Return a scan that takes so many steps, each of which finds its number."""
    return lambda cursor: ((cursor + 1) % count, [cursor])


def test_a_short_walk_asks_for_nothing_else():
    assert list(walk(lambda cursor: (0, ["all"]), lambda: pytest.fail("who are you?"))) == [["all"]]


def test_a_walk_that_ends_on_another_server_is_made_again():
    servers = iter(["first", "second", "second", "second"])
    found = [names[0] for names in walk(steps(3), lambda: next(servers))]
    assert found == [0, 1, 2, 0, 1, 2]


def test_a_walk_over_servers_that_change_all_the_time_ends():
    numbers = itertools.count()
    with pytest.raises(StoreUnavailable, match="replaced again and again"):
        list(walk(steps(3), lambda: next(numbers)))
    assert next(numbers) == 2 * ATTEMPTS


@pytest.mark.parametrize(
    "command",
    [("GET", "a{b}c"), ("EVALSHA", "sha", 2, "x{b}", "{b}y", "argument"), ("XINFO STREAM", b"{b}"),
     ("XREAD", "COUNT", 5, "STREAMS", "{b}z", "0"), ("ZADD", "1{b}", 1, "m")],
    ids=lambda command: command[0],
)  # fmt: skip
def test_a_command_goes_where_its_key_is(command):
    assert slot_of(command) == key_slot(b"b")


@pytest.mark.parametrize("command", [("SCAN", "0"), ("INFO",), ("EVAL", "return 1", 0), ("PUBLISH", "a", "b")])
def test_a_command_without_a_key_has_no_place(command):
    with pytest.raises(redis.DataError):
        slot_of(command)


def test_a_pattern_begins_with_what_every_match_begins_with(settings):
    settings.REDIS_CLUSTER = True
    keys = SessionKeys("A*[1]?:1h:1:2")
    assert _literal_start(keys.pattern(keys.run_prefix)) == keys.run_prefix
    assert _literal_start("bot_registry:run:*") == "bot_registry:run:"


def test_what_replicas_are_waited_for_with_lies_beside_the_keys():
    for key in ("session:{A:1h:1:2}:bots", "bot_registry:sessions", "session:{a}:index:status:{b}:x"):
        assert key_slot(awaited(key).encode()) == key_slot(key.encode())
