"""Walks over the key space and over large keys that return everything, also when the server is replaced on the way.

A server's cursors mean nothing to the one that takes its place (after a restart, or as its replica): what was not met
yet would silently be left out. A walk that ends on another server than it began on is therefore made again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import redis

from dashboard.errors import StoreUnavailable

#: Walks begun before giving up: servers that change more often than that serve nobody.
ATTEMPTS = 5

Step = Callable[[int], tuple[int, Any]]


def walk(step: Step, identity: Callable[[], Any]) -> Iterator[Any]:
    """Yield what each step finds; `identity` tells the server it is asked of. Something may come again.

    Raises StoreUnavailable.
    """
    cursor, found = step(0)
    if cursor == 0:
        yield found
        return
    for _ in range(ATTEMPTS):
        server, is_begun = identity(), False
        while cursor != 0 or not is_begun:
            cursor, found = step(cursor if is_begun else 0)
            is_begun = True
            yield found
        if identity() == server:
            return
    raise StoreUnavailable("The data store was replaced again and again while its keys were read.")


class WalkingMixin:
    """The driver's iterators over scans, made whole; each may yield something twice. All may raise StoreUnavailable.

    Cost: beside the steps, two round trips for what takes more than one step.
    """

    #: Whether keys of different sessions lie on different servers.
    is_cluster = False

    def servers(self) -> list[Any]:
        """Return a client for each server that takes writes; one for itself where there is but one."""
        return [self]

    def identity(self, key: str | None = None) -> Any:
        """Return what tells the server that holds a key from any other, and from itself after a restart.

        None where the user may not ask for it.
        """
        try:
            return self.info("server").get("run_id")  # type: ignore[attr-defined]
        except redis.ResponseError:
            return None

    def pool_of(self, key: str) -> redis.ConnectionPool:
        """Return the connections to the server that holds a key."""
        return self.connection_pool  # type: ignore[attr-defined,no-any-return]

    def scan_steps(self, match: Any, *, count: int | None) -> Iterator[list[bytes]]:
        """Yield the keys that match, those of each step together; most steps may be empty."""

        def step(cursor: int) -> tuple[int, list[bytes]]:
            return self.scan(cursor=cursor, match=match, count=count)  # type: ignore[attr-defined,no-any-return]

        yield from walk(step, self.identity)

    def scan_iter(
        self, match: Any = None, count: int | None = None, _type: str | None = None, **options: Any
    ) -> Iterator[bytes]:
        """Yield the keys that match; of every type, as nobody asks for one."""
        assert _type is None and not options
        for found in self.scan_steps(match, count=count):
            yield from found

    def sscan_iter(self, name: Any, match: Any = None, count: int | None = None) -> Iterator[bytes]:
        """Yield the members of a set."""
        for found in self._steps("sscan", name, match=match, count=count):
            yield from found

    def sscan_steps(self, name: Any, *, count: int) -> Iterator[list[bytes]]:
        """Yield the members of a set, those of each step together."""
        return self._steps("sscan", name, count=count)

    def hscan_iter(
        self, name: Any, match: Any = None, count: int | None = None, no_values: bool | None = None
    ) -> Iterator[Any]:
        """Yield the fields of a hash with their values, or alone."""
        for found in self._steps("hscan", name, match=match, count=count, no_values=no_values):
            yield from found if no_values else found.items()

    def zscan_iter(
        self, name: Any, match: Any = None, count: int | None = None, score_cast_func: Any = float
    ) -> Iterator[tuple[bytes, Any]]:
        """Yield the members of a sorted set with their scores."""
        for found in self._steps("zscan", name, match=match, count=count, score_cast_func=score_cast_func):
            yield from found

    def _steps(self, command: str, name: Any, **options: Any) -> Iterator[Any]:
        method = getattr(self, command)
        return walk(lambda cursor: method(name, cursor=cursor, **options), lambda: self.identity(name))
