"""The page of a session: its key figures and the table of its runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict

from bots_app.page_forms import PAGE_SIZES, RunListForm, page_sizes
from bots_app.page_place import ORDER_WORDS, list_suffix
from bots_app.performance import PerformanceRegistry
from bots_app.query import NOT, RunQuery
from bots_app.registry import BotRegistry
from bots_app.run_page import RunPage
from dashboard.api.links import api_path
from dashboard.errors import IndexBuilding
from dashboard.web import numbers
from dashboard.web.columns import Column
from dashboard.web.links import page_links, query, run_path
from sessions_app.events import EventRegistry
from sessions_app.pages import SessionPage, notes_form
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry

COLUMNS = (
    Column(
        "profit", "Profit", css="first", tip="Sum of the realised result of all closed trades, in the quote currency."
    ),
    Column(
        "sharpe",
        "Sharpe",
        sortable=False,
        tip="Mean over standard deviation of the returns, per year, as the record reports it.",
        key="sharpe",
    ),
    Column(
        "maxDrawdown",
        "Max DD",
        sortable=False,
        tip="Largest fall of equity from a peak, as the record reports it.",
        key="max_drawdown",
    ),
    Column(
        "profitFactor",
        "PF",
        sortable=False,
        tip="Gross profit / |gross loss|, per trade, as the record reports it.",
        key="profit_factor",
    ),
    Column(
        "winRate",
        "Win rate",
        sortable=False,
        tip="Share of closed trades with a result above zero, as the record reports it.",
        key="win_rate",
    ),
    Column(
        "numTrades", "Trades", sortable=False, tip="Number of closed trades, as the record reports it.", key="trades"
    ),
    Column("botId", "Bot", number=False, sortable=False, css="first"),
    Column("lastUpdated", "Updated", css="first"),
)
#: Statuses whose chips come first, in this order; any other text may be a status as well.
KNOWN_STATUSES = ("completed", "running", "failed", "unreadable")
#: Statuses with a chip above the list; all are in the column of filters.
MOST_CHIPS = 8


class SessionRuns(SessionPage):
    """A session's runs that match; filters, order and place are in the address."""

    template_name = "pages/session.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        sid, runs = self.sid, BotRegistry()
        # Asked first: what is written while the page is made is new to it.
        since = EventRegistry().position(sid)
        session = SessionRegistry().get(sid)
        form = RunListForm(request.GET)
        valid = form.is_valid()
        context = {
            "title": f"{session.symbol} {session.timeframe}",
            "sid": sid,
            "session": session,
            "notes_form": notes_form(session),
            "events": {"src": api_path("sessions", str(sid), "events"), "since": since},
            "form": form,
            **frame(sid, runs, form.value("status") or (), request.GET),
        }
        if valid:
            asked = form.run_query()
            page = runs.page(sid, asked, cursor=form.value("cursor"), limit=form.value("limit") or PAGE_SIZES[0])
            context |= listing(sid, page, asked, request.GET)
            if context["figures"] and page.count > context["all_runs"]:
                # Another program has written runs that the kept figures do not count yet.
                context["all_runs"] = page.count
            if not page.count:
                context["without"] = without_one(sid, runs, asked, request.GET)
        return self.render_to_response(self.get_context_data(**context), status=200 if valid else 400)


def frame(sid: SessionId, runs: BotRegistry, chosen: tuple[str, ...], params: QueryDict) -> dict[str, Any]:
    """Return what stands around the table: key figures over all runs, and a chip per status.

    Both need the indexes; while these are being built the list can be had already, so the page does without them.
    """
    try:
        counts, figures = runs.status_counts(sid), PerformanceRegistry().aggregate(sid, RunQuery())
    except IndexBuilding:
        return {
            "figures": None,
            "counts": {},
            "chosen": chosen,
            "chips": [],
            "all_href": query(params, status=None),
            "kept": {},
        }
    names = [name for name in KNOWN_STATUSES if counts.get(name)]
    others = {*counts, *chosen} - {*names}
    names += sorted(others, key=lambda name: (name not in chosen, -counts.get(name, 0), name))
    chips = [
        {"status": name, "count": count_of(name, counts), "href": query(params, status=name), "current": name in chosen}
        for name in names
    ]
    return {
        "figures": figures,
        "best_href": run_path(sid, figures["bestConfigHash"]) if figures["bestConfigHash"] else "",
        "worst_href": run_path(sid, figures["worstConfigHash"]) if figures["worstConfigHash"] else "",
        "counts": counts,
        "chosen": chosen,
        "kept": {name: params[name] for name in ("ordering", "limit") if params.get(name)},
        "all_runs": sum(counts.values()),
        "chips": chips,
        "shown_chips": chips[:MOST_CHIPS],
        "more_chips": max(0, len(chips) - MOST_CHIPS),
        "all_href": query(params, status=None),
    }


def count_of(status: str, counts: Mapping[str, int]) -> int:
    """Return how many runs have a status, or do not have the one behind a `!`."""
    if not status.startswith(NOT):
        return counts.get(status, 0)
    return sum(counts.values()) - counts.get(status.removeprefix(NOT), 0)


def listing(sid: SessionId, page: RunPage, asked: RunQuery, params: QueryDict) -> dict[str, Any]:
    """Return the context of the table and its pager."""
    first, suffix = page.first_rank, list_suffix(params)
    rows = [
        {
            "rank": None if first is None else first + place,
            "href": run_path(sid, row["configHash"]),
            "suffix": suffix,
            "unreadable": None,
            **row,
        }
        for place, row in enumerate(page.decoded())
    ]
    return {
        "page": page,
        "rows": rows,
        "last_rank": None if first is None else first + len(rows) - 1,
        "columns": [column.header(params, asked.ordering) for column in COLUMNS],
        "order_words": ORDER_WORDS[asked.ordering],
        "ranges": active_ranges(asked, params),
        "clear": query(params, status=None, minProfit=None, maxProfit=None),
        "page_links": page_links(page, params),
        "sizes": page_sizes(params),
        "size": int(params.get("limit") or PAGE_SIZES[0]),
    }


def active_ranges(asked: RunQuery, params: QueryDict) -> list[dict[str, str]]:
    """Return a chip for each end of a range that is set, with the address that drops it."""
    ends = (("minProfit", "≥", asked.min_profit), ("maxProfit", "≤", asked.max_profit))
    return [
        {"text": f"Profit {sign} {numbers.price(value)}", "href": query(params, **{name: None})}
        for name, sign, value in ends
        if value is not None
    ]


def without_one(sid: SessionId, runs: BotRegistry, asked: RunQuery, params: QueryDict) -> list[dict[str, Any]]:
    """Return for each filter that is set how many runs there would be without it, where that is more than none."""
    filters = (
        ("statuses", "status", f"status {', '.join(asked.statuses)}", ()),
        ("excluded", "status", f"status not {', not '.join(asked.excluded)}", ()),
        ("min_profit", "minProfit", f"profit ≥ {numbers.price(asked.min_profit)}", None),
        ("max_profit", "maxProfit", f"profit ≤ {numbers.price(asked.max_profit)}", None),
    )
    result = []
    for attribute, name, text, absent in filters:
        if getattr(asked, attribute) == absent:
            continue
        count = runs.page(sid, replace(asked, **{attribute: absent}), limit=1).count
        if count:
            result.append({"text": text, "count": count, "href": query(params, **{name: None})})
    return result
