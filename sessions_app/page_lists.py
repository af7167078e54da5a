"""Choosing and ordering sessions for the page: a few thousand summaries at most, all in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from django.http import QueryDict

from dashboard.web.links import query
from sessions_app.page_forms import SessionListForm
from sessions_app.records import SessionSummary

#: Values of a filter that are shown before the rest is folded away.
SHOWN_VALUES = 10
ACTIVE_WORDS = {"true": "Active", "false": "Idle"}


@dataclass(frozen=True)
class SessionChoice:
    """Which sessions are wanted; None means any."""

    NAMES: ClassVar[tuple[str, ...]] = ("search", "symbol", "timeframe", "active")

    search: str | None = None
    symbol: str | None = None
    timeframe: str | None = None
    active: str | None = None

    @classmethod
    def of(cls, form: SessionListForm) -> SessionChoice:
        return cls(**{name: form.value(name) for name in cls.NAMES})

    def matches(self, one: SessionSummary) -> bool:
        words = f"{one.symbol} {one.timeframe} {one.notes or ''} {one.sid}".casefold()
        return (
            (self.symbol is None or one.symbol == self.symbol)
            and (self.timeframe is None or one.timeframe == self.timeframe)
            and (self.active is None or active_word(one) == self.active)
            and all(word in words for word in (self.search or "").casefold().split())
        )

    def set_names(self) -> list[str]:
        return [name for name in self.NAMES if getattr(self, name) is not None]


def active_word(one: SessionSummary) -> str:
    return "true" if one.active else "false"


def ordered(sessions: Sequence[SessionSummary], ordering: str) -> list[SessionSummary]:
    """Return the sessions in order; ties by id, sessions without the value last both ways."""
    name, descending = ordering.lstrip("-"), ordering.startswith("-")
    sessions = sorted(sessions, key=lambda one: str(one.sid), reverse=descending)
    present = [one for one in sessions if getattr(one, name) is not None]
    missing = sorted((one for one in sessions if getattr(one, name) is None), key=lambda one: str(one.sid))
    return sorted(present, key=lambda one: getattr(one, name), reverse=descending) + missing


def by_frequency(counts: Counter[str]) -> Callable[[str], tuple[int, str]]:
    """Return the sort key for values, the most frequent first."""
    return lambda value: (-counts[value], value)


def facets(sessions: Sequence[SessionSummary], choice: SessionChoice, params: QueryDict) -> dict[str, dict[str, Any]]:
    """Return per filter its values, each with the number of sessions a click would show and where it leads.

    Most frequent values first, the chosen one always among those shown.
    """
    values = {"symbol": lambda one: one.symbol, "timeframe": lambda one: one.timeframe, "active": active_word}
    result = {}
    for name, value_of in values.items():
        chosen, others = getattr(choice, name), replace(choice, **{name: None})
        counts = Counter(value_of(one) for one in sessions if others.matches(one))
        found = list(ACTIVE_WORDS) if name == "active" else sorted(counts, key=by_frequency(counts))
        if chosen is not None and chosen not in found[:SHOWN_VALUES]:
            found = [chosen, *(value for value in found if value != chosen)]
        options = [
            {
                "value": value,
                "label": ACTIVE_WORDS[value] if name == "active" else value,
                "count": counts[value],
                "href": query(params, **{name: value}),
                "current": value == chosen,
            }
            for value in found
        ]
        result[name] = {
            "label": name.capitalize(),
            "all": {"count": counts.total(), "href": query(params, **{name: None}), "current": chosen is None},
            "shown": options[:SHOWN_VALUES],
            "more": options[SHOWN_VALUES:],
            "active": chosen is not None,
        }
    return result


def without_one(sessions: Sequence[SessionSummary], choice: SessionChoice, params: QueryDict) -> list[dict[str, Any]]:
    """Return for each filter that is set how many sessions there would be without it, where that is more than none."""
    result = []
    for name in choice.set_names():
        count = sum(map(replace(choice, **{name: None}).matches, sessions))
        if count:
            value = getattr(choice, name)
            text = ACTIVE_WORDS[value].lower() if name == "active" else f"{name} {value}"
            result.append({"text": text, "count": count, "href": query(params, **{name: None})})
    return result
