"""The list of sessions worked out the slow and plain way: every key looked at, every summary read."""

from __future__ import annotations

from typing import Any

from dashboard.errors import SessionNotFound
from sessions_app.discovery import find_session_ids
from sessions_app.query import SessionQuery
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry

Summary = dict[str, Any]
FILTERS = ("symbol", "timeframe", "active")


def summaries() -> list[Summary]:
    """Return every session there is, as its own address answers it, by id."""
    found = []
    for name in sorted(set(find_session_ids())):
        try:
            found.append(SessionRegistry().get(SessionId.parse(name)).to_dict() | {"": name})
        except SessionNotFound:
            continue
    return found


def matching(query: SessionQuery, everything: list[Summary]) -> list[Summary]:
    """Return the sessions that pass every filter."""
    return [
        one
        for one in everything
        if all(getattr(query, name) in (None, one[name]) for name in FILTERS)
        and all(
            word.casefold() in one[""].casefold() or word.casefold() in one["notes"].casefold() for word in query.words
        )
    ]


def listed(query: SessionQuery, everything: list[Summary]) -> list[Summary]:
    """Return the sessions of the list in its order, as the API answers them."""
    by, is_descending = query.ordering.removeprefix("-"), query.ordering.startswith("-")
    found = matching(query, everything)
    valued = [one for one in found if one[by] not in (None, "")]
    # Numbers before texts.
    valued.sort(key=lambda one: (isinstance(one[by], str), one[by], one[""]), reverse=is_descending)
    return [
        {name: value for name, value in one.items() if name}
        for one in valued + [one for one in found if one[by] in (None, "")]
    ]


def counts(name: str, query: SessionQuery, everything: list[Summary]) -> dict[Any, int]:
    """Return how many sessions pass all filters but one, by their values of that."""
    others = {one: getattr(query, one) for one in FILTERS if one != name}
    found = [one[name] for one in matching(SessionQuery(**others, words=query.words), everything)]
    return {value: found.count(value) for value in found}
