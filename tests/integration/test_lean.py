"""Reads that go past the driver's layers: no fault leaves a connection with somebody else's answer in it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from redis._parsers import _HiredisParser

from dashboard.errors import StoreUnavailable
from dashboard.store import lean, time_limit
from dashboard.store.client import KeyTypeError, StoreClient, override
from dashboard.store.keys import SessionKeys
from dashboard.store.lean import Command, read
from dashboard.store.pages import Position, RankedList
from dashboard.store.scripts import script
from dashboard.store.time_limit import TimedParser
from tests.contract.model import SID

ECHO = Command(("ECHO",), rest=1)


@pytest.fixture(params=[TimedParser, _HiredisParser], ids=["ours", "driver's"])
def client(real_store: redis.Redis, redis_server: str, request: pytest.FixtureRequest) -> Iterator[StoreClient]:
    """A client of short patience, on the suite's server."""
    found = StoreClient(
        connection_pool=redis.ConnectionPool.from_url(
            redis_server, protocol=2, socket_timeout=0.2, parser_class=request.param
        )
    )
    with override(found):
        yield found
    found.close()


def echoed(client: Any, text: str) -> str:
    return read(client, ECHO, (text,)).decode()


def connections(client: Any) -> list[Any]:
    return lean._kept[client]._idle


def test_connections_are_kept_and_no_more_than_are_needed(client: StoreClient, real_store: redis.Redis) -> None:
    for number in range(5):
        assert echoed(client, f"é {number}") == f"é {number}"
    assert len(connections(client)) == 1
    client.close()
    assert echoed(client, "again") == "again"


def test_words_of_every_kind_arrive_as_they_are(client: StoreClient) -> None:
    script_of = client.script_load("return {KEYS[1], ARGV[1], ARGV[2], #ARGV[3]}")
    command = Command(("EVALSHA", script_of, 1, "k:\u20ac"), rest=3)
    for words in ((b"\x00\r\n\xff", -12, ""), ("", "$5", b"")):
        found = read(client, command, words)
        sent = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        assert found == ["k:\u20ac".encode(), *sent[:2], 0]


def test_a_connection_that_was_cut_is_made_anew_unnoticed(
    client: StoreClient, real_store: redis.Redis, redis_calls: Any
) -> None:
    echoed(client, "a")
    for _ in range(3):
        real_store.client_kill_filter(_type="normal", skipme=True)
        assert redis_calls.of(lambda: echoed(client, "b")) == 2
        assert redis_calls.of(lambda: echoed(client, "c")) in (1, 2)


@pytest.mark.alone
def test_an_answer_that_comes_too_late_is_nobody_elses(client: StoreClient, real_store: redis.Redis) -> None:
    echoed(client, "a")
    for number in range(3):
        real_store.client_pause(400)
        start = time.monotonic()
        with pytest.raises(StoreUnavailable):
            echoed(client, f"late {number}")
        assert time.monotonic() - start < 0.35
        time.sleep(0.45)
        assert echoed(client, f"next {number}") == f"next {number}"


@pytest.mark.parametrize("method", ["send", "receive"])
def test_an_interruption_closes_the_connection(
    client: StoreClient, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    echoed(client, "a")
    [connection] = connections(client)
    is_ours = isinstance(connection._parser, TimedParser)
    owner, name = {
        (True, "send"): (time_limit, "_send"),
        (True, "receive"): (connection._parser, "read_from_socket"),
        (False, "send"): (connection, "send_packed_command"),
        (False, "receive"): (connection, "read_response"),
    }[is_ours, method]
    action = getattr(owner, name)

    def interrupted(*args: Any, **options: Any) -> Any:
        if method == "send":
            action(*args, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(owner, name, interrupted)
        with pytest.raises(KeyboardInterrupt):
            echoed(client, "lost")
    assert not connection.is_connected
    assert echoed(client, "next") == "next"


def test_long_commands_and_answers_arrive_whole(client: StoreClient) -> None:
    text = "long \u20ac" * 300_000
    assert echoed(client, "a") == "a"
    assert echoed(client, text) == text


def test_errors_of_the_server_are_ours_and_cost_no_connection(client: StoreClient, real_store: redis.Redis) -> None:
    keys = SessionKeys(SID)
    real_store.set(keys.index("stats"), "text")
    for _ in range(2):
        with pytest.raises(KeyTypeError):
            RankedList(keys, (), descending=True).read(Position(), 5)
    assert len(connections(client)) == 1 and echoed(client, "next") == "next"


def test_a_script_that_the_server_forgot_is_sent_again(client: StoreClient, redis_calls: Any) -> None:
    figures = script("read_figures")
    command = figures.command([f"session:x:{number}" for number in range(7)], [1])
    assert figures.read(command) == [b"missing"]
    client.script_flush()
    assert redis_calls.of(lambda: figures.read(command)) == 2
    assert redis_calls.of(lambda: figures.read(command)) == 1


def test_threads_get_their_own_answers(client: StoreClient) -> None:
    wrong: list[tuple[str, str]] = []

    def ask(name: int) -> None:
        for number in range(200):
            text = f"{name} {number}"
            if (found := echoed(client, text)) != text:
                wrong.append((text, found))

    threads = [threading.Thread(target=ask, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and 1 <= len(connections(client)) <= 8


def test_a_fork_leaves_its_parents_connections_alone(client: StoreClient, monkeypatch: pytest.MonkeyPatch) -> None:
    echoed(client, "a")
    kept = lean._kept[client]
    [parents] = kept._idle
    kept._owner += 1  # as it looks from another process
    assert echoed(client, "b") == "b"
    assert parents.is_connected and parents not in kept._idle


def test_clients_of_other_kinds_ask_in_the_usual_way(fake_store: redis.Redis, redis_calls: Any) -> None:
    assert redis_calls.of(lambda: echoed(fake_store, "a")) == 1
    assert lean._kept[fake_store] is None


def test_a_connection_that_was_dropped_meanwhile_leaves_no_doubt_of_what_was_done(
    client: StoreClient, real_store: redis.Redis, redis_calls: Any
) -> None:
    command = Command(("INCRBY", "lean:count"), rest=1)
    connections = lean.kept(client)
    assert connections is not None
    for number in range(1, 4):
        assert redis_calls.of(lambda: connections.ask(command.packed((1,)), is_sure=True)) == 1
        assert int(real_store.get("lean:count")) == number
        real_store.client_kill_filter(_type="normal", skipme=True)
        time.sleep(0.05)
