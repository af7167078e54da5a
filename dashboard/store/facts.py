"""What the Redis server says about itself, for the system checks and `serve`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import redis

from dashboard.errors import StoreUnavailable
from dashboard.store.client import client


@dataclass(frozen=True)
class ServerFacts:
    """What decides whether the data is safe on a server."""

    version: tuple[int, ...]
    maxmemory_bytes: int
    eviction_policy: str


def server_facts() -> ServerFacts:
    """Ask the server, of a cluster every one that takes writes: what is worst of them counts. One round trip each.

    Raises StoreUnavailable when it does not answer or does not let this user ask, EmbeddedServerError.
    """
    try:
        found = [_facts(server.info()) for server in client().servers()]
    except redis.RedisError as error:
        raise StoreUnavailable("Redis does not let this user read INFO.") from error
    worst = next((one for one in found if one.maxmemory_bytes and one.eviction_policy != "noeviction"), found[0])
    return replace(worst, version=min(one.version for one in found))


def _facts(info: dict[str, Any]) -> ServerFacts:
    return ServerFacts(
        version=tuple(int(part) for part in str(info["redis_version"]).split(".")[:2]),
        maxmemory_bytes=int(info.get("maxmemory", 0)),
        eviction_policy=str(info.get("maxmemory_policy", "noeviction")),
    )
