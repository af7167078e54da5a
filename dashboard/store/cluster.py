"""The client of a Redis Cluster: the driver's commands, each sent to the server that holds its key.

The driver has a client of its own for clusters, which is not used: its pipelines refuse scripts, and it asks for the
state of the cluster and tries again without a bound to the time that takes.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import redis
from redis.client import Pipeline
from redis.crc import key_slot
from redis.exceptions import AskError, ClusterDownError, MovedError, TryAgainError

from dashboard.store.shards import Address, Shards
from dashboard.store.time_limit import check_time

#: Redirections followed, and tries on a slot that is just being moved, before a command is given up.
ATTEMPTS = 8
#: Seconds between two tries on such a slot.
MOVING_S = 0.05
#: Commands that any server answers alike, and those that concern every one.
ANYWHERE = frozenset({"PING", "TIME", "COMMAND", "CLUSTER SLOTS"})
EVERYWHERE = frozenset({"SCRIPT LOAD", "SCRIPT FLUSH", "FLUSHALL", "FLUSHDB", "CONFIG SET"})
#: Commands that would be misunderstood if their first argument were taken for a key.
NOT_KEYED = ANYWHERE | EVERYWHERE | {"SCAN", "INFO", "CONFIG GET", "PUBLISH", "WAIT", "KEYS", "RANDOMKEY", "DBSIZE"}
#: Errors of connecting that another server would not mend.
REFUSED = (redis.AuthenticationError, redis.exceptions.MaxConnectionsError)


def slot_of(args: Sequence[Any]) -> int:
    """Return the slot of a command with a key. Raises redis.DataError for one without."""
    name = args[0]
    if name in ("EVALSHA", "EVAL"):
        place = 3 if int(args[2]) else 0
    elif name == "XREAD":
        place = next((place + 1 for place, word in enumerate(args) if word in ("STREAMS", b"STREAMS")), 0)
    else:
        place = 0 if len(args) < 2 or name in NOT_KEYED else 1
    if not place:
        raise redis.DataError(f"{name} has no key that tells where in the cluster it belongs")
    key = args[place]
    return int(key_slot(key if isinstance(key, bytes) else str(key).encode()))


class RoutedClient(redis.Redis):
    """redis-py whose commands go to the server of their key; several keys of one command have to share a slot."""

    def __init__(self, shards: Shards, seed: Address) -> None:
        self.shards = shards
        # What the driver's methods need beside `execute_command` comes from any server's client.
        super().__init__(connection_pool=shards.client(seed).connection_pool)

    def execute_command(self, *args: Any, **options: Any) -> Any:
        if args[0] in EVERYWHERE:
            return [server.execute_command(*args, **options) for server in self.shards.primaries()][-1]
        if args[0] in ANYWHERE:
            return self.shards.primaries()[0].execute_command(*args, **options)
        return self.routed(slot_of(args), args, options)

    def routed(self, slot: int, args: Sequence[Any], options: dict[str, Any]) -> Any:
        """Run a command on the server of a slot, wherever that is by now. Raises errors of the driver's."""
        error: Exception | None = None
        asked: Any = None
        for _ in range(ATTEMPTS):
            check_time()
            server, is_asked = asked or self.shards.owner(slot), asked is not None
            asked = None
            try:
                return _asking(server, args, options) if is_asked else server.execute_command(*args, **options)
            except MovedError as moved:
                error = moved
                self.shards.moved(slot, _target(moved, server))
            except AskError as ask:
                error = ask
                asked = self.shards.client(_target(ask, server))
            except TryAgainError as again:
                error = again
                time.sleep(MOVING_S)
            except (ClusterDownError, redis.TimeoutError):
                self.shards.failed(address_of(server))
                raise
            except redis.ConnectionError as failure:
                # Another server may have taken its place; on the same one the driver has tried again already.
                self.shards.failed(address_of(server))
                if isinstance(failure, REFUSED) or self.shards.owner(slot) is server:
                    raise
                error = failure
        raise error or redis.ConnectionError("the slot has no server")


def address_of(server: Any) -> Address:
    """Return the address of a server's client."""
    options = server.connection_pool.connection_kwargs
    return options["host"], options["port"]


def _target(error: AskError, server: Any) -> Address:
    # Without a host it is that of the server that answered.
    return error.host or address_of(server)[0], error.port


def _asking(server: Any, args: Sequence[Any], options: dict[str, Any]) -> Any:
    """Run a command on the server that a slot is just being moved to."""
    pipe = Pipeline(server.connection_pool, server.response_callbacks, False, None)
    pipe.execute_command("ASKING")
    pipe.execute_command(*args, **options)
    answer = pipe.execute(raise_on_error=False)[1]
    if isinstance(answer, Exception):
        raise answer
    return answer
