"""The list of sessions, and the form that edits one's notes."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect

from dashboard.web.columns import Column
from dashboard.web.edits import digest, save
from dashboard.web.links import query, run_path, session_path
from dashboard.web.views import Page
from sessions_app.page_forms import SessionListForm, SessionNotesForm
from sessions_app.page_lists import facets, session_query, without_one
from sessions_app.records import SessionId, SessionSummary
from sessions_app.registry import SessionRegistry
from sessions_app.run_search import RunHits, sessions_with_run

#: Sessions on one page; fewer than that is the rule.
PAGE_SIZE = 200
#: Sessions listed that hold a run of the hash searched for.
MOST_HITS = 50
COLUMNS = (
    Column("symbol", "Session", best_first="symbol", css="pin last", number=False),
    Column("runCount", "Runs", css="hide-s"),
    Column("completedRuns", "Completed", css="hide-s", number=False),
    Column("errorCount", "Failed", css="hide-s"),
    Column(
        "bestProfit", "Best profit", css="first", tip="Highest profit of a run of the session, in its quote currency."
    ),
    Column("avgProfit", "Average", css="hide-m", tip="Average profit of the completed runs of the session."),
    Column("lastUpdate", "Updated", css="first hide-s"),
)


class SessionList(Page):
    """All sessions that match; filter, order and page are in the address."""

    template_name = "pages/sessions.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = SessionListForm(request.GET)
        status = 200 if form.is_valid() else 400
        listing, hits = self.listing(form), run_hits(form)
        if hits and len(hits.sids) == 1 and not listing["rows"] and listing["is_search_alone"]:
            return self.whole(HttpResponseRedirect(run_path(hits.sids[0], form.value("search"))))
        if hits:
            listing["hits"] = hits
            listing["hit_rows"] = [(sid, run_path(sid, form.value("search"))) for sid in hits.sids[:MOST_HITS]]
        return self.render_to_response(self.get_context_data(form=form, **listing), status=status)

    def listing(self, form: SessionListForm) -> dict[str, Any]:
        """Return the context of the list."""
        wanted = session_query(form)
        found = SessionRegistry().find(wanted, with_counts=True)
        page = Paginator(found, PAGE_SIZE).get_page(form.value("page") or 1)
        params = self.request.GET
        return {
            "title": "Sessions",
            "search": form.value("search"),
            "is_search_alone": wanted.filters() == ["words"],
            "page": page,
            "page_links": {
                "previous": query(params, page=page.number - 1) if page.has_previous() else "",
                "next": query(params, page=page.number + 1) if page.has_next() else "",
            },
            "total": found.total,
            "total_runs": found.total_runs,
            "columns": [column.header(params, wanted.ordering) for column in COLUMNS],
            "facets": facets(found, wanted, params),
            "without": without_one(found, form, params) if not found else [],
            "no_search": query(params, search=None),
            "clear": query(params, search=None, symbol=None, timeframe=None, active=None),
            "rows": [(one.summary, session_path(one.sid)) for one in page],
        }


def run_hits(form: SessionListForm) -> RunHits | None:
    """Return where the text searched for is the hash of a run; None when nothing of one word is searched for."""
    text = form.value("search")
    return sessions_with_run(text) if text and not any(map(str.isspace, text)) else None


class SessionPage(Page):
    """A page about one session; a text that is no session id is not found."""

    sid: SessionId

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.sid = SessionId.parse(kwargs["sid"])


class EditSession(SessionPage):
    """Save an operator's notes and state of a session; on a conflict both texts are shown."""

    http_method_names = ["post"]
    template_name = "pages/conflict.html"

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        self.require_edit()
        sid, registry = self.sid, SessionRegistry()
        form = SessionNotesForm(request.POST)
        if not form.is_valid():
            messages.error(request, "Not saved: the notes are too long or the form is incomplete.")
            return redirect(session_path(sid))
        wanted = form.cleaned_data
        is_saved = save(
            wanted["version"],
            etag=lambda: registry.etag(sid),
            stored=lambda: notes_digest(registry.get(sid)),
            write=lambda etag: registry.annotate(sid, notes=wanted["notes"], active=wanted["active"], if_match=etag),
        )
        if is_saved:
            messages.success(request, "Saved.")
            return redirect(session_path(sid))
        stored = registry.get(sid)
        context = self.get_context_data(
            title=f"Notes of {sid.symbol}",
            back=session_path(sid),
            stored={"Notes": stored.notes},
            wanted={"Notes": wanted["notes"]},
            fresh=notes_digest(stored),
            carried={"notes": wanted["notes"]} | ({"active": "on"} if wanted["active"] else {}),
        )
        return self.render_to_response(context, status=412)


def notes_digest(session: SessionSummary) -> str:
    """Return what the form of a session's notes carries to notice a change by somebody else."""
    return digest(session.notes, str(session.active))


def notes_form(session: SessionSummary) -> SessionNotesForm:
    """Return the form that edits a session's notes and state."""
    return SessionNotesForm(
        initial={"notes": session.notes, "active": session.active, "version": notes_digest(session)}
    )
