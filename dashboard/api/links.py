"""Addresses and headers of HTTP that lists need: links to other pages, and ETags."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from django.http import HttpRequest
from django.urls import get_script_prefix
from django.utils.http import parse_etags

from dashboard.errors import InvalidParameter


def api_path(*segments: str) -> str:
    """Return an address under /api/, each segment percent-encoded."""
    return f"{get_script_prefix()}api/{'/'.join(quote(segment, safe='') for segment in segments)}"


def own_path(request: HttpRequest) -> str:
    """Return the path of the request with every part of it percent-encoded.

    Django's own would leave the slashes of a symbol as they are, and `a/../b` would lead elsewhere.
    """
    match = request.resolver_match
    if match is None:
        return request.path
    kwargs = match.kwargs
    return get_script_prefix() + re.sub(
        r"<\w+:(\w+)>", lambda found: quote(str(kwargs[found[1]]), safe=""), match.route
    )


def at_cursors(request: HttpRequest, cursors: Mapping[str, str | None]) -> dict[str, str]:
    """Return the absolute addresses of the same list at other cursors, by relation; all other parameters stay."""
    pairs = [(name, value) for name, values in request.GET.lists() if name != "cursor" for value in values]
    base = cursor_base(request)
    return {rel: base + urlencode([*pairs, ("cursor", cursor)]) for rel, cursor in cursors.items() if cursor}


def cursor_base(request: HttpRequest) -> str:
    """Return the absolute address of the request up to its parameters."""
    return f"{request.scheme}://{request.get_host()}{own_path(request)}?"


def link_header(links: Mapping[str, str]) -> str:
    """Return the value of a Link header (RFC 8288)."""
    return ", ".join(f'<{url}>; rel="{rel}"' for rel, url in links.items())


def content_etag(body: bytes) -> str:
    """Return a strong ETag of the very bytes of an answer: right, whoever changed what."""
    return f'"{hashlib.sha256(body).hexdigest()[:24]}"'


def holds(header: str | None, etag: str) -> bool:
    """Tell whether an If-None-Match header names the ETag, or anything; weak and strong ones count alike."""
    if not header:
        return False
    wanted = [one.removeprefix("W/") for one in parse_etags(header)]
    return wanted == ["*"] or etag.removeprefix("W/") in wanted


def check_conditions(request: HttpRequest) -> None:
    """Refuse a condition that would not be kept: whoever sends one relies on it. Raises InvalidParameter."""
    if "HTTP_IF_MATCH" in request.META and request.method != "PATCH":
        raise InvalidParameter("If-Match", "Only edits (PATCH) take this condition; leave it away.")
    if "HTTP_IF_NONE_MATCH" in request.META and request.method not in ("GET", "HEAD"):
        raise InvalidParameter("If-None-Match", "Only reading takes this condition; leave it away.")


def expected_etag(request: HttpRequest) -> str | None:
    """Return the one ETag that an If-Match header names, None when there is no header or it takes anything.

    A weak mark is dropped: whatever compresses answers on the way puts it there, and an edit should not fail for that.
    Several ETags cannot be had: an answer has one at a time, and who edits knows which they have seen.
    """
    header = request.META.get("HTTP_IF_MATCH", "").strip()
    if not header or header == "*":
        return None
    etags = [one.removeprefix("W/") for one in parse_etags(header)]
    return etags[0] if len(etags) == 1 else '""'
