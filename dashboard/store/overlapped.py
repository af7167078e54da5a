"""Asking the server for the next thing before the last one is worked on, so that neither waits for the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import hiredis
import redis

from dashboard.errors import StoreUnavailable
from dashboard.store.client import client, is_unavailable, translated

Command = tuple[Any, ...]


class Exchange:
    """Sends commands on a connection of its own, and hands out their answers in the order they were sent.

    `key` is one of the session asked about. Where there is no single connection to be had, commands are sent when their
    answers are wanted. Every method may raise StoreUnavailable; nothing can be sent after that.
    """

    def __init__(self, key: str) -> None:
        self._waiting: deque[Sequence[Command]] = deque()
        self._pool = connection_pool(key)
        self._connection: Any = None
        if self._pool is not None:
            with translated():
                self._connection = self._pool.get_connection()

    def __enter__(self) -> Exchange:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def send(self, commands: Sequence[Command]) -> None:
        """Send commands; the answers are read by one `receive` for each `send`."""
        self._waiting.append(commands)
        if self._pool is None or not commands:
            return
        if self._connection is None:
            raise StoreUnavailable()
        try:
            with translated():
                # As one text: the driver would cut it into pieces, each of which wakes the server.
                self._connection.send_packed_command([b"".join(map(hiredis.pack_command, commands))])
        except BaseException:
            self.close()
            raise

    def receive(self) -> list[Any]:
        """Return the answers to the oldest `send`; a command that fails by itself has its error as its answer."""
        commands = self._waiting.popleft()
        if not commands:
            return []
        if self._pool is None:
            pipe = client().pipeline()
            for command in commands:
                pipe.execute_command(*command)
            answers: list[Any] = pipe.answers()
            return answers
        if self._connection is None:
            raise StoreUnavailable()
        try:
            with translated():
                return [self._read() for _ in commands]
        except BaseException:
            self.close()
            raise

    def _read(self) -> Any:
        try:
            return self._connection.read_response(disable_decoding=True)
        except (redis.exceptions.MovedError, redis.exceptions.AskError) as error:
            # The key is being moved to another server of the cluster: whoever asks begins anew there.
            raise redis.ConnectionError("the key is on another server by now") from error
        except redis.ResponseError as error:
            if is_unavailable(error):
                raise
            return error

    def drain(self) -> None:
        """Wait until everything that was sent is done; what became of it is not told."""
        while self._waiting:
            self.receive()

    def close(self) -> None:
        """Give the connection back; one with answers outstanding is hung up. May be called again."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            if self._waiting:
                connection.disconnect()
            self._pool.release(connection)


def connection_pool(key: str) -> Any:
    """Return the pool of connections to the server that holds a key; None where there are no real connections."""
    pool = client().pool_of(key)
    return pool if issubclass(pool.connection_class, redis.connection.AbstractConnection) else None


def is_script_unknown(answer: Any) -> bool:
    """Tell whether a command failed as the server does not know its script: it was started again, or told to forget."""
    return isinstance(answer, redis.exceptions.NoScriptError)
