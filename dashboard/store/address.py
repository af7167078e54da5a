"""How another process of ours reaches the store that this one uses, which need not be the one of the settings."""

from __future__ import annotations

from typing import Any, NamedTuple

import redis
from redis.backoff import NoBackoff

from dashboard.store.attempts import RememberingRetry
from dashboard.store.client import RETRIES, StoreClient, client
from dashboard.store.time_limit import TimedParser

#: What each client has of its own among the options of its connections.
_OWN = frozenset({"retry", "parser_class", "himport_registry"})


class Address(NamedTuple):
    """A kind of connection, and its options, all of which can be handed to another process."""

    kind: type
    options: dict[str, Any]


def address() -> Address | None:
    """Return how the store is reached; None where that is more than one address, or cannot be handed on."""
    store = client()
    if type(store) is not StoreClient or type(store.connection_pool) is not redis.ConnectionPool:
        return None
    pool = store.connection_pool
    options = {name: value for name, value in pool.connection_kwargs.items() if name not in _OWN}
    if not all(value is None or isinstance(value, str | bytes | int | float) for value in options.values()):
        return None
    return Address(pool.connection_class, options)


def connect_to(store: Address) -> redis.Redis:
    """Return a client that reaches the store."""
    retry = RememberingRetry(NoBackoff(), RETRIES, supported_errors=(redis.ConnectionError,))
    pool = redis.ConnectionPool(
        connection_class=store.kind, **store.options, retry=retry, parser_class=TimedParser
    )  # fmt: skip
    return StoreClient(connection_pool=pool)
