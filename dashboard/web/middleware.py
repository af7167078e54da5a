"""What every request gets: an id to name it by, and a page for each error the product raises on purpose."""

from __future__ import annotations

import random
from collections.abc import Callable

from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from csp.utils import build_policy
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from dashboard.errors import DashboardError
from dashboard.store.time_limit import time_limit
from dashboard.web.errors import answer

#: Seconds a request waits for Redis at most; writes of many runs and deletions of sessions only that long a step.
REQUEST_LIMIT_S = 15.0

GetResponse = Callable[[HttpRequest], HttpResponseBase]


def new_id() -> str:
    """Return an id for a request, short enough to be read out; nothing rests on nobody guessing it."""
    digits = f"{random.getrandbits(32):08x}"
    return f"{digits[:4]}-{digits[4:]}"


class RequestIdMiddleware:
    """Give each request an id, shown on error pages and sent as `X-Request-ID`; one from outside is not believed."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.id = new_id()  # type: ignore[attr-defined]
        response = self.get_response(request)
        response["X-Request-ID"] = request.id  # type: ignore[attr-defined]
        return response


class TimeLimitMiddleware:
    """Bound how long a request waits for Redis, all its calls together; it is answered 503 then."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with time_limit(REQUEST_LIMIT_S):
            return self.get_response(request)


class PolicyMiddleware(CSPMiddleware):
    """django-csp's, which would compose the same policy anew for every answer, at the price of all other middleware."""

    def __init__(self, get_response: GetResponse) -> None:
        super().__init__(get_response)
        self.config: object = None
        self.policy = ""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Send the policy of the settings; an answer with wishes of its own, or a nonce, is left to django-csp."""
        if settings.DEBUG or hasattr(request, "_csp_nonce") or any(name.startswith("_csp") for name in vars(response)):
            return super().process_response(request, response)
        if self.config is not settings.CONTENT_SECURITY_POLICY:
            self.config, self.policy = settings.CONTENT_SECURITY_POLICY, build_policy()
        response.setdefault(HEADER, self.policy)  # type: ignore[attr-defined]
        return response


class ErrorPagesMiddleware:
    """Answer a `DashboardError` that leaves a page view with its own page; everything else is Django's to handle."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        return answer(request, exception) if isinstance(exception, DashboardError) else None
