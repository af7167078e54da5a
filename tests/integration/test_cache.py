"""Counters in Django's cache, over the store's own connection."""

from __future__ import annotations

import pytest
import redis
from django.conf import settings
from django_redis.cache import RedisCache

from dashboard.settings import CACHES


def cache_of_a_process() -> RedisCache:
    """Return a cache as the product has it: the tests' own setting is another kind."""
    options = {name: value for name, value in CACHES["default"].items() if name not in ("BACKEND", "LOCATION")}
    return RedisCache(settings.REDIS_URL, options)


@pytest.fixture
def counters(store: redis.Redis) -> RedisCache:
    return cache_of_a_process()


def test_a_counter_counts_and_runs_out(counters, store):
    assert counters.add("visits", 1, 60)
    assert not counters.add("visits", 1, 60)
    assert [counters.incr("visits"), counters.incr("visits", 5)] == [2, 7]
    assert counters.get("visits") == 7
    [key] = store.keys("*visits*")
    assert 0 < store.pttl(key) <= 60_000


def test_processes_share_a_counter(counters, store):
    other = cache_of_a_process()
    assert counters.add("visits", 1, 60)
    assert not other.add("visits", 1, 60)
    assert [other.incr("visits"), counters.incr("visits")] == [2, 3]


def test_who_never_met_a_counter_cannot_count_it(counters):
    with pytest.raises(ValueError, match="not found"):
        counters.incr("visits")


def test_other_values_are_kept_as_in_any_cache(counters):
    assert counters.add("who", "me", 60)
    assert not counters.add("who", "you", 60)
    assert counters.get("who") == "me"
