"""Hearing of every key under a prefix that any program changes, for as long as one keeps a session's indexes in work.

Redis tells of it to whoever says what it caches (CLIENT TRACKING, broadcast): no setting of the server's is needed.
"""

from __future__ import annotations

from typing import Any

import redis

from dashboard.errors import DashboardError
from dashboard.store.client import translated
from dashboard.store.overlapped import connection_pool
from dashboard.tolerant import from_bytes

CHANNEL = "__redis__:invalidate"
#: Seconds to wait for the server to say that it has told all.
ANSWER_S = 3.0


class TrackingRefused(DashboardError):
    """Raised when the server cannot tell, or does not let this user hear it."""


class Tracker:
    """Hears of changes from when it is made. `is_whole` is false from when one may have been missed, for good.

    One connection asks, the other one listens, as a connection that listens can do nothing else.
    """

    def __init__(self, prefix: str) -> None:
        self.is_whole = True
        self._heard: list[str] = []
        self._pool = connection_pool(prefix)
        if self._pool is None:
            raise TrackingRefused("This server cannot tell of changes.")
        with translated():
            self._asking: Any = self._pool.get_connection()
            self._listening: Any = self._pool.get_connection()
        try:
            with translated():
                number = _ask(self._listening, "CLIENT", "ID")
                _ask(self._listening, "SUBSCRIBE", CHANNEL)
                _ask(self._asking, "CLIENT", "TRACKING", "ON", "REDIRECT", number, "BCAST", "PREFIX", prefix)
        except redis.ResponseError as error:
            self.close()
            raise TrackingRefused("The server does not let this user hear of changes.") from error
        except BaseException:
            self.close()
            raise

    def heard(self) -> list[str]:
        """Return the keys heard of since the last time, without waiting; a key may come again."""
        try:
            while self.is_whole and self._listening.can_read(timeout=0):
                self._take(self._listening.read_response(disable_decoding=True))
        except redis.RedisError:
            self.close()
        found, self._heard = self._heard, []
        return found

    def heard_all(self) -> list[str]:
        """Return the keys heard of since the last time; what was changed before this call is among them."""
        try:
            if self.is_whole:
                # Where the asking connection is gone, nothing is told any more. The server tells what it has to before
                # it answers anything that comes later.
                _ask(self._asking, "PING")
                self._listening.send_command("PING")
                is_telling = True
                while is_telling and self.is_whole:
                    answer = self._listening.read_response(disable_decoding=True, timeout=ANSWER_S)
                    is_telling = self._take(answer)
        except redis.RedisError:
            self.close()
        return self.heard()

    def _take(self, answer: Any) -> bool:
        """Take in a message; tell whether it is one, and not the answer to a PING."""
        kind = answer[0] if isinstance(answer, list) else answer
        if kind != b"message":
            return False
        if answer[2] is None:  # everything: the data set was emptied
            self.close()
        else:
            self._heard += map(from_bytes, answer[2])
        return True

    def close(self) -> None:
        """Hang up; may be called again. What was heard can still be asked for."""
        self.is_whole = False
        for name in ("_asking", "_listening"):
            connection = self.__dict__.pop(name, None)
            if connection is not None:
                # A connection that tracks, or listens, can serve nothing else.
                connection.disconnect()
                self._pool.release(connection)


def _ask(connection: Any, *command: Any) -> Any:
    connection.send_command(*command)
    return connection.read_response(disable_decoding=True)
