"""What the sessions page shows beside the list: the values of each filter, and ways out of an empty list."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict

from dashboard.web.links import query
from sessions_app.page_forms import SessionListForm
from sessions_app.query import DEFAULT_ORDERING, SessionQuery
from sessions_app.session_index import FACETS
from sessions_app.session_order import SessionsFound

#: Values of a filter that are shown before the rest is folded away.
SHOWN_VALUES = 10
#: Values of a filter that are on the page at all; the others are found by searching.
MOST_VALUES = 100
ACTIVE_WORDS = {"true": "Active", "false": "Idle"}


def session_query(form: SessionListForm) -> SessionQuery:
    """Return what the form asks for; a search is for each of its words."""
    active = form.value("active")
    return SessionQuery(
        form.value("symbol"), form.value("timeframe"), None if active is None else active == "true",
        tuple((form.value("search") or "").split()), form.value("ordering") or DEFAULT_ORDERING,
    )  # fmt: skip


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else value


def facets(found: SessionsFound, wanted: SessionQuery, params: QueryDict) -> dict[str, dict[str, Any]]:
    """Return per filter its values, each with the number of sessions a click would show and where it leads.

    Most frequent values first, the chosen one always among those shown.
    """
    result = {}
    for name in FACETS:
        counts = {_text(value): count for value, count in found.counts[name].items()}
        chosen = getattr(wanted, name)
        chosen = None if chosen is None else _text(chosen)
        values = list(ACTIVE_WORDS) if name == "active" else sorted(counts, key=lambda one: (-counts[one], one))
        if chosen is not None and chosen not in values[:SHOWN_VALUES]:
            values = [chosen, *(value for value in values if value != chosen)]
        options = [
            {
                "value": value,
                "label": ACTIVE_WORDS[value] if name == "active" else value,
                "count": counts.get(value, 0),
                "href": query(params, **{name: value}),
                "current": value == chosen,
            }
            for value in values[:MOST_VALUES]
        ]
        result[name] = {
            "label": name.capitalize(),
            "all": {"count": sum(counts.values()), "href": query(params, **{name: None}), "current": chosen is None},
            "shown": options[:SHOWN_VALUES],
            "more": options[SHOWN_VALUES:],
            "left_out": len(values) - len(options),
            "active": chosen is not None,
        }
    return result


def without_one(found: SessionsFound, form: SessionListForm, params: QueryDict) -> list[dict[str, Any]]:
    """Return for each filter that is set how many sessions there would be without it, where that is more than none."""
    result = []
    for field, count in found.without.items():
        if count:
            name = "search" if field == "words" else field
            value = form.value(name)
            text = ACTIVE_WORDS[value].lower() if name == "active" else f"{name} {value}"
            result.append({"text": text, "count": count, "href": query(params, **{name: None})})
    return result
