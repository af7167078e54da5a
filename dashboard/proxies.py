"""Believes what proxies say about a request only where they are known ones."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

HEADERS = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PORT")


def is_trusted(address: str) -> bool:
    """Tell whether the address belongs to one of TRUSTED_PROXIES."""
    if not settings.TRUSTED_PROXIES:
        return False
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in settings.TRUSTED_PROXIES)


class ForwardedMiddleware:
    """Drop `X-Forwarded-*` headers that no trusted proxy has set, before anything can read them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not is_trusted(request.META.get("REMOTE_ADDR", "")):
            for name in HEADERS:
                request.META.pop(name, None)
        return self.get_response(request)
