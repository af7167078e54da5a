"""Error pages in the look of all others: Django's handlers, and the translation of our own errors.

A page never shows an exception's text unless it is a `DashboardError`'s, which is written for users. The frame needs
the user, so the data base; the page that must stand without it (500) is rendered bare.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from dashboard.api.permissions import can_edit
from dashboard.errors import CursorInvalid, DashboardError, StoreUnavailable, Unavailable
from dashboard.store.outage import Outage, outage

logger = logging.getLogger("dashboard.web")

#: Requests under this path speak JSON.
API_PREFIX = "/api/"


@dataclass(frozen=True)
class Words:
    """Title and default explanation of an error page."""

    title: str
    message: str


WORDS = {
    400: Words("This request was not understood", "A part of the address is not something this page knows."),
    403: Words("You may not do this", "Your account does not have the right; an operator can give it to you."),
    404: Words("Nothing is here", "The address names nothing that exists, or no longer does."),
    412: Words("Somebody was faster", "What you edited has been changed since you opened it."),
    413: Words("Too large", "The request carries more than the server accepts."),
    422: Words("This cannot be read", "What is stored there is not in a form that can be shown."),
    429: Words("Too many attempts", "Please wait a little before you try again."),
    500: Words("Something went wrong here", "The fault is on our side, it has been logged, and nothing was changed."),
    503: Words(
        "The data store does not answer",
        "The dashboard is up, but Redis cannot be asked now. What is stored there is not lost by that.",
    ),
}


def error_page(
    request: HttpRequest, status: int, message: str = "", *, title: str = "", retry_after_s: int | None = None,
    facts: Outage | None = None,
) -> HttpResponse:  # fmt: skip
    """Return the page of a status in the frame of all pages, in JSON for the API; only operators are shown facts."""
    words = WORDS.get(status, WORDS[500])
    if request.path.startswith(API_PREFIX):
        response: HttpResponse = JsonResponse(
            {"detail": message or words.message, "code": CODES.get(status, "error")}, status=status
        )
    else:
        context = {
            "status": status,
            "title": title or words.title,
            "message": message or words.message,
            "retry_after_s": retry_after_s,
            "outage": facts if facts and can_edit(request.user) else None,
            "request_id": getattr(request, "id", ""),
        }
        response = render(request, f"errors/{status if status in (429, 503) else 'error'}.html", context, status=status)
    if retry_after_s is not None:
        response["Retry-After"] = str(retry_after_s)
    response["Cache-Control"] = "no-store"
    return response


CODES = {
    400: "bad_request",
    403: "permission_denied",
    404: "not_found",
    429: "throttled",
    500: "error",
    503: "unavailable",
}


def answer(request: HttpRequest, error: DashboardError) -> HttpResponse:
    """Return the page of one of our own errors."""
    retry_after_s = error.retry_after_s if isinstance(error, Unavailable) else None
    if error.status >= 500:
        logger.warning("request %s: %s: %s", getattr(request, "id", ""), error.code, error)
    title = {
        "index_building": "The indexes are being built",
        "invalid_cursor": "This page of the list has expired",
    }.get(error.code, "")
    if isinstance(error, CursorInvalid):
        return error_page(request, error.status, f"{error} Open the list again from its start.", title=title)
    # What the store says of itself is short, unless it is what became of a change; the page's own words say more.
    is_away = isinstance(error, StoreUnavailable)
    is_said = is_away and request.method in ("GET", "HEAD")
    return error_page(
        request, error.status, "" if is_said else str(error), title=title, retry_after_s=retry_after_s,
        facts=outage(error) if is_away else None,
    )  # fmt: skip


def too_many_attempts(request: HttpRequest, retry_after_s: int) -> HttpResponse:
    """Return the page for somebody who is over a rate limit."""
    return error_page(request, 429, retry_after_s=retry_after_s)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler for 400."""
    return error_page(request, 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler for 403."""
    return error_page(request, 403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler for 404."""
    return error_page(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler for 500; asks neither data base nor Redis, as either may be why we are here."""
    request_id = getattr(request, "id", "")
    logger.error("request %s failed; the traceback is logged by django.request", request_id)
    words = WORDS[500]
    if request.path.startswith(API_PREFIX):
        return JsonResponse({"detail": words.message, "code": "error"}, status=500)
    context = {"status": 500, "title": words.title, "message": words.message, "request_id": request_id}
    return HttpResponse(render_to_string("errors/error.html", context), status=500)
