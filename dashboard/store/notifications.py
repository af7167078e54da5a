"""Keyspace notifications: what any program changes, told by the server, on a connection of its own.

A connection that is lost stays lost, unlike the driver's own listener, which takes it up again silently: whoever
listens has to know that it missed something.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import redis

from dashboard.errors import DashboardError, StoreUnavailable
from dashboard.store import keys as store_keys
from dashboard.store.client import client, translated
from dashboard.tolerant import from_bytes

#: What has to be on in `notify-keyspace-events`: texts set (`$`), keys deleted and renamed (`g`), expired, evicted.
FLAGS = "Kg$xe"
#: What the flag `A` stands for, as far as it concerns us.
_ALL = "g$xe"
SETTING = "notify-keyspace-events"
#: On a cluster: seconds between two turns around the servers, and two looks at whether these are still all there are.
TURN_S, LOOK_S = 0.02, 1.0
#: Messages handed over at once, so that whoever listens gets to its work in between.
MOST_MESSAGES = 5_000
RECORD, SUMMARY, HEARTBEAT, WRITTEN = "record", "summary", "heartbeat", "written"


class ListeningRefused(DashboardError):
    """Raised when the server does not let this user listen."""


class ServersChanged(StoreUnavailable):
    """Raised when others have to be listened to: something may have been missed, although all servers answer."""


class Message(NamedTuple):
    """What was told: the kind, the key (of a WRITTEN none), and the event (of a WRITTEN what was written, JSON)."""

    kind: str
    key: str
    event: bytes


class Line:
    """Hears what one server tells; every method may raise StoreUnavailable, ListeningRefused, and closes then."""

    def __init__(self, pool: redis.ConnectionPool) -> None:
        self.is_open = True
        self._pool = pool
        with translated():
            self._connection: Any = pool.get_connection()
        prefix = f"__keyspace@{self._connection.db}__:"
        patterns = {f"{prefix}{store_keys.RECORDS}": RECORD, f"{prefix}{store_keys.SUMMARIES}": SUMMARY}
        channels = {f"{prefix}{store_keys.FOLLOWER}": HEARTBEAT, store_keys.WRITTEN: WRITTEN}
        self._kinds = {name.encode(): kind for name, kind in (patterns | channels).items()}
        self._start = len(prefix)
        self._empty_at = time.monotonic()
        with self._or_closed():
            self._connection.send_command("PSUBSCRIBE", *patterns)
            self._connection.send_command("SUBSCRIBE", *channels)
            for _ in self._kinds:
                self._connection.read_response(disable_decoding=True)

    @contextmanager
    def _or_closed(self) -> Iterator[None]:
        try:
            with translated():
                yield
        except redis.ResponseError as error:
            self.close()
            raise ListeningRefused("The server does not let this user listen to keyspace notifications.") from error
        except BaseException:
            self.close()
            raise

    def receive(self, timeout_s: float) -> tuple[list[Message], float]:
        """Wait for the first message; return what has come, and a time (monotonic) before which none of it came."""
        if not self.is_open:
            raise StoreUnavailable()
        found: list[Message] = []
        connection, kinds, start = self._connection, self._kinds, self._start
        with self._or_closed():
            is_there, since = connection.can_read(timeout=0), self._empty_at
            if not is_there:
                is_there, since = connection.can_read(timeout=timeout_s), time.monotonic()
            while is_there and len(found) < MOST_MESSAGES:
                # Of a pattern: pmessage, pattern, channel, event; of a channel: message, channel, event.
                answer = connection.read_response(disable_decoding=True)
                kind = kinds.get(answer[1])
                if kind is not None and len(answer) >= 3:
                    key = "" if kind == WRITTEN else from_bytes(answer[-2])[start:]
                    found.append(Message(kind, key, answer[-1]))
                empty_at = time.monotonic()
                is_there = connection.can_read(timeout=0)
            if found and not is_there:
                self._empty_at = empty_at
        return found, since

    def close(self) -> None:
        """Hang up; may be called again."""
        if self.is_open:
            self.is_open = False
            # A connection that listens can serve nothing else.
            self._connection.disconnect()
            self._pool.release(self._connection)


class Listener:
    """Hears of every change of a record or a summary. Every method may raise StoreUnavailable, and is closed then.

    On a cluster each server tells of its own keys alone, so that all of them are listened to; slots that have moved
    count as a lost connection, since what happened to their keys meanwhile may have been told to nobody.
    """

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self._known, self._look_at = _state(), time.monotonic() + LOOK_S
        try:
            for server in client().servers():
                self._lines.append(Line(server.connection_pool))
        except BaseException:
            self.close()
            raise
        self._look()

    @property
    def is_open(self) -> bool:
        return bool(self._lines) and all(line.is_open for line in self._lines)

    def receive(self, timeout_s: float) -> tuple[list[Message], float]:
        """Wait for the first message; return what has come, and a time (monotonic) before which none of it came."""
        if not self.is_open:
            raise StoreUnavailable()
        try:
            if len(self._lines) == 1 and not client().is_cluster:
                return self._lines[0].receive(timeout_s)
            return self._receive_all(timeout_s)
        except BaseException:
            self.close()
            raise

    def _receive_all(self, timeout_s: float) -> tuple[list[Message], float]:
        until = time.monotonic() + timeout_s
        while True:
            if time.monotonic() >= self._look_at:
                self._look()
            heard = [line.receive(0) for line in self._lines]
            left = until - time.monotonic()
            if any(messages for messages, _ in heard) or left <= 0:
                found = [message for messages, _ in heard for message in messages]
                return found, min((since for messages, since in heard if messages), default=heard[0][1])
            time.sleep(min(left, TURN_S))

    def _look(self) -> None:
        """See that the servers listened to are still all there are, and tell what they told."""
        self._look_at = time.monotonic() + LOOK_S
        if client().is_cluster and _state() != self._known:
            self.close()
            raise ServersChanged("Slots of the cluster have moved, or its servers' settings have changed.")

    def close(self) -> None:
        """Hang up; may be called again."""
        for line in self._lines:
            line.close()


def _state() -> Any:
    """Return which server of a cluster holds which slots, and what none of them tells."""
    return (client().layout(), missing_flags()) if client().is_cluster else None


def missing_flags() -> str | None:
    """Return which of FLAGS a server's setting lacks, '' for none; None when one does not let us ask."""
    try:
        settings = [server.config_get(SETTING) for server in client().servers()]
    except redis.ResponseError:
        return None
    lacking = [flag for found in settings for flag in FLAGS if flag not in _known(str(found.get(SETTING, "")))]
    return "".join(dict.fromkeys(lacking))


def _known(flags: str) -> str:
    return flags + (_ALL if "A" in flags else "")


def enable_notifications() -> bool:
    """Add FLAGS to the setting of every server, until it restarts; tell whether the servers let us."""
    try:
        for server in client().servers():
            flags = str(server.config_get(SETTING).get(SETTING, ""))
            server.config_set(SETTING, "".join(dict.fromkeys(flags + FLAGS)))
    except redis.ResponseError:
        return False
    return True
