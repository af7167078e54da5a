"""Lets Django's cache share the store's connection, whatever server that leads to, and count in one round trip."""

from __future__ import annotations

from typing import Any

from django_redis.client import DefaultClient

from dashboard.store.client import client
from dashboard.store.scripts import script

#: Counters a process remembers having met; a user has one in each window of time.
REMEMBERED = 10_000


class ConnectionFactory:
    """What django-redis asks for connections; a server that is away is StoreUnavailable here too, never ignored."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options

    def connect(self, url: str) -> Any:
        """Return the process-wide client; the address is the one it already knows."""
        return client()

    def disconnect(self, connection: Any) -> None:
        """Keep the connections: they are the store's to close."""


class CountingClient(DefaultClient):
    """django-redis's, for counters that are added and then only counted up, as rate limits do for every request.

    `add` takes it for granted that a counter exists which this process has met; if it has run out or was swept away,
    `incr` starts it anew, with the time to live it had.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lifetimes_ms: dict[str, int] = {}

    def add(self, key: Any, value: Any, timeout: Any = None, version: int | None = None, client: Any = None) -> bool:
        """Store a value unless there is one; tell whether it was stored."""
        if not isinstance(value, int) or not isinstance(timeout, int):
            return bool(super().add(key, value, timeout, version, client))
        name = str(self.make_key(key, version=version))
        if name in self._lifetimes_ms:
            return False
        if len(self._lifetimes_ms) >= REMEMBERED:
            self._lifetimes_ms.clear()
        self._lifetimes_ms[name] = timeout * 1000
        return bool(super().add(key, value, timeout, version, client))

    def incr(self, key: Any, delta: int = 1, version: int | None = None, *args: Any, **kwargs: Any) -> int:
        """Add to a counter and return it. Raises ValueError for one that is unknown and not there."""
        name = str(self.make_key(key, version=version))
        lifetime_ms = self._lifetimes_ms.get(name)
        if lifetime_ms is None:
            return int(super().incr(key, delta, version, *args, **kwargs))
        return int(script("count")([name], [delta, lifetime_ms]))
