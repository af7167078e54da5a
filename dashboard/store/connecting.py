"""Making the client that the settings ask for where Redis is several servers: a cluster, or what sentinels watch."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.crc import key_slot
from redis.retry import Retry
from redis.sentinel import MasterNotFoundError, SentinelManagedConnection, SentinelManagedSSLConnection

from dashboard.errors import StoreUnavailable
from dashboard.store.awaited import AwaitingMixin, await_writes
from dashboard.store.client import StoreClient, StorePipeline, TranslatingMixin, translated
from dashboard.store.cluster import RoutedClient, address_of
from dashboard.store.cluster_pipeline import ClusterPipeline
from dashboard.store.shards import Address, Shards
from dashboard.store.walking import walk

#: Seconds to wait for one sentinel, and for which nobody asks again after none knew a master.
SENTINEL_S, NOBODY_S = 0.5, 0.5
#: Rounds over the key space of a cluster whose slots move meanwhile.
ROUNDS = 5


class ClusterClient(TranslatingMixin, RoutedClient):
    """The store's client before a cluster."""

    is_cluster = True

    def pipeline(self, transaction: bool = False, shard_hint: Any = None) -> StorePipeline:
        return ClusterPipeline(self)

    def servers(self) -> list[Any]:
        """Return a client for each server that holds slots."""
        with translated():
            return [StoreClient(connection_pool=server.connection_pool) for server in self.shards.primaries()]

    def identity(self, key: str | None = None) -> Any:
        """Return what tells the server that holds a key."""
        assert key is not None
        server = self._owner(key)
        return address_of(server), server.identity()

    def pool_of(self, key: str) -> redis.ConnectionPool:
        """Return the connections to the server that holds a key by now: one round trip, as nobody redirects them."""
        with translated():
            self.shards.refresh()
            pool: redis.ConnectionPool = self.shards.owner(self.slot(key)).connection_pool
        return pool

    def layout(self) -> tuple[Address | None, ...]:
        """Return the owner of each slot as they stand now: one round trip."""
        with translated():
            return self.shards.layout()

    def await_replicas(self, keys: Iterable[str]) -> None:
        """Wait, if writes do, until replicas have all that the servers of some keys have. Raises NotReplicated."""
        if not (replicas := settings.REDIS_WAIT_REPLICAS):
            return
        with translated():
            for key in {address_of(self.shards.owner(self.slot(key))): key for key in keys}.values():
                await_writes(self.shards.owner(self.slot(key)), key, replicas)

    def scan_steps(self, match: Any, *, count: int | None) -> Iterator[list[bytes]]:
        """Yield the keys that match; a pattern with a whole hash tag is looked for where that belongs."""
        start = _literal_start(match or "")
        if "}" in start.partition("{")[2][1:]:
            yield from walk(
                lambda cursor: self._scan(self._owner(start), cursor, match, count), lambda: self.identity(start)
            )
            return
        layout = self.layout()
        wanted = {address for address in layout if address}
        for _ in range(ROUNDS):
            for address in sorted(wanted):
                server = StoreClient(connection_pool=self.shards.client(address).connection_pool)
                yield from walk(lambda cursor, asked=server: self._scan(asked, cursor, match, count), server.identity)  # type: ignore[misc]
            # A server that has taken slots over meanwhile may hold keys that were on none of the others when asked.
            before, layout = layout, self.layout()
            wanted = {address for address, old in zip(layout, before, strict=True) if address and address != old}
            if not wanted:
                return
        raise StoreUnavailable("The slots of the cluster moved again and again while its keys were read.")

    def _owner(self, key: str) -> Any:
        with translated():
            return StoreClient(connection_pool=self.shards.owner(self.slot(key)).connection_pool)

    def _scan(self, server: Any, cursor: int, match: Any, count: int | None) -> tuple[int, list[bytes]]:
        found: tuple[int, list[bytes]] = server.scan(cursor=cursor, match=match, count=count)
        return found

    def slot(self, key: str) -> int:
        return int(key_slot(key.encode()))


def _literal_start(pattern: str) -> str:
    """Return what every key that matches begins with."""
    start, letters = "", iter(pattern)
    for letter in letters:
        if letter in "*?[":
            break
        start += next(letters, "") if letter == "\\" else letter
    return start


class AwaitedServer(AwaitingMixin, redis.Redis):
    """One server of a cluster whose replicas have to have what was written."""


class AwaitedClient(TranslatingMixin, AwaitingMixin, redis.Redis):
    """The store's client before one server whose replicas have to have what was written."""


def cluster_client(url: str, options: Mapping[str, Any], *, replicas: int = 0) -> ClusterClient:
    """Return a client for the cluster that some of the addresses, parted by commas, belong to."""
    parts = urlsplit(url)
    user, _, hosts = parts.netloc.rpartition("@")
    seeds: list[Address] = []
    common: dict[str, Any] = {}
    for host in hosts.split(","):
        found = parse_url(urlunsplit(parts._replace(netloc=f"{user}@{host}" if user else host)))
        seeds.append((found.pop("host", "localhost"), found.pop("port", 6379)))
        common = {name: value for name, value in found.items() if name != "db"}
    connection_class = common.pop("connection_class", redis.Connection)
    common |= options

    def make(address: Address) -> redis.Redis:
        pool = redis.ConnectionPool(connection_class=connection_class, host=address[0], port=address[1], **common)
        if not replicas:
            return redis.Redis(connection_pool=pool)
        server = AwaitedServer(connection_pool=pool)
        server.replicas = replicas
        return server

    def connect(address: Address, seconds: float) -> Any:
        bounds = {"socket_timeout": seconds, "socket_connect_timeout": seconds, "retry": Retry(NoBackoff(), 0)}
        return connection_class(host=address[0], port=address[1], **(common | bounds))

    return ClusterClient(Shards(seeds, make=make, connect=connect), seeds[0])


class _Sentinels(redis.Sentinel):
    """The driver's, without asking again and again while nobody knows a master."""

    _nobody_until = float("-inf")

    def discover_master(self, service_name: str) -> Any:
        if time.monotonic() < self._nobody_until:
            raise MasterNotFoundError(f"No sentinel knows a master of {service_name}")
        try:
            return super().discover_master(service_name)
        except MasterNotFoundError:
            self._nobody_until = time.monotonic() + NOBODY_S
            raise


class _HangingUp:
    """Ends a connection whose answer did not come in time, as the driver does everywhere but here.

    Left open, it would hand that answer to whoever asks next, and never lead to another master.
    """

    def read_response(self, disable_decoding: bool = False, **options: Any) -> Any:
        return super().read_response(disable_decoding, **({"disconnect_on_error": True} | options))  # type: ignore[misc]


class _Connection(_HangingUp, SentinelManagedConnection):
    """A connection to the master that the sentinels name when it is made."""


class _SSLConnection(_HangingUp, SentinelManagedSSLConnection):
    """The same, over TLS."""


def sentinel_client(
    addresses: Sequence[Address], service: str, options: Mapping[str, Any], *, url: str = "",
    password: str | None = None, replicas: int = 0,
) -> redis.Redis:  # fmt: skip
    """Return a client for the master that the sentinels name at each connecting.

    `url` gives user, password, database and TLS of the server, `password` is that of the sentinels.
    """
    bounds = {"socket_timeout": SENTINEL_S, "socket_connect_timeout": SENTINEL_S, "retry": Retry(NoBackoff(), 0)}
    found = {
        name: value for name, value in (parse_url(url) if url else {}).items() if name not in ("host", "port", "path")
    }
    is_tls = found.pop("connection_class", None) is redis.SSLConnection
    found["connection_class"] = _SSLConnection if is_tls else _Connection
    sentinels = _Sentinels(list(addresses), sentinel_kwargs=bounds | {"protocol": 2, "password": password})
    kind = AwaitedClient if replicas else StoreClient
    client: redis.Redis = sentinels.master_for(service, redis_class=kind, **(found | dict(options)))
    if isinstance(client, AwaitingMixin):
        client.replicas = replicas
    return client


def connect_many(options: Mapping[str, Any]) -> redis.Redis:
    """Return the client that the settings ask for; `options` are those of each connection."""
    url, replicas = settings.REDIS_URL or "", settings.REDIS_WAIT_REPLICAS
    if settings.REDIS_SENTINELS:
        return sentinel_client(
            *settings.REDIS_SENTINELS, options, url=url, password=settings.REDIS_SENTINEL_PASSWORD, replicas=replicas
        )
    if settings.REDIS_CLUSTER and not url.startswith("unix:"):
        return cluster_client(url, options, replicas=replicas)
    if not replicas:
        return StoreClient(connection_pool=redis.ConnectionPool.from_url(url, **options))
    client = AwaitedClient(connection_pool=redis.ConnectionPool.from_url(url, **options))
    client.replicas = replicas
    return client
