"""How long anything waits for Redis: an answer is bounded as a whole, and so are all calls of a request together.

The driver's own time-out starts anew with every packet, so that an answer that trickles in could take for ever.
"""

from __future__ import annotations

import os
import select
import socket
import time
from contextvars import ContextVar
from typing import Any

import redis
from redis._parsers import _HiredisParser
from redis._parsers.hiredis import NOT_ENOUGH_DATA
from redis.utils import SENTINEL

#: When the work in hand must be done (monotonic seconds), None for work without a limit.
_until: ContextVar[float | None] = ContextVar("until", default=None)


class OutOfTimeError(redis.TimeoutError):
    """Raised when nothing is asked of the server any more, as the time for it is over."""


class time_limit:  # noqa: N801 - a context manager, without the generator that makes one cost three times that
    """Bound how long everything inside waits for Redis, all calls together; StoreUnavailable is raised after that."""

    __slots__ = ("_seconds", "_token")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        self._token = _until.set(time.monotonic() + self._seconds)

    def __exit__(self, *error: object) -> None:
        _until.reset(self._token)


class in_steps:  # noqa: N801 - as above
    """Lift the limit for work of many small steps, each of which has a limit of its own."""

    __slots__ = ("_token",)

    def __enter__(self) -> None:
        self._token = _until.set(None)

    def __exit__(self, *error: object) -> None:
        _until.reset(self._token)


def check_time() -> None:
    """Raise OutOfTimeError when the time for the work in hand is over."""
    until = _until.get()
    if until is not None and time.monotonic() >= until:
        raise OutOfTimeError("no time is left for this request")


class TimedParser(_HiredisParser):
    """The driver's parser, with a limit to the time that a whole answer takes."""

    def read_response(self, *args: Any, **options: Any) -> Any:
        self._answer_until: float | None = None
        return super().read_response(*args, **options)

    def on_connect(self, connection: Any, **options: Any) -> None:
        """Begin with a connection that is open."""
        super().on_connect(connection, **options)
        self._poll = select.poll()
        self._poll.register(connection._sock, select.POLLIN)

    def has_news(self) -> bool:
        """Tell whether the server has hung up, or said something that nobody asked for."""
        return self._reader.has_data() or bool(self._poll.poll(0))

    def exchange(self, packed: bytes) -> Any:
        """Send a command and return its answer; an error of the server's for the command is returned too.

        Raises redis.ConnectionError, redis.TimeoutError: the connection cannot be used any more then.
        """
        self._answer_until, answer = None, NOT_ENOUGH_DATA
        try:
            _send(self._sock, packed)
            while answer is NOT_ENOUGH_DATA:
                self.read_from_socket()
                answer = self._reader.gets()
        except TimeoutError as error:
            raise redis.TimeoutError("the server takes too long") from error
        except OSError as error:
            raise redis.ConnectionError("the connection broke") from error
        if isinstance(answer, redis.ConnectionError):
            raise answer
        return answer

    def read_from_socket(self, timeout: Any = SENTINEL, raise_on_timeout: bool = True) -> bool:
        """Wait for the next bytes of the answer. Raises redis.TimeoutError."""
        if timeout is not SENTINEL or self._socket_timeout is None:
            return bool(super().read_from_socket(timeout, raise_on_timeout))
        now, until = time.monotonic(), _until.get()
        if self._answer_until is None:
            self._answer_until = now + self._socket_timeout
            if until is None or until >= self._answer_until:
                return bool(super().read_from_socket(raise_on_timeout=raise_on_timeout))
        left = (self._answer_until if until is None else min(self._answer_until, until)) - now
        if left <= 0:
            raise redis.TimeoutError("the answer takes too long")
        return bool(super().read_from_socket(left, raise_on_timeout))


def _send(to: socket.socket, data: bytes) -> None:
    """Send all of it; a socket with a time limit would first ask the system whether it may, which it mostly may."""
    try:
        sent = os.write(to.fileno(), data)
    except BlockingIOError:
        sent = 0
    if sent < len(data):
        to.sendall(data[sent:])
