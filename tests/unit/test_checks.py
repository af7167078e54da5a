"""The system checks: each misconfiguration has its id, and a check that cannot run says so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dashboard import checks
from dashboard.errors import StoreUnavailable
from dashboard.store.facts import ServerFacts, server_facts

GOOD = ServerFacts(version=(7, 2), maxmemory_bytes=0, eviction_policy="noeviction")


def ids(messages: list) -> list[str]:
    return [message.id for message in messages]


def test_the_embedded_kind_of_server_is_fine(real_store):
    assert server_facts().version >= (6, 2)
    assert checks.check_redis() == []


def test_a_server_that_does_not_answer_is_an_error_not_a_pass(settings):
    [message] = checks.check_redis()
    assert message.id == "dashboard.E001"
    assert "REDIS_URL" in message.hint


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (GOOD, []),
        (ServerFacts(version=(6, 0), maxmemory_bytes=0, eviction_policy="noeviction"), ["dashboard.E002"]),
        (ServerFacts(version=(6, 2), maxmemory_bytes=10**9, eviction_policy="allkeys-lru"), ["dashboard.E003"]),
        (ServerFacts(version=(6, 2), maxmemory_bytes=10**9, eviction_policy="volatile-ttl"), ["dashboard.E003"]),
        (ServerFacts(version=(6, 2), maxmemory_bytes=0, eviction_policy="allkeys-lru"), []),
        (ServerFacts(version=(6, 2), maxmemory_bytes=10**9, eviction_policy="noeviction"), []),
    ],
)
def test_servers_that_would_fail_or_lose_data(monkeypatch, facts, expected):
    monkeypatch.setattr(checks, "server_facts", lambda: facts)
    assert ids(checks.check_redis()) == expected


def test_a_server_that_refuses_to_tell_is_an_error(monkeypatch):
    def refuse():
        raise StoreUnavailable("Redis does not let this user read INFO.")

    monkeypatch.setattr(checks, "server_facts", refuse)
    [message] = checks.check_redis()
    assert "INFO" in message.msg


def test_the_cache_is_shared(settings):
    settings.CACHES = {"default": {"BACKEND": "django_redis.cache.RedisCache"}}
    assert checks.check_cache() == []
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    assert ids(checks.check_cache()) == ["dashboard.E004"]


def test_a_short_key_is_warned_of(settings):
    assert checks.check_secret_key() == []
    settings.SECRET_KEY = "short"
    assert ids(checks.check_secret_key()) == ["dashboard.W001"]


def test_hosts_that_nobody_can_use_are_warned_of(settings):
    settings.HOST, settings.ALLOWED_HOSTS = "0.0.0.0", ["localhost"]
    assert ids(checks.check_hosts()) == ["dashboard.W002"]
    settings.ALLOWED_HOSTS = ["localhost", "dashboard.example"]
    assert checks.check_hosts() == []
    settings.HOST, settings.ALLOWED_HOSTS = "127.0.0.1", ["localhost"]
    assert checks.check_hosts() == []


def test_every_id_is_in_the_table():
    text = Path(checks.__file__).read_text()
    used = set(re.findall(r'id="(dashboard\.[EW]\d+)"', text))
    assert used == set(re.findall(r"^\| `(dashboard\.[EW]\d+)`", text, flags=re.M))
