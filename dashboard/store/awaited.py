"""Writes that are acknowledged only once replicas have them: `REDIS_WAIT_REPLICAS`.

A server that fails before a replica has a write takes it along, although its writer was told that it was written. With
the setting, every write that somebody is told of is followed by WAIT on the same connection. Fewer replicas than asked
for within the time: the write stands on its server, and whoever wrote is told to repeat it. That the replica which then
takes the server's place is among those that have it is up to Redis: see the README.
"""

from __future__ import annotations

from typing import Any

import redis
from redis.client import Pipeline

from dashboard.errors import StoreUnavailable
from dashboard.store import keys as store_keys

#: Scripts whose outcome somebody is told of.
ACKNOWLEDGED = ("write_run", "write_runs", "finish_index", "delete_session", "delete_runs", "note_sessions")
#: Milliseconds that replicas have; less than what a connection waits for an answer.
WAIT_MS = 1_000

#: Digests and texts of those scripts, as far as they are loaded.
_awaited: set[str] = set()


class NotReplicatedError(redis.RedisError):
    """Raised when fewer replicas than asked for have a write in time."""


class NotReplicated(StoreUnavailable):
    """Raised when a write stands on its server alone."""

    code = "not_replicated"

    def __init__(self) -> None:
        super().__init__(
            "This was written, but too few replicas have it yet: it could still be lost. Repeat it; that is safe.",
            retry_after_s=2,
        )


def await_script(name: str, *forms: str) -> None:
    """Take note of the forms (digest, text) in which a script is sent, if its writes are acknowledged."""
    if name in ACKNOWLEDGED:
        _awaited.update(forms)


def await_writes(server: Any, key: str, replicas: int) -> None:
    """Wait until replicas have all that a server has by now; the key is any of its. Raises NotReplicatedError."""
    pipe = Pipeline(server.connection_pool, server.response_callbacks, False, None)
    pipe.execute_command("SET", store_keys.awaited(key), "", "PX", 1)
    pipe.execute_command("WAIT", replicas, WAIT_MS)
    _, reached = pipe.execute()
    if reached < replicas:
        raise NotReplicatedError(f"{reached} of {replicas} replicas have it")


class AwaitingMixin:
    """Follows each acknowledged script by WAIT; for clients of one server."""

    connection_pool: redis.ConnectionPool
    response_callbacks: Any
    #: How many replicas have to have a write.
    replicas = 1

    def execute_command(self, *args: Any, **options: Any) -> Any:
        if args[0] not in ("EVALSHA", "EVAL") or args[1] not in _awaited:
            return super().execute_command(*args, **options)  # type: ignore[misc]
        pipe = Pipeline(self.connection_pool, self.response_callbacks, False, None)
        pipe.execute_command(*args, **options)
        # What was repeated, and stood already, may still lack replicas: newer servers wait only for what the connection
        # itself has written. This is a write, and is gone at once.
        pipe.execute_command("SET", store_keys.awaited(args[3]), "", "PX", 1)
        pipe.execute_command("WAIT", self.replicas, WAIT_MS)
        answer, told, reached = pipe.execute(raise_on_error=False)
        for found in (answer, told, reached):
            if isinstance(found, Exception):
                raise found
        if reached < self.replicas:
            raise NotReplicatedError(f"{reached} of {self.replicas} replicas have it")
        return answer
