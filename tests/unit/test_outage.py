"""What is told of a store that does not answer: why, and since when, in our words."""

from __future__ import annotations

import socket

import pytest
import redis
from redis.sentinel import MasterNotFoundError

from dashboard.errors import StoreUnavailable
from dashboard.store import outage as module
from dashboard.store.awaited import NotReplicatedError
from dashboard.store.client import translated
from dashboard.store.outage import UNKNOWN, outage, reason_of, store_kind

ERRORS = redis.exceptions


def caused(*errors: BaseException) -> BaseException:
    """Return the last error, raised from the one before it, and so on."""
    for cause, error in zip(errors, errors[1:], strict=False):
        error.__cause__ = cause
    return errors[-1]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (caused(ConnectionRefusedError(111, "secret"), redis.ConnectionError("secret")), "nothing listens"),
        (caused(FileNotFoundError(2, "secret"), redis.ConnectionError("secret")), "no socket"),
        (caused(socket.gaierror(-2, "secret"), redis.ConnectionError("secret")), "name of its host"),
        (redis.ConnectionError("secret"), "was closed"),
        (caused(TimeoutError(), redis.TimeoutError("secret")), "in time"),
        (ERRORS.AuthenticationError("secret"), "refuses the user"),
        (ERRORS.BusyLoadingError("secret"), "loading"),
        (ERRORS.ReadOnlyError("secret"), "replica"),
        (ERRORS.OutOfMemoryError("secret"), "memory is full"),
        (redis.ResponseError("MISCONF secret"), "save to its disk"),
        (redis.ResponseError("script: -BUSY secret"), "too long"),
        (redis.ResponseError("secret"), UNKNOWN),
        (ValueError("MISCONF"), UNKNOWN),
    ],
)
def test_the_reason_is_told_in_our_words(error, words):
    with pytest.raises(StoreUnavailable) as raised:
        raise StoreUnavailable from error
    reason = reason_of(raised.value)
    assert words in reason
    assert "secret" not in reason


def test_it_is_found_behind_what_the_store_raises():
    with pytest.raises(StoreUnavailable) as raised, translated():
        raise redis.ConnectionError("secret") from ConnectionRefusedError()
    assert reason_of(raised.value) == "nothing listens at its address"


@pytest.mark.parametrize(
    ("sentinels", "url", "words"),
    [
        (None, None, "the embedded server"),
        (None, "unix:///run/secret.sock", "Redis on a unix socket"),
        (None, "redis://:secret@host:6379/0", "Redis on a host"),
        (None, "rediss://:secret@host:6379/0", "Redis on a host, over TLS"),
        ((["a:1"], "mymaster"), "redis://:secret@host", "a master named by Sentinel"),
    ],
)
def test_the_kind_of_address_is_told_and_nothing_of_it(settings, sentinels, url, words):
    settings.REDIS_SENTINELS, settings.REDIS_URL = sentinels, url
    assert store_kind() == words


def test_a_cluster_is_told_as_one(settings):
    settings.REDIS_CLUSTER, settings.REDIS_URL = True, "redis://:secret@a:7000,b:7000"
    assert store_kind() == "a Redis cluster"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (redis.exceptions.ClusterDownError("The cluster is down"), "its cluster is down"),
        (redis.exceptions.TryAgainError("Multiple keys request during rehashing of slot"), "its cluster moves keys"),
        (redis.exceptions.MovedError("12 a:1"), "its cluster moves keys"),
        (redis.ResponseError("UNBLOCKED force unblock"), "another server has just taken its place"),
        (MasterNotFoundError("No master found for 'runs'"), "no sentinel names a master that is up"),
        (NotReplicatedError("0 of 1 replicas have it"), "too few of its replicas take part in writes"),
    ],
)
def test_what_passes_in_a_group_of_servers_is_an_outage_with_a_reason(error, words):
    with pytest.raises(StoreUnavailable) as caught, translated():
        raise error
    assert reason_of(caught.value) == words


def test_an_outage_lasts_until_failures_rest(monkeypatch):
    now = [1_000_000.0]
    monkeypatch.setattr(module, "_last_s", 0.0)
    monkeypatch.setattr(module.time, "time", lambda: now[0])
    first = outage(StoreUnavailable()).since
    for _ in range(5):
        now[0] += module.REST_S
        assert outage(StoreUnavailable()).since == first
    now[0] += module.REST_S + 1
    assert outage(StoreUnavailable()).since > first
