"""System checks with an id for each way to set the service up wrongly.

| id | says |
| --- | --- |
| `dashboard.E001` | Redis does not answer; what else there is to say about it could not be found out |
| `dashboard.E002` | Redis is older than 6.2 |
| `dashboard.E003` | Redis removes keys when its memory is full: runs would vanish |
| `dashboard.E004` | the cache is not shared between workers: each would count requests for itself |
| `dashboard.W001` | SECRET_KEY is short: logins and cursors could be forged |
| `dashboard.W002` | the service listens beyond this machine but answers to loopback names only |

Those about Redis ask it, so they run with `check --deploy` and when `serve` starts, not with every command.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from dashboard.env import LEAST_KEY_LENGTH, LOOPBACK_NAMES, is_loopback
from dashboard.errors import DashboardError
from dashboard.store.facts import server_facts

LEAST_REDIS = (6, 2)
#: Caches that live within one process, or nowhere.
UNSHARED_CACHES = (
    "django.core.cache.backends.locmem.LocMemCache",
    "django.core.cache.backends.dummy.DummyCache",
)


@register("redis", deploy=True)
def check_redis(**_: Any) -> list[CheckMessage]:
    """Ask the server for what would lose data or break the scripts."""
    try:
        facts = server_facts()
    except DashboardError as error:
        hint = "Start the server that REDIS_URL names, or unset REDIS_URL to use the embedded one."
        return [Error(f"Redis cannot be checked: {error}", hint=hint, id="dashboard.E001")]
    found: list[CheckMessage] = []
    if facts.version < LEAST_REDIS:
        version = ".".join(map(str, facts.version))
        found.append(
            Error(f"Redis {version} is too old.", hint="Use Redis 6.2 or newer, or Valkey.", id="dashboard.E002")
        )
    if facts.maxmemory_bytes and facts.eviction_policy != "noeviction":
        found.append(
            Error(
                f"Redis removes keys when its memory is full (maxmemory-policy {facts.eviction_policy}): "
                "runs would vanish unnoticed.",
                hint="Set maxmemory-policy to noeviction; a full server then refuses writes instead.",
                id="dashboard.E003",
            )
        )
    return found


@register(Tags.caches, deploy=True)
def check_cache(**_: Any) -> list[CheckMessage]:
    """See that limits are counted in one place for all workers."""
    backend = settings.CACHES["default"]["BACKEND"]
    if backend not in UNSHARED_CACHES:
        return []
    hint = "Use django_redis.cache.RedisCache, as dashboard/settings.py does."
    return [Error(f"The cache {backend} is not shared between workers.", hint=hint, id="dashboard.E004")]


@register(Tags.security)
def check_secret_key(**_: Any) -> list[CheckMessage]:
    """See that the key cannot be guessed."""
    if len(settings.SECRET_KEY) >= LEAST_KEY_LENGTH:
        return []
    hint = "Give 50 or more characters at random, or unset SECRET_KEY to have one made and kept in the folder var."
    message = f"SECRET_KEY has fewer than {LEAST_KEY_LENGTH} characters: logins and cursors could be forged."
    return [Warning(message, hint=hint, id="dashboard.W001")]


@register(Tags.urls)
def check_hosts(**_: Any) -> list[CheckMessage]:
    """See that who can reach the service is not refused by name."""
    if is_loopback(settings.HOST) or set(settings.ALLOWED_HOSTS) - set(LOOPBACK_NAMES):
        return []
    hint = "Set ALLOWED_HOSTS to the names people use for this machine, comma-separated."
    message = f"HOST {settings.HOST} is reachable from elsewhere, but ALLOWED_HOSTS holds loopback names only."
    return [Warning(message, hint=hint, id="dashboard.W002")]
