"""Which server of a Redis Cluster holds which slots, and a client for each server.

What is known is kept until a server contradicts it or fails; then any node is asked anew, within a bounded time.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import redis
from redis.crc import REDIS_CLUSTER_HASH_SLOTS
from redis.exceptions import ClusterDownError, ResponseError
from redis.utils import str_if_bytes

#: Seconds to wait for one node to tell how things stand, and for all that are asked.
ASK_S, REFRESH_S = 0.7, 2.0

Address = tuple[str, int]


class Shards:
    """The servers of a cluster, for many threads.

    `make` returns a client of one server, `connect` a connection of its own with a limit in seconds.
    """

    def __init__(
        self, seeds: Sequence[Address], *, make: Callable[[Address], Any], connect: Callable[[Address, float], Any]
    ) -> None:
        self._seeds, self._make, self._connect = list(seeds), make, connect
        self._clients: dict[Address, Any] = {}
        self._owners: list[Address | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
        self._replicas: set[Address] = set()
        self._troubled: set[Address] = set()
        self._is_outdated = True
        self._refreshed_at = self._failed_at = float("-inf")
        self._turn, self._changing = threading.Lock(), threading.Lock()

    def owner(self, slot: int) -> Any:
        """Return the client of the server that holds a slot. Raises redis.ConnectionError, ClusterDownError."""
        if self._is_outdated:
            self.refresh()
        address = self._owners[slot]
        if address is None:
            raise ClusterDownError("CLUSTERDOWN Hash slot not served")
        return self.client(address)

    def client(self, address: Address) -> Any:
        """Return the client of one server."""
        found = self._clients.get(address)
        if found is None:
            with self._changing:
                found = self._clients.setdefault(address, self._make(address))
        return found

    def primaries(self) -> list[Any]:
        """Return a client for each server that holds slots. Raises redis.ConnectionError, ClusterDownError."""
        if self._is_outdated:
            self.refresh()
        owners = sorted({owner for owner in self._owners if owner})
        if not owners:
            self._is_outdated = True
            raise ClusterDownError("CLUSTERDOWN no slot is served")
        return [self.client(address) for address in owners]

    def layout(self) -> tuple[Address | None, ...]:
        """Return the owner of each slot as they stand now: one round trip."""
        self.refresh()
        return tuple(self._owners)

    def moved(self, slot: int, address: Address) -> None:
        """Take note that a slot has another owner; whatever else has moved with it is asked for next."""
        owners = list(self._owners)
        owners[slot] = address
        self._owners, self._is_outdated = owners, True

    def failed(self, address: Address) -> None:
        """Take note that a server failed, and may have been replaced."""
        self._troubled.add(address)
        self._is_outdated = True

    def refresh(self) -> None:
        """Ask the nodes until one tells how things stand. Raises redis.ConnectionError."""
        asked_at = time.monotonic()
        with self._turn:
            if self._refreshed_at >= asked_at:
                return
            if self._failed_at >= asked_at:
                # Waiting for the same answer again would only add up, thread by thread.
                raise redis.ConnectionError("no node of the cluster answers")
            begun_at = time.monotonic()
            # What is found to be wrong from here on is of the new state.
            self._is_outdated = False
            try:
                address, ranges = self._ask()
            except redis.ConnectionError:
                self._is_outdated, self._failed_at = True, begun_at
                raise
            self._take(address, ranges)
            self._refreshed_at = begun_at

    def _ask(self) -> tuple[Address, list[Any]]:
        known = {owner for owner in self._owners if owner} | self._replicas
        order = [address for address in known if address not in self._troubled]
        random.shuffle(order)
        order += [address for address in self._seeds if address not in order]
        order += [address for address in known if address not in order]
        until, failure = time.monotonic() + REFRESH_S, None
        for address in order:
            if time.monotonic() >= until:
                break
            try:
                found = self._slots(address)
            except (redis.ConnectionError, redis.TimeoutError, OSError) as error:
                failure = error
                self._troubled.add(address)
            else:
                self._troubled.discard(address)
                return address, found
        raise redis.ConnectionError("no node of the cluster answers") from failure

    def _slots(self, address: Address) -> list[Any]:
        connection = self._connect(address, ASK_S)
        try:
            connection.connect()
            connection.send_command("CLUSTER", "SLOTS")
            found: list[Any] = connection.read_response()
        except ResponseError as error:
            if "cluster support disabled" not in str(error):
                raise redis.ConnectionError("the node does not tell the slots of the cluster") from error
            # A server of its own that keeps the names of a cluster holds every slot.
            return [[0, REDIS_CLUSTER_HASH_SLOTS - 1, address]]
        finally:
            connection.disconnect()
        return found

    def _take(self, asked: Address, ranges: Iterable[Any]) -> None:
        owners: list[Address | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
        replicas: set[Address] = set()
        for first, last, owner, *others in ranges:
            owners[first : last + 1] = [_address(owner, asked)] * (last - first + 1)
            replicas.update(_address(other, asked) for other in others)
        gone = self._clients.keys() - replicas - {owner for owner in owners if owner}
        with self._changing:
            self._owners, self._replicas = owners, replicas
            self._troubled -= gone
            clients = [self._clients.pop(address) for address in gone]
        for client in clients:
            client.connection_pool.disconnect(inuse_connections=False)


def _address(node: Sequence[Any], asked: Address) -> Address:
    """Return the address that a node is named by; one without a host is reached as the node that names it."""
    host = str_if_bytes(node[0]) if node[0] else ""
    return (host if host not in ("", "?") else asked[0], int(node[1]))
