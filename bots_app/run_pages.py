"""The pages of one run: tear sheet, trades, configuration, stored text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.text import Truncator

from bots_app.page_forms import PAGE_SIZES, RunAddressForm, RunNotesForm, TradeListForm, page_sizes
from bots_app.page_place import asked_list, list_place, list_suffix, standing
from bots_app.page_sheets import (
    MONTH_NAMES,
    curve_rows,
    figures,
    heat,
    parameters,
    ratios,
    reported_figures,
    side_rows,
)
from bots_app.page_trades import duration_rows, durations, exit_groups, histogram, histogram_rows, price_places
from bots_app.performance import PerformanceRegistry
from bots_app.raw_text import laid_out
from bots_app.records import BacktestRunRecord
from bots_app.registry import BotRegistry
from bots_app.trades import TradePage, TradeRegistry
from dashboard.errors import RecordUnreadable
from dashboard.web.columns import Column
from dashboard.web.edits import digest, save
from dashboard.web.links import api_run_path, page_links, run_path
from sessions_app.pages import SessionPage

#: Characters of a reason for a failure that are shown; all of it is in the raw record.
LONGEST_FAILURE = 1_000
#: Parts of a run's pages: path, label.
PARTS = (("", "Tear sheet"), ("trades", "Trades"), ("config", "Configuration"), ("raw", "Raw record"))
TRADE_COLUMNS = (
    Column("index", "No.", best_first="index"),
    Column("side", "Side", number=False, sortable=False, css="hide-s"),
    Column("entryTime", "Entry", unit="UTC", number=False, best_first="entryTime", css="hide-s"),
    Column("exitTime", "Exit", unit="UTC", number=False, best_first="exitTime"),
    Column("held", "Held", sortable=False, css="hide-s"),
    Column("entryPrice", "Entry price", sortable=False, css="first hide-s"),
    Column("exitPrice", "Exit price", sortable=False, css="hide-s"),
    Column("size", "Size", sortable=False, css="hide-s"),
    Column("fee", "Fee", sortable=False, css="hide-s"),
    Column("reason", "Exit reason", number=False, sortable=False, css="first"),
    Column("profit", "Result"),
)


class RunPage(SessionPage, ABC):
    """What the pages of a run share: its record, its rank, and where its other pages are.

    A record that cannot be read leads to the page that says why, whatever part was asked for.
    """

    part = ""
    address_form: type[RunAddressForm] = RunAddressForm
    config_hash: str
    record: BacktestRunRecord

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.config_hash = kwargs["config_hash"]

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        # Raises for what it does not know.
        self.form = self.address_form(request.GET)
        try:
            self.record = BotRegistry().get(self.sid, self.config_hash)
        except RecordUnreadable as error:
            return self.unreadable(error)
        content = self.content()
        return self.render_to_response(
            self.get_context_data(**self.frame(), **standing(self.sid, self.record), **content),
            status=content.get("status", 200),
        )

    @abstractmethod
    def content(self) -> dict[str, Any]:
        """Return the context of the part."""

    def frame(self) -> dict[str, Any]:
        """Return the context of the header and the tabs."""
        sid, config_hash = self.sid, self.config_hash
        context = {
            "title": f"Run {config_hash[:8]} of {sid.symbol} {sid.timeframe}",
            "sid": sid,
            "config_hash": config_hash,
            **list_place(sid, config_hash, self.request.GET, self.part),
            "run_href": run_path(sid, config_hash),
            "api_href": api_run_path(sid, config_hash),
        }
        suffix = context["list_suffix"]
        tabs = [(run_path(sid, config_hash, part) + suffix, label, part == self.part) for part, label in PARTS]
        return context | {"tabs": tabs}

    def unreadable(self, error: RecordUnreadable) -> HttpResponse:
        """Return the page that says why the record cannot be read, with its stored text."""
        try:
            raw = laid_out(BotRegistry().raw(self.sid, self.config_hash))
        except RecordUnreadable:
            # There may be nothing stored, or something that is no text.
            raw = None
        context = self.get_context_data(**self.frame() | {"tabs": []}, reason=error.reason, raw=raw)
        return render(self.request, "pages/run_unreadable.html", context)


class RunSheet(RunPage):
    """The tear sheet; without trades, what the record itself reports."""

    template_name = "pages/run.html"

    def content(self) -> dict[str, Any]:
        sid, record = self.sid, self.record
        context: dict[str, Any] = {
            "record": record,
            "failure": failure_of(record),
            "parameters": parameters(record),
            "notes_form": run_notes_form(record),
            "equity_src": f"{api_run_path(sid, self.config_hash, 'equity')}?points=1000",
        }
        try:
            sheet = PerformanceRegistry().tear_sheet(sid, record)
        except RecordUnreadable as error:
            return context | {"figures": reported_figures(record), "trades_problem": error.reason}
        if not (sheet.statistics.all.trades or sheet.notes):
            return context | {"figures": reported_figures(record)}
        return context | {
            "sheet": sheet,
            "figures": figures(sheet),
            "sides": side_rows(sheet),
            "ratios": ratios(sheet),
            "heat": heat(sheet.months),
            "month_names": MONTH_NAMES,
            "curve": curve_rows(sheet),
            "histogram": histogram(sheet),
            "bins": histogram_rows(sheet),
            "durations": durations(sheet),
            "duration_rows": duration_rows(sheet),
            "exit_groups": exit_groups(sheet),
        }


class RunTrades(RunPage):
    """The run's trades, a page at a time."""

    part = "trades"
    address_form = TradeListForm
    template_name = "pages/run_trades.html"

    def content(self) -> dict[str, Any]:
        form = self.form
        params = self.request.GET
        context: dict[str, Any] = {"record": self.record, "form": form}
        if not form.is_valid():
            return context | {"status": 400}
        ordering = form.value("ordering") or "index"
        try:
            page: TradePage = TradeRegistry().page(
                self.sid,
                self.config_hash,
                ordering=ordering,
                cursor=form.value("cursor"),
                limit=form.value("limit") or PAGE_SIZES[0],
            )
        except RecordUnreadable as error:
            return context | {"trades_problem": error.reason}
        first = page.first_rank or 1
        return context | {
            "page": page,
            "places": price_places(page.trades),
            "first_rank": first,
            "last_rank": first + len(page.trades) - 1,
            "columns": [column.header(params, ordering) for column in TRADE_COLUMNS],
            "page_links": page_links(page, params),
            "sizes": page_sizes(params),
            "size": form.value("limit") or PAGE_SIZES[0],
        }


class RunConfiguration(RunPage):
    """Every parameter of the run under its dotted name."""

    part = "config"
    template_name = "pages/run_config.html"

    def content(self) -> dict[str, Any]:
        return {"record": self.record, "parameters": parameters(self.record)}


class RunRaw(RunPage):
    """The stored text of the record."""

    part = "raw"
    template_name = "pages/run_raw.html"

    def content(self) -> dict[str, Any]:
        return {"record": self.record, "raw": laid_out(self.record.raw)}


class EditRun(SessionPage):
    """Save an operator's notes and tags of a run; on a conflict both texts are shown."""

    http_method_names = ["post"]
    template_name = "pages/conflict.html"

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        self.require_edit()
        sid, config_hash, registry = self.sid, kwargs["config_hash"], BotRegistry()
        form = RunNotesForm(request.POST)
        back = run_path(sid, config_hash) + list_suffix(asked_list(request.GET)[1])
        if not form.is_valid():
            messages.error(
                request, " ".join(["Not saved.", *(str(text) for texts in form.errors.values() for text in texts)])
            )
            return redirect(back)
        notes, tags = form.cleaned_data["notes"], form.cleaned_data["tags"]
        is_saved = save(
            form.cleaned_data["version"],
            etag=lambda: registry.etag(sid, config_hash),
            stored=lambda: run_digest(registry.get(sid, config_hash)),
            write=lambda etag: registry.annotate(sid, config_hash, notes=notes, tags=tags, if_match=etag),
        )
        if is_saved:
            messages.success(request, "Saved.")
            return redirect(back)
        stored = registry.get(sid, config_hash)
        context = self.get_context_data(
            title=f"Notes of run {config_hash[:8]}",
            back=back,
            fresh=run_digest(stored),
            carried={"notes": notes, "tags": ", ".join(tags)},
            stored={"Notes": stored.notes, "Tags": ", ".join(stored.tags)},
            wanted={"Notes": notes, "Tags": ", ".join(tags)},
        )
        return self.render_to_response(context, status=412)


def run_digest(record: BacktestRunRecord) -> str:
    """Return what the form of a run's notes carries to notice a change by somebody else."""
    return digest(record.notes, *record.tags)


def run_notes_form(record: BacktestRunRecord) -> RunNotesForm:
    """Return the form that edits a run's notes and tags."""
    return RunNotesForm(initial={"notes": record.notes, "tags": ", ".join(record.tags), "version": run_digest(record)})


def failure_of(record: BacktestRunRecord) -> str:
    """Return why the run failed, as its writer says it, wherever that is said; a long text is cut."""
    results = record.whole.get("resultsMetadata")
    for place in (results if isinstance(results, dict) else {}, record.whole):
        for name in ("error", "reason", "errorMessage"):
            if isinstance(place.get(name), str) and place[name].strip():
                return Truncator(place[name].strip()).chars(LONGEST_FAILURE)
    return ""
