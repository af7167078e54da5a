"""Trying again on a dropped connection, and telling afterwards whether any of the attempts can have done something.

A script whose answer was lost has run or has not: only an answer of the server's, or a connection that never came
about, proves that it has not.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import redis
from django.conf import settings
from redis.retry import Retry

from dashboard.store.time_limit import OutOfTimeError

Answer = TypeVar("Answer")
#: What the server says instead of running a command; the driver takes some of it for errors of the connection.
REFUSALS = (redis.ResponseError, redis.BusyLoadingError, redis.AuthenticationError, OutOfTimeError)
#: Why there is nobody to ask.
NOBODY = (ConnectionRefusedError, FileNotFoundError, socket.gaierror)


class RememberingRetry(Retry):
    """The driver's, which puts the errors of earlier attempts on the one that it raises in the end."""

    def call_with_retry(self, do: Callable[[], Answer], fail: Callable[..., Any], *args: Any, **options: Any) -> Answer:
        met: list[Exception] = []

        def failed(error: Exception, *count: int) -> None:
            met.append(error)
            fail(error, *count)

        try:
            return super().call_with_retry(do, failed, *args, **options)
        except redis.RedisError as error:
            if met:
                error.earlier = [one for one in met if one is not error]  # type: ignore[attr-defined]
            raise


def is_nothing_done(error: BaseException) -> bool:
    """Tell whether it is certain that what failed with this error of the driver's was never run, at any attempt.

    A script of ours that the server refuses has changed nothing yet: that happens at its first write at the latest.
    """
    if settings.REDIS_CLUSTER:
        return False  # the driver asks other nodes by itself, and does not tell of each attempt
    return all(_is_refusal(attempt) for attempt in _attempts(error))


def _is_refusal(error: BaseException) -> bool:
    # The words tell a connection that never came about from one lost while somebody dealt with such an error.
    is_nobody_there = isinstance(error.__cause__ or error.__context__, NOBODY) and " connecting to " in str(error)
    return is_nobody_there or isinstance(error, REFUSALS)


def _attempts(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and those of earlier attempts; an unknown script, which is sent again whole, is one too."""
    yield error
    for cause in _causes(error):
        yield from getattr(cause, "earlier", ())


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
