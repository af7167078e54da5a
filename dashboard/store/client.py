"""The one connection to Redis of a process, and the one place where driver errors become ours.

Nothing above `dashboard.store` sees an exception of the driver's: an unreachable, loading, full or read-only server is
StoreUnavailable; a key that holds another type than the contract says is KeyTypeError. NoScriptError alone passes, for
the script loader.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.exceptions import NoScriptError

from dashboard.errors import DashboardError, StoreUnavailable
from dashboard.store import embedded
from dashboard.store.attempts import RememberingRetry, is_nothing_done
from dashboard.store.awaited import NotReplicated, NotReplicatedError
from dashboard.store.time_limit import TimedParser, check_time
from dashboard.store.walking import WalkingMixin

#: Seconds to wait for a connection, and for an answer: a frozen server must not hold a request longer than this.
CONNECT_TIMEOUT_S = 2.0
ANSWER_TIMEOUT_S = 3.0
#: One more try on a dropped connection (a server that restarted); none on a time-out, which would only double the wait.
RETRIES = 1
#: Beginnings of server errors that pass by themselves or by an operator's hand: nothing is wrong with the request.
PASSING = (
    "LOADING", "OOM", "READONLY", "MISCONF", "MASTERDOWN", "CLUSTERDOWN", "NOREPLICAS", "NOAUTH", "WRONGPASS", "BUSY",
    "TRYAGAIN", "UNBLOCKED", "Protocol error: unauthenticated",
)  # fmt: skip
#: The same where the driver has a class for it, and takes the word away.
PASSING_ERRORS = (
    redis.exceptions.OutOfMemoryError, redis.ReadOnlyError, redis.exceptions.AskError,
    redis.exceptions.ClusterDownError, redis.exceptions.TryAgainError,
)  # fmt: skip
#: The whole text of each script by its digest.
SCRIPT_TEXTS: dict[str, str] = {}


class KeyTypeError(DashboardError):
    """Raised when a key of a session holds another type than the contract says."""

    code = "unreadable"
    status = 422


def is_unavailable(error: BaseException) -> bool:
    """Tell whether an error of the driver's means that the server cannot be used at the moment."""
    if isinstance(error, redis.ConnectionError | redis.TimeoutError):
        return True
    if not isinstance(error, redis.RedisError):
        return False
    if isinstance(error, PASSING_ERRORS):
        return True
    # An error inside a script names its cause behind words of the server's own.
    text = str(error)
    return text.startswith(PASSING) or any(f"{word} " in text[:200] for word in PASSING)


@contextmanager
def translated() -> Iterator[None]:
    """Turn driver errors raised inside into errors of ours."""
    try:
        yield
    except NoScriptError:
        raise
    except redis.RedisError as error:
        if isinstance(error, NotReplicatedError):
            raise NotReplicated() from error
        if is_unavailable(error):
            raise StoreUnavailable(is_nothing_done=is_nothing_done(error)) from error
        if "WRONGTYPE" in str(error):
            raise KeyTypeError("A key of this session holds another type of value than it should.") from error
        raise


class StorePipeline(Pipeline):
    """A pipeline whose errors are ours; `raise_on_error=False` returns them as values, untranslated."""

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        with translated():
            check_time()
            return super().execute(raise_on_error)

    def answers(self) -> list[Any]:
        """Execute; a command that fails by itself has its error as its answer. Raises StoreUnavailable.

        Scripts that the server was told to forget after they were loaded here are sent again whole.
        """
        commands = [command[0] for command in self.command_stack]
        found = self.execute(raise_on_error=False)
        forgotten = [place for place, answer in enumerate(found) if isinstance(answer, NoScriptError)]
        for place in forgotten:
            _, sha, *rest = commands[place]
            self.eval(SCRIPT_TEXTS[sha], *rest)
        for place, answer in zip(forgotten, self.execute(raise_on_error=False) if forgotten else (), strict=True):
            found[place] = answer
        for answer in found:
            if isinstance(answer, Exception) and is_unavailable(answer):
                raise StoreUnavailable() from answer
        return found


class TranslatingMixin(WalkingMixin):
    """What a client class needs so that every command of it raises our errors; the fake server's class takes it too."""

    connection_pool: redis.ConnectionPool
    response_callbacks: Any

    def execute_command(self, *args: Any, **options: Any) -> Any:
        with translated():
            check_time()
            return super().execute_command(*args, **options)  # type: ignore[misc]

    def pipeline(self, transaction: bool = False, shard_hint: Any = None) -> StorePipeline:
        return StorePipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)


class StoreClient(TranslatingMixin, redis.Redis):
    """redis-py with our errors; keys and values are bytes."""


_lock = threading.Lock()
_client: redis.Redis | None = None


def client() -> Any:
    """Return this process's client; the first call starts or joins the embedded server when REDIS_URL is unset.

    Raises EmbeddedServerError. The type is Any because the driver annotates the replies of two protocols at once.
    """
    global _client
    if _client is None:
        with _lock:
            if _client is None:
                _client = _connect()
    return _client


def _connect() -> redis.Redis:
    # Two protocols differ in the types of replies; scripts and parsers here expect those of RESP2.
    options: dict[str, Any] = {
        "socket_timeout": ANSWER_TIMEOUT_S,
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "retry": RememberingRetry(NoBackoff(), RETRIES, supported_errors=(redis.ConnectionError,)),
        "protocol": 2,
        "parser_class": TimedParser,
    }
    if settings.REDIS_SENTINELS or settings.REDIS_CLUSTER or settings.REDIS_WAIT_REPLICAS:
        from dashboard.store.connecting import connect_many  # it needs the classes above

        if settings.REDIS_URL or settings.REDIS_SENTINELS:
            return connect_many(options)
    url = settings.REDIS_URL or embedded.attach()
    return StoreClient(connection_pool=redis.ConnectionPool.from_url(url, **options))


@contextmanager
def override(other: redis.Redis) -> Iterator[redis.Redis]:
    """Use another client in this process for a while: for tests and benchmarks."""
    global _client
    before, _client = _client, other
    try:
        yield other
    finally:
        _client = before
