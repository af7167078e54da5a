"""The page of a session: its key figures and the table of its runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import repeat
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from bots_app.analysis_fields import description_of
from bots_app.choosing import left_out
from bots_app.deriving import is_to_come
from bots_app.page_forms import PAGE_SIZES, RunListForm, page_sizes
from bots_app.page_place import bound_words, list_suffix, order_words
from bots_app.performance import PerformanceRegistry
from bots_app.planner import plan_of
from bots_app.query import NOT, RunQuery
from bots_app.registry import BotRegistry
from bots_app.run_page import RunPage
from bots_app.table.plateaus import is_plateau, plateau_of
from bots_app.unindexed import wait_for_index
from bots_app.where_example import PLAIN, where_example
from dashboard.api.links import api_path
from dashboard.errors import IndexBuilding, InvalidParameter
from dashboard.web import numbers
from dashboard.web.columns import Column
from dashboard.web.links import kept_fields, page_links, query, run_path
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
        tip="Mean over standard deviation of the returns, per year, as the record reports it.",
        key="sharpe",
    ),
    Column(
        "maxDrawdown",
        "Max DD",
        best_first="maxDrawdown",
        tip="Largest fall of equity from a peak, as the record reports it.",
        key="max_drawdown",
    ),
    Column(
        "profitFactor",
        "PF",
        tip="Gross profit / |gross loss|, per trade, as the record reports it.",
        key="profit_factor",
    ),
    Column(
        "winRate",
        "Win rate",
        tip="Share of closed trades with a result above zero, as the record reports it.",
        key="win_rate",
    ),
    Column("numTrades", "Trades", tip="Number of closed trades, as the record reports it.", key="trades"),
    Column("botId", "Bot", number=False, sortable=False, css="first"),
    Column("lastUpdated", "Updated", css="first"),
)
#: Statuses whose chips come first, in this order; any other text may be a status as well.
KNOWN_STATUSES = ("completed", "running", "failed", "unreadable")
#: Fields that get a column because the list is ordered or narrowed by them.
MOST_FURTHER = 6
#: What of an address stays when all filters are cleared.
LASTING = ("ordering", "limit")
#: What htmx says it wants to fill where it asks how far the indexes are.
BUILDING = "building"
#: Statuses with a chip above the list; all are in the column of filters.
MOST_CHIPS = 8


class SessionRuns(SessionPage):
    """A session's runs that match; filters, order and place are in the address."""

    template_name = "pages/session.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        sid, runs = self.sid, BotRegistry()
        if request.headers.get("HX-Target") == BUILDING:
            return self._building()
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
            try:
                context |= self._list(form, context)
            except InvalidParameter as error:  # a field that no run of this session has
                form.refuse(error)
            except IndexBuilding as error:
                context["building"] = error
        context["field_ranges"] = field_ranges(form)
        # What is wrong with an expression is said at its box.
        context["other_errors"] = {name: errors for name, errors in form.errors.items() if name != "where"}
        context["has_filters"] = any((context.get("all_runs"), not context["figures"], request.GET))
        return self.render_to_response(self.get_context_data(**context), status=400 if form.errors else 200)

    def _building(self) -> HttpResponse:
        """Return the notice that says how far the indexes are; once they are there, have the page loaded anew."""
        if not is_to_come(self.sid):
            return HttpResponse(status=204, headers={"HX-Refresh": "true", "Cache-Control": "no-store"})
        # The form alone tells whether there is a list beside the notice: it is not read again for that.
        form = RunListForm(self.request.GET)
        is_listed = form.is_valid() and not plan_of(form.run_query()).is_table
        context = {"building": wait_for_index(self.sid, "this list"), "page": is_listed}
        response = render(self.request, "includes/building.html", context)
        response["Cache-Control"] = "no-store"
        return response

    def _list(self, form: RunListForm, context: Mapping[str, Any]) -> dict[str, Any]:
        """Return the context of the table. Raises InvalidParameter."""
        sid, runs, params, asked = self.sid, BotRegistry(), self.request.GET, form.run_query()
        page = runs.page(
            sid, asked, cursor=form.value("cursor"), limit=form.value("limit") or PAGE_SIZES[0], start=form.start
        )
        found = listing(sid, page, asked, params)
        found["export_href"] = export_path(sid, params, form.numbers())
        if context["figures"] and page.count > context["all_runs"]:
            # Another program has written runs that the kept figures do not count yet.
            found["all_runs"] = page.count
        if not page.count:
            found["without"] = without_one(sid, runs, asked, params)
        return found


def frame(sid: SessionId, runs: BotRegistry, chosen: tuple[str, ...], params: QueryDict) -> dict[str, Any]:
    """Return what stands around the table: key figures over all runs, and a chip per status.

    Both need the indexes; while these are being built the list can be had already, so the page does without them.
    """
    try:
        counts, figures = runs.status_counts(sid), PerformanceRegistry().aggregate(sid, RunQuery())
    except IndexBuilding as building:
        return {
            "figures": None,
            "building": building,
            "example": PLAIN,
            "counts": {},
            "chosen": chosen,
            "chips": [],
            "all_href": query(params, status=None),
            "kept": {},
        }
    names = [name for name in KNOWN_STATUSES if counts.get(name)]
    others = {*counts, *chosen} - {*names}
    without_column = left_out(sid)
    names += sorted(others, key=lambda name: (name not in chosen, -counts.get(name, 0), name))
    chips = [
        {"status": name, "count": count_of(name, counts), "href": query(params, status=name), "current": name in chosen}
        for name in names
    ]
    return {
        "figures": figures,
        "left_out": without_column.fields,
        "is_choice_pending": without_column.is_pending,
        "example": where_example(sid, without_column.generation),
        "fields_href": api_path("sessions", str(sid), "bots", "fields"),
        "best_href": run_path(sid, figures["bestConfigHash"]) if figures["bestConfigHash"] else "",
        "worst_href": run_path(sid, figures["worstConfigHash"]) if figures["worstConfigHash"] else "",
        "counts": counts,
        "chosen": chosen,
        "kept": {name: params[name] for name in LASTING if params.get(name)},
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
    further = further_fields(asked)
    values = BotRegistry().page_rows(sid, page, further) if further else repeat({})
    rows = [
        {
            "rank": None if first is None else first + place,
            "href": run_path(sid, row["configHash"]),
            "suffix": suffix,
            "unreadable": None,
            "further": [others.get(name) for name in further],
            **row,
        }
        for place, (row, others) in enumerate(zip(page.decoded(), values, strict=False))
    ]
    return {
        "page": page,
        "rows": rows,
        "last_rank": None if first is None else first + len(rows) - 1,
        "columns": [column.header(params, asked.ordering) for column in columns_of(further)],
        "order_words": order_words(asked),
        "plateau": plateau_link(asked, params),
        "plan": plan_of(asked),
        "ranges": active_ranges(asked, params),
        "clear": query(QueryDict(urlencode({name: params[name] for name in LASTING if params.get(name)}))),
        "page_links": page_links(page, params),
        "goto_fields": kept_fields(params),
        "sizes": page_sizes(params),
        "size": int(params.get("limit") or PAGE_SIZES[0]),
    }


def export_path(sid: SessionId, params: QueryDict, numbers: Mapping[str, float]) -> str:
    """Return the address of a file of all runs listed; of a number's spellings it takes fewer than pages do."""
    return api_path("sessions", str(sid), "bots", "export") + query(params, limit=None, format="csv", **numbers)


def further_fields(asked: RunQuery) -> list[str]:
    """Return the fields that a list is ordered by or narrowed by and that have no column of their own, some of them."""
    names = [*(name for name, _ in asked.order), *(bound.field for bound in asked.bounds)]
    names += sorted(asked.where.fields) if asked.where else []
    usual = {column.name for column in COLUMNS} | {"status"}
    return [name for name in dict.fromkeys(names) if name not in usual][:MOST_FURTHER]


def columns_of(further: list[str]) -> list[Column]:
    """Return the columns of the table, those of further fields before the bot's name."""
    place = next(index for index, column in enumerate(COLUMNS) if column.name == "botId")
    own = [Column(name, name, css="param", tip=description_of(name)) for name in further]
    return [*COLUMNS[:place], *own, *COLUMNS[place:]]


def plateau_link(asked: RunQuery, params: QueryDict) -> dict[str, str]:
    """Return what leads to the same list by the plateau score of the metric that it is ordered by, nothing there."""
    metrics = {column.name for column in COLUMNS if column.key} | {"profit"}
    if is_plateau(asked.by):
        return {}
    metric = asked.by if asked.by in metrics else "profit"
    name, sign = plateau_of(metric), "" if metric == "maxDrawdown" else "-"
    return {
        "metric": metric,
        "title": description_of(name),
        "href": query(params, ordering=f"{sign}{name}"),
    }


def field_ranges(form: RunListForm) -> list[dict[str, Any]]:
    """Return the ranges in the column of filters: of the metrics in the table, and of what the address bounds."""
    labels = {column.name: column.label for column in COLUMNS if column.key}
    bounded = {name.partition(".")[2] for name in form.fields if name.startswith(tuple(form.families))}
    labels |= {name: name for name in sorted(bounded - {*labels})}
    return [
        {"label": label, "ends": ends, "is_open": any(end["value"] for end in ends)}
        for name, label in labels.items()
        if (
            ends := [
                _end(form, f"{prefix}{name}", word) for prefix, word in (("min.", "at least"), ("max.", "at most"))
            ]
        )
    ]


def _end(form: RunListForm, name: str, word: str) -> dict[str, Any]:
    return {"name": name, "word": word, "value": form.data.get(name, ""), "errors": form.errors.get(name, ())}


def active_ranges(asked: RunQuery, params: QueryDict) -> list[dict[str, str]]:
    """Return a chip for each end of a range that is set, with the address that drops it."""
    ends = (("minProfit", "≥", asked.min_profit), ("maxProfit", "≤", asked.max_profit))
    return [
        {"text": f"Profit {sign} {numbers.price(value)}", "href": query(params, **{name: None})}
        for name, sign, value in ends
        if value is not None
    ] + [{"text": text, "href": query(params, **{name: None})} for name, text in bound_words(asked)]


def without_one(sid: SessionId, runs: BotRegistry, asked: RunQuery, params: QueryDict) -> list[dict[str, Any]]:
    """Return for each filter that is set how many runs there would be without it, where that is more than none."""
    filters = (
        ("statuses", "status", f"status {', '.join(asked.statuses)}", ()),
        ("excluded", "status", f"status not {', not '.join(asked.excluded)}", ()),
        ("min_profit", "minProfit", f"profit ≥ {numbers.price(asked.min_profit)}", None),
        ("max_profit", "maxProfit", f"profit ≤ {numbers.price(asked.max_profit)}", None),
        ("where", "where", asked.where.text if asked.where else "", None),
    )
    fewer = [
        (replace(asked, **{attribute: absent}), (name,), text)
        for attribute, name, text, absent in filters
        if getattr(asked, attribute) != absent
    ]
    for bound in asked.bounds:
        others = tuple(one for one in asked.bounds if one != bound)
        names = (f"min.{bound.field}", f"max.{bound.field}")
        text = " and ".join(text for name, text in bound_words(asked) if name in names)
        fewer.append((replace(asked, bounds=others), names, text))
    counted = [(runs.count(sid, one), names, text) for one, names, text in fewer]
    return [
        {"text": text, "count": count, "href": query(params, **dict.fromkeys(names))}
        for count, names, text in counted
        if count
    ]
