"""Rate limits: django-ratelimit counts, DRF answers 429 with the seconds to wait.

The API is limited for each user, logging in for each client address and name together, so that one name's attempts
from one address stop neither the others behind that address nor that name elsewhere.

A process draws requests from a user's limit some at a time (see `draw`), as counting each one in Redis costs as much as
the page it is for.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpRequest
from django_ratelimit.core import get_usage
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from dashboard.errors import StoreUnavailable
from dashboard.proxies import is_trusted
from dashboard.store.client import translated

if TYPE_CHECKING:
    # DRF's views read the settings that name this module.
    from rest_framework.views import APIView

#: Characters of a user name that count; longer ones cannot exist.
NAME_LENGTH = 150
#: Shares that a user's limit is drawn in, at least; one takes Redis and us as long as three pages do.
SHARES = 30
#: Users whose allowances are remembered at once.
MOST_ALLOWANCES = 10_000


def client_address(request: HttpRequest) -> str:
    """Return the address of the client: the right-most one in X-Forwarded-For that is no proxy of ours.

    The header is believed only when the connection itself comes from one of TRUSTED_PROXIES: anybody can send it.
    """
    peer = request.META.get("REMOTE_ADDR") or ""
    if not is_trusted(peer):
        return peer
    for entry in reversed(request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")):
        address = entry.strip()
        if not address:
            break
        if not is_trusted(address):
            return address
    return peer


def seconds_until_login(request: HttpRequest, username: object) -> int | None:
    """Count an attempt to log in; return the seconds to wait when there were too many, None when it may go on.

    Raises StoreUnavailable when the counters cannot be reached.
    """
    name = str(username)[:NAME_LENGTH].casefold() if isinstance(username, str | int) else ""
    usage = _usage(group="login", value=f"{client_address(request)} {name}", rate=settings.RATELIMIT_LOGIN)
    return max(1, usage["time_left"]) if usage and usage["should_limit"] else None


class UserRateThrottle(BaseThrottle):
    """RATELIMIT_API for each user; who is not logged in gets nowhere and is not counted."""

    wait_s: int | None = None

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count the request and tell whether it is within the limit."""
        if not request.user.is_authenticated:
            return True
        self.wait_s = draw(str(request.user.pk))
        return self.wait_s is None

    def wait(self) -> int | None:
        """Return the seconds until the limit is lifted."""
        return self.wait_s


class LoginThrottle(UserRateThrottle):
    """RATELIMIT_LOGIN for each client address and name."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count the attempt and tell whether it is within the limit; a body that is no JSON is refused here."""
        name = request.data.get("username", "") if isinstance(request.data, dict) else ""
        self.wait_s = seconds_until_login(request._request, name)
        return self.wait_s is None


@dataclass
class Allowance:
    """What a process may still let through for a user without asking, until the window ends (`time.time`)."""

    left: int
    ends: float


_allowances: dict[tuple[str, str], Allowance] = {}


@cache
def share(limit: int) -> int:
    """Return how many requests are drawn at once: as many as go into the limit without rest."""
    return next((size for size in range(limit // SHARES, 1, -1) if limit % size == 0), 1)


def draw(user: str) -> int | None:
    """Count a user's request; return the seconds to wait when there were too many, None when it may go on.

    Requests are drawn by shares of the limit: never more than the limit pass, and each process may refuse a thirtieth
    of it early. Raises StoreUnavailable when the counters cannot be reached.
    """
    rate = settings.RATELIMIT_API
    allowance = _allowances.get((user, rate))
    # Two threads may both take the last one: a request more than counted, and none of them waits for a lock.
    if allowance is not None and allowance.left > 0 and time.time() < allowance.ends:
        allowance.left -= 1
        return None
    count, period = rate.split("/")
    at_once = share(int(count))
    usage = _usage(group="api", value=user, rate=f"{int(count) // at_once}/{period}")
    if usage is None or usage["should_limit"]:
        return usage and max(1, usage["time_left"])
    if len(_allowances) >= MOST_ALLOWANCES:
        _allowances.clear()
    # django-ratelimit counts the window's last second as its own.
    _allowances[user, rate] = Allowance(at_once - 1, int(time.time()) + usage["time_left"] + 1)
    return None


def forget() -> None:
    """Give up what this process has drawn: for tests."""
    _allowances.clear()


def _usage(*, group: str, value: str, rate: str) -> dict[str, Any] | None:
    """Count one; return what django-ratelimit says, None when limits are switched off. Raises StoreUnavailable."""
    with translated():
        # Group, key and rate are told, so that nothing is asked of a request.
        usage = get_usage(None, group=group, key=lambda _group, _request: value, rate=rate, increment=True)
    if usage is not None and usage["time_left"] < 0 and usage["limit"] == 0:
        raise StoreUnavailable()
    return usage
