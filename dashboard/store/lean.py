"""Calls without what the driver does around each: that costs as much as the server's answer.

The connections are the driver's, taken from the client's pool and kept; they end with it. What goes wrong with a call
that only reads is found out again, and told, by the driver's usual way.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import hiredis
import redis

from dashboard.store.client import StoreClient, translated
from dashboard.store.time_limit import TimedParser, check_time

Word = str | bytes | int


class Command:
    """A command that is sent often: its first words are packed once, the last ones differ from call to call."""

    def __init__(self, words: Sequence[Word], *, rest: int) -> None:
        self.words = tuple(words)
        self._start = _number(len(words) + rest) + _packed(self.words)[len(_number(len(words))) :]
        #: What is left out of the last words as they are packed: how many they are.
        self._skipped = len(_number(rest))

    def packed(self, rest: Sequence[Word]) -> bytes:
        """Return the whole command as it travels."""
        return self._start + _packed(tuple(rest))[self._skipped :]


def _number(words: int) -> bytes:
    return b"*%d\r\n" % words


def _packed(words: tuple[Any, ...]) -> bytes:
    packed: bytes = hiredis.pack_command(words)
    return packed


class KeptConnections:
    """Connections of one pool that are not in use; one more is taken whenever none is left."""

    def __init__(self, pool: redis.ConnectionPool) -> None:
        self._pool = pool
        self._idle: list[Any] = []
        self._owner = os.getpid()

    def ask(self, packed: bytes, *, is_sure: bool = False) -> Any:
        """Send a command and return its answer. Raises the driver's errors; there is no second try.

        `is_sure` opens a connection anew that was dropped while nobody used it: a command that changes something would
        leave in doubt whether it did.
        """
        connection = self._take()
        is_clean = False
        try:
            if is_sure and _has_news(connection):
                connection.disconnect()
            reply = _exchange(connection, packed)
            is_clean = True
            return reply
        except redis.RedisError:
            # The server has answered with it, or the driver has closed the connection, which opens again when used.
            is_clean = True
            raise
        finally:
            if not is_clean:
                connection.disconnect()
            self._idle.append(connection)

    def _take(self) -> Any:
        if self._owner != os.getpid():  # a fork's connections are its parent's
            self._idle, self._owner = [], os.getpid()
        try:
            return self._idle.pop()
        except IndexError:
            return self._pool.get_connection()


def _exchange(connection: Any, packed: bytes) -> Any:
    """Send a command and return its answer. Raises the driver's errors; the connection is fit for the next one then."""
    parser = connection._parser
    if not _is_plain(connection):
        connection.send_packed_command((packed,), check_health=False)
        return connection.read_response()
    try:
        reply = parser.exchange(packed)
    except redis.RedisError:
        connection.disconnect()
        raise
    if isinstance(reply, redis.ResponseError):
        raise reply
    return reply


def _is_plain(connection: Any) -> bool:
    """Tell whether a connection is open, not encrypted, and has our parser."""
    return type(connection._parser) is TimedParser and type(connection._sock) is socket.socket


def _has_news(connection: Any) -> bool:
    """Tell whether the server has hung up, or said something that nobody asked for."""
    if connection._sock is None:
        return False
    if _is_plain(connection):
        return bool(connection._parser.has_news())
    try:
        return bool(connection.can_read())
    except redis.ConnectionError:
        return True


_kept: WeakKeyDictionary[Any, KeptConnections | None] = WeakKeyDictionary()


def kept(client: Any) -> KeptConnections | None:
    """Return the connections of a client, None where they may lead to several servers."""
    try:
        return _kept[client]
    except KeyError:
        # Only of a plain pool it is certain that all its connections lead to the same server for ever.
        is_plain = type(client) is StoreClient and type(client.connection_pool) is redis.ConnectionPool
        found = _kept[client] = KeptConnections(client.connection_pool) if is_plain else None
        return found


def read(client: Any, command: Command, rest: Sequence[Word] = ()) -> Any:
    """Run a command that changes nothing, twice should its connection have been dropped. Raises as any command does."""
    connections = kept(client)
    if connections is None:
        return client.execute_command(*command.words, *rest)
    try:
        check_time()
        return connections.ask(command.packed(rest))
    except redis.ConnectionError:
        return client.execute_command(*command.words, *rest)
    except redis.RedisError:
        with translated():
            raise
