"""Answers what programs ask most, reads with a token, before Django does what such a request has no use for.

Middleware, sessions, finding the view and DRF's dispatch cost five times what a page does. So once an address has been
answered in the usual way, its next answers are made here: the user is looked up, the request counted, the parameters
validated and the page read as ever, and sent under the headers that the usual way gave it. Whatever is out of the
ordinary, and every error, is left to the usual way. Tests hold both ways against each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import SuspiciousOperation
from django.core.handlers.wsgi import WSGIRequest
from django.db import DatabaseError
from django.http import QueryDict
from django.urls import Resolver404, resolve
from django.utils.datastructures import MultiValueDict
from rest_framework.exceptions import Throttled, ValidationError

from dashboard.api.authentication import reader_of
from dashboard.api.filters import Page, RepositoryFilterSet, parameters_in
from dashboard.api.links import content_etag, cursor_base, holds, link_header
from dashboard.api.negotiation import PLAIN
from dashboard.api.renderers import encode
from dashboard.api.throttles import draw
from dashboard.api.views import MET, ApiMixin, ApiViewSet, NoParameters
from dashboard.proxies import HEADERS as FORWARDED
from dashboard.store.time_limit import time_limit
from dashboard.web.middleware import REQUEST_LIMIT_S, new_id

Environ = dict[str, Any]
StartResponse = Callable[..., Any]

#: Where these addresses begin, and how many are remembered: some 2 kB each.
PREFIX, MOST_KNOWN = "/api/sessions", 1024
#: Letters of the longest address, and of the longest parameters beside the cursor, that are remembered.
MOST_LETTERS = 512
#: What a cursor of ours looks like.
CURSOR = re.compile(r"[A-Za-z0-9_-]*")
#: Parameters that stand for themselves, letter by letter, and are written as we write them unless one is given twice.
PLAIN_PAIRS = re.compile(r"[\w.~-]+=[\w.~-]*(?:&[\w.~-]+=[\w.~-]*)*", re.ASCII)
#: What makes a request one for the usual way.
UNUSUAL = frozenset({"HTTP_COOKIE", "HTTP_IF_MATCH", "HTTP_TRANSFER_ENCODING"})
#: What proxies say of the address that somebody asked for.
BELIEVED = FORWARDED[1:]
#: Headers that differ from answer to answer.
OWN_HEADERS = frozenset({"content-length", "etag", "link", "x-request-id"})


#: What is found at an address by a cursor.
Read = Callable[[str | None], Page | Mapping[str, Any]]


@dataclass(frozen=True, eq=False)
class Known:
    """An address that has been answered: how to read it, and what its answers have in common."""

    reader: Callable[..., Read]
    parts: Mapping[str, str]
    filterset: type[RepositoryFilterSet]
    headers: tuple[tuple[str, str], ...]
    base: str


@dataclass(frozen=True, eq=False)
class Parameters:
    """What is asked of an address, but for the cursor: validated, and as an address continues with it."""

    values: Mapping[str, Any]
    rest: str


class QuickReads:
    """A WSGI application before Django's."""

    def __init__(self, usual: Callable[[Environ, StartResponse], Iterable[bytes]]) -> None:
        self.usual = usual
        self.known: dict[Any, Known] = {}
        #: Paths that lead elsewhere.
        self.others: set[str] = set()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if not is_plain_read(environ) or environ["PATH_INFO"] in self.others:
            return self.usual(environ, start_response)
        # What proxies say is believed of some senders only: the usual way takes the rest out of the environment.
        told = None if environ.keys().isdisjoint(BELIEVED) else tuple(environ.get(name) for name in BELIEVED)
        sender = environ.get("REMOTE_ADDR") if told else None
        address = (environ["PATH_INFO"], environ["wsgi.url_scheme"], environ.get("HTTP_HOST"), told, sender)
        known = self.known.get(address)
        if known is None:
            return self._first(address, environ, start_response)
        with time_limit(REQUEST_LIMIT_S):
            try:
                found = answer(known, environ)
            except DatabaseError:
                found = None  # Django replaces lost connections at the beginning of a request
            except Exception as error:
                environ[MET] = error
                found = None
        if found is None:
            return self.usual(environ, start_response)
        status, headers, body = found
        start_response(status, headers)
        return [body]

    def _first(self, address: Any, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer in the usual way and remember what the next answers at this address will have in common."""

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            if status == "200 OK":
                self._remember(address, known_from(environ, headers))
            return start_response(status, headers, *more)

        return self.usual(environ, start)

    def _remember(self, address: Any, found: Known | None) -> None:
        if len(self.known) >= MOST_KNOWN or len(self.others) >= MOST_KNOWN:
            self.known.clear()
            self.others.clear()
        if found is None:
            self.others.add(address[0])
        else:
            self.known[address] = found


def is_plain_read(environ: Environ) -> bool:
    """Tell whether a request has nothing about it that only the usual way knows how to deal with."""
    path = environ.get("PATH_INFO", "")
    return (
        environ["REQUEST_METHOD"] == "GET"
        and path.startswith(PREFIX)
        and len(path) <= MOST_LETTERS
        and "HTTP_AUTHORIZATION" in environ
        and not environ.get("SCRIPT_NAME")
        and environ.get("CONTENT_LENGTH") in (None, "", "0")
        and environ.get("HTTP_ACCEPT", "*/*") in PLAIN
        and environ.keys().isdisjoint(UNUSUAL)
    )


def known_from(environ: Environ, headers: Sequence[tuple[str, str]]) -> Known | None:
    """Return what an address is known by from its first answer, None unless it is one of those answered here."""
    request = WSGIRequest(environ)
    try:
        match = request.resolver_match = resolve(request.path_info)
    except Resolver404:
        return None
    view: Any = getattr(match.func, "cls", None)
    action: str = getattr(match.func, "actions", {}).get("get", "")
    if not (isinstance(view, type) and issubclass(view, ApiViewSet) and action in view.quick):
        return None
    rules = ("authentication_classes", "permission_classes", "throttle_classes", "renderer_classes")
    if any(getattr(view, name) is not getattr(ApiMixin, name) for name in rules):
        return None
    if any(name.lower() == "set-cookie" for name, _ in headers):
        return None
    common = tuple((name, value) for name, value in headers if name.lower() not in OWN_HEADERS)
    filterset = view.filtersets.get(action, NoParameters)
    return Known(getattr(view, view.quick[action]), match.kwargs, filterset, common, cursor_base(request))


def asked(filterset: Any, query: str) -> tuple[Parameters, str] | None:
    """Return validated parameters and the cursor, '' without; None for others."""
    if "cursor=" not in query:
        found = _asked(filterset, query)
        return None if found is None else (found, "")
    parts = query.split("&")
    cursors = [part for part in parts if part.startswith("cursor=")]
    found = _asked(filterset, "&".join(part for part in parts if not part.startswith("cursor=")))
    if found is None or len(cursors) != 1 or "cursor" not in filterset.base_filters:
        return None
    cursor = cursors[0].removeprefix("cursor=")
    return (found, cursor) if CURSOR.fullmatch(cursor) else None


def _asked(filterset: Any, query: str) -> Parameters | None:
    return _remembered(filterset, query) if len(query) <= MOST_LETTERS and query.isascii() else None


@lru_cache(1024)
def _remembered(filterset: Any, query: str) -> Parameters | None:
    try:
        params = params_of(query)
        # What comes of the whole query is remembered here.
        values = parameters_in(params, filterset, is_short=False)
    except (ValidationError, SuspiciousOperation):
        return None
    pairs = [(name, value) for name, found in params.lists() for value in found]
    is_same = len(pairs) == len(params) and PLAIN_PAIRS.fullmatch(query)
    rest = query if is_same else urlencode(pairs)
    return None if "cursor" in params else Parameters(values, rest and f"{rest}&")


def params_of(query: str) -> MultiValueDict:
    """Return the parameters of a query string, as Django reads it. Raises SuspiciousOperation."""
    if not PLAIN_PAIRS.fullmatch(query):
        return QueryDict(query)
    found: dict[str, list[str]] = {}
    for pair in query.split("&"):
        name, value = pair.split("=")
        found.setdefault(name, []).append(value)
    return MultiValueDict(found)


@lru_cache(1024)
def _read(known: Known, parameters: Parameters) -> Read:
    """Return what reads an address under parameters, the same one again for the same. Raises what that may raise."""
    return known.reader(parameters.values, **known.parts)


def answer(known: Known, environ: Environ) -> tuple[str, list[tuple[str, str]], bytes] | None:
    """Return status, headers and body; None for who may not read, or what is not asked in our own words.

    Raises every error that reading can meet, once the request has been counted.
    """
    request = asked(known.filterset, environ.get("QUERY_STRING", ""))
    reader = reader_of(environ["HTTP_AUTHORIZATION"]) if request else None
    if request is None or reader is None:
        return None
    wait_s = draw(reader)
    if wait_s is not None:
        raise Throttled(wait_s)
    parameters, cursor = request
    found = _read(known, parameters)(cursor or None)
    body = encode(found) if isinstance(found, Mapping) else found.body()
    etag = content_etag(body)
    own = [("ETag", etag), ("X-Request-ID", new_id())]
    if not isinstance(found, Mapping):
        cursors = {"next": found.next_cursor, "prev": found.previous_cursor}
        base = known.base + parameters.rest
        if links := {rel: f"{base}cursor={cursor}" for rel, cursor in cursors.items() if cursor}:
            own.append(("Link", link_header(links)))
    if holds(environ.get("HTTP_IF_NONE_MATCH"), etag):
        common = [(name, value) for name, value in known.headers if name != "Content-Type"]
        return "304 Not Modified", [*common, *own, ("Content-Length", "0")], b""
    return "200 OK", [*known.headers, *own, ("Content-Length", str(len(body)))], body
