"""What an operator should know of a store that does not answer: in our words, never in the server's."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import redis
from django.conf import settings
from redis.sentinel import MasterNotFoundError

from dashboard.store.awaited import NotReplicatedError

#: Seconds without a failure after which the next one counts as a new outage.
REST_S = 120
#: Why, by the class of an error anywhere in the chain of causes; the first that fits counts.
REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (NotReplicatedError, "too few of its replicas take part in writes"),
    (MasterNotFoundError, "no sentinel names a master that is up"),
    (redis.exceptions.AuthenticationError, "it refuses the user or the password"),
    (redis.exceptions.AskError, "its cluster moves keys"),
    (redis.exceptions.TryAgainError, "its cluster moves keys"),
    (redis.exceptions.ClusterDownError, "its cluster is down"),
    (redis.exceptions.BusyLoadingError, "it is still loading its data"),
    (redis.exceptions.MaxConnectionsError, "this process has no connection left"),
    (redis.exceptions.OutOfMemoryError, "its memory is full"),
    (redis.exceptions.ReadOnlyError, "it is a replica and takes no writes"),
    (ConnectionRefusedError, "nothing listens at its address"),
    (FileNotFoundError, "there is no socket at its path"),
    (PermissionError, "this process may not use its socket"),
    (socket.gaierror, "the name of its host is not known"),
    (redis.TimeoutError, "it does not answer in time"),
    (TimeoutError, "it does not answer in time"),
    (redis.ConnectionError, "the connection was closed"),
)
#: Why, by the word that begins the server's answer.
ANSWERS = {
    "BUSY": "a script has been running for too long",
    "CLUSTERDOWN": "its cluster is down",
    "LOADING": "it is still loading its data",
    "MASTERDOWN": "its master is down",
    "MISCONF": "it cannot save to its disk",
    "NOAUTH": "it wants a password",
    "NOREPLICAS": "it has too few replicas",
    "OOM": "its memory is full",
    "READONLY": "it is a replica and takes no writes",
    "TRYAGAIN": "its cluster moves keys",
    "UNBLOCKED": "another server has just taken its place",
    "WRONGPASS": "it refuses the user or the password",
    # Servers since 7 say so of a question that is longer than one with a password would be.
    "unauthenticated": "it refuses the user or the password",
}
UNKNOWN = "not known"


@dataclass(frozen=True)
class Outage:
    """The kind of store, why it does not answer, and when this process first saw that."""

    store: str
    reason: str
    since: datetime


_lock = threading.Lock()
_first_s = _last_s = 0.0


def outage(error: BaseException) -> Outage:
    """Take note of a failure, and return what is known of the outage that it belongs to."""
    global _first_s, _last_s
    with _lock:
        now_s = time.time()
        if now_s - _last_s > REST_S:
            _first_s = now_s
        _last_s = now_s
        return Outage(store_kind(), reason_of(error), datetime.fromtimestamp(_first_s, UTC))


def store_kind() -> str:
    """Return what kind of address the store has; neither the address nor what is in it."""
    if settings.REDIS_CLUSTER and settings.REDIS_URL:
        return "a Redis cluster"
    if settings.REDIS_SENTINELS:
        return "a master named by Sentinel"
    if not settings.REDIS_URL:
        return "the embedded server"
    scheme = settings.REDIS_URL.partition(":")[0]
    return {"unix": "Redis on a unix socket", "rediss": "Redis on a host, over TLS"}.get(scheme, "Redis on a host")


def reason_of(error: BaseException) -> str:
    """Return why the store does not answer, by the causes of an error."""
    causes = list(_causes(error))
    for kind, words in REASONS:
        if any(isinstance(cause, kind) for cause in causes):
            return words
    for cause in causes:
        if isinstance(cause, redis.RedisError):
            # An error inside a script names its cause behind words of the server's own.
            for word in str(cause)[:200].replace(":", " ").split():
                if word.lstrip("-") in ANSWERS:
                    return ANSWERS[word.lstrip("-")]
    return UNKNOWN


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
