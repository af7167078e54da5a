"""Addresses of our pages and of the API, everything foreign in them percent-encoded; query strings made from others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from django.http import QueryDict
from django.urls import get_script_prefix

#: Parameters that name a place in a list.
PLACES = ("cursor", "page", "start")


def encoded(text: object) -> str:
    """Return the text fit for one segment of a path; a colon may stand there as it is."""
    return quote(str(text), safe=":")


def session_path(sid: object) -> str:
    return f"{get_script_prefix()}sessions/{encoded(sid)}/"


def run_path(sid: object, config_hash: str, part: str = "") -> str:
    """Return the address of a run's page, or of a part of it such as `trades`."""
    return f"{session_path(sid)}runs/{encoded(config_hash)}/{part + '/' if part else ''}"


def api_run_path(sid: object, config_hash: str, part: str = "") -> str:
    """Return the address of a run in the API, or of a part of it such as `equity`."""
    return f"{get_script_prefix()}api/sessions/{encoded(sid)}/bots/{encoded(config_hash)}{'/' + part if part else ''}"


def anchor(key: str) -> str:
    """Return what a definition is called at the end of the address of the page of definitions."""
    return key.replace("_", "-")


def definition_path(key: str) -> str:
    """Return where a number's definition stands."""
    return f"{get_script_prefix()}help/metrics/#{anchor(key)}"


def query(params: QueryDict, **changes: object) -> str:
    """Return the query string with some parameters replaced; None drops one.

    A place in a list belongs to that list: it goes whenever anything else changes.
    """
    result = params.copy()
    for place in PLACES:
        result.pop(place, None)
    for name, value in changes.items():
        if value is None or value == "":
            result.pop(name, None)
        elif isinstance(value, Iterable) and not isinstance(value, str):
            result.setlist(name, [str(item) for item in value])
        else:
            result[name] = str(value)
    for name in [name for name, values in result.lists() if not any(values)]:
        del result[name]
    return f"?{result.urlencode()}"


def kept_fields(params: QueryDict) -> list[tuple[str, str]]:
    """Return the hidden fields of a form that asks for another place in the same list."""
    return [(name, value) for name, values in params.lists() if name not in PLACES for value in values if value]


def page_links(page: Any, params: QueryDict) -> dict[str, str]:
    """Return where the pager of a list with cursors leads; an empty address where there is nothing further."""
    back, on, last = page.previous_cursor, page.next_cursor, getattr(page, "last_cursor", None)
    return {
        "first": query(params) if back else "",
        "previous": query(params, cursor=back) if back else "",
        "next": query(params, cursor=on) if on else "",
        "last": query(params, cursor=last) if last else "",
    }
