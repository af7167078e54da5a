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
#: Messages handed over at once, so that whoever listens gets to its work in between.
MOST_MESSAGES = 5_000
RECORD, SUMMARY, HEARTBEAT, WRITTEN = "record", "summary", "heartbeat", "written"


class ListeningRefused(DashboardError):
    """Raised when the server does not let this user listen."""


class Message(NamedTuple):
    """What was told: the kind, the key (of a WRITTEN none), and the event (of a WRITTEN what was written, JSON)."""

    kind: str
    key: str
    event: bytes


class Listener:
    """Hears of every change of a record or a summary. Every method may raise StoreUnavailable, and is closed then."""

    def __init__(self) -> None:
        self.is_open = True
        self._pool = client().connection_pool
        with translated():
            self._connection: Any = self._pool.get_connection()
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


def missing_flags() -> str | None:
    """Return which of FLAGS the server's setting lacks, '' for none; None when it does not let us ask."""
    try:
        flags = str(client().config_get("notify-keyspace-events").get("notify-keyspace-events", ""))
    except redis.ResponseError:
        return None
    known = flags + (_ALL if "A" in flags else "")
    return "".join(flag for flag in FLAGS if flag not in known)


def enable_notifications() -> bool:
    """Add FLAGS to the server's setting, until it restarts; tell whether the server lets us."""
    try:
        flags = str(client().config_get("notify-keyspace-events").get("notify-keyspace-events", ""))
        client().config_set("notify-keyspace-events", "".join(dict.fromkeys(flags + FLAGS)))
    except redis.ResponseError:
        return False
    return True
