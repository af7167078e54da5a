"""Where a run stands: in the list one came from, carried in its address as `list`, and by profit in its session."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import quote

from django.http import QueryDict

from bots_app.page_forms import RunListForm
from bots_app.query import RunQuery
from bots_app.records import BacktestRunRecord
from bots_app.registry import BotRegistry
from dashboard.errors import InvalidParameter
from dashboard.web import numbers
from dashboard.web.links import query, run_path, session_path
from sessions_app.records import SessionId

ORDER_WORDS = {
    "-profit": "by profit, highest first",
    "profit": "by profit, lowest first",
    "-lastUpdated": "by update, latest first",
    "lastUpdated": "by update, oldest first",
}


def order_words(asked: RunQuery) -> str:
    """Return the order of a list in words."""
    if asked.ordering in ORDER_WORDS:
        return ORDER_WORDS[asked.ordering]
    words = [f"{name}, {'highest' if descending else 'lowest'} first" for name, descending in asked.order]
    return f"by {', then '.join(words)}"


def list_suffix(params: QueryDict) -> str:
    """Return the end of the address of a run that is shown in the list of these parameters; '' for the plain list."""
    text = query(params).removeprefix("?")
    return f"?list={quote(text, safe='')}" if text else ""


def asked_list(params: QueryDict) -> tuple[RunQuery, QueryDict]:
    """Return the list that the address of a run names, as a query and as parameters.

    Raises InvalidParameter for what the page of a session would not understand.
    """
    named = QueryDict(params.get("list", ""))
    try:
        form = RunListForm(named)
        if form.is_valid():
            return form.run_query(), named
        problem = "; ".join(f"{name}: {' '.join(map(str, errors))}" for name, errors in form.errors.items())
    except InvalidParameter as error:
        problem = str(error)
    raise InvalidParameter("list", problem)


def list_words(asked: RunQuery) -> str:
    """Return the list in words, its filters before its order."""
    words = [", ".join(asked.statuses)] if asked.statuses else []
    words += [f"not {', not '.join(asked.excluded)}"] if asked.excluded else []
    for sign, value in (("≥", asked.min_profit), ("≤", asked.max_profit)):
        if value is not None:
            words.append(f"profit {sign} {numbers.price(value)}")
    words += [text for _, text in bound_words(asked)]
    words += [asked.where.text] if asked.where else []
    return "; ".join([*words, order_words(asked)])


def bound_words(asked: RunQuery) -> list[tuple[str, str]]:
    """Return each end of the range of a field: the parameter it is given by, and it in words."""
    return [
        (prefix + field, f"{field} {sign} {value:g}")
        for field, least, most in asked.bounds
        for prefix, sign, value in (("min.", "≥", least), ("max.", "≤", most))
        if value is not None
    ]


def list_place(sid: SessionId, config_hash: str, params: QueryDict, part: str) -> dict[str, Any]:
    """Return the context of the line that leads back to the list and on to the run's neighbours there."""
    registry = BotRegistry()
    asked, named = asked_list(params)
    suffix = list_suffix(named)
    rank, count = registry.rank(sid, config_hash, asked)
    around = registry.neighbours(sid, config_hash, asked)
    previous, following = (run_path(sid, one, part) + suffix if one else "" for one in around)
    return {
        "list_suffix": suffix,
        "list_href": session_path(sid) + query(named) if suffix else session_path(sid),
        "list_words": list_words(asked),
        "list_rank": rank,
        "list_count": count,
        "is_listed": bool(rank or previous or following),
        "previous_run": previous,
        "next_run": following,
    }


def standing(sid: SessionId, record: BacktestRunRecord) -> dict[str, Any]:
    """Return the run's rank by profit among all runs of its session, and its share from the top; of a profit alone."""
    if record.profit is None:
        return {"rank": None}
    registry, everything = BotRegistry(), RunQuery()
    rank, count = registry.rank(sid, record.configHash, everything)
    at_least = registry.count(sid, replace(everything, min_profit=record.profit))
    ranked = registry.count(sid, replace(everything, min_profit=float("-inf")))
    return {
        "rank": rank,
        "ranked": count,
        "top": numbers.top_share(at_least, ranked),
        "at_least": at_least,
        "with_profit": ranked,
        "below": 100 * (1 - at_least / ranked) if ranked else 0,
    }
