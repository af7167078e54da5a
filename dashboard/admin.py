"""The admin as our own: its log-in is limited like the one of the pages, since it opens the same doors."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from dashboard.web.accounts import seconds_to_wait
from dashboard.web.errors import too_many_attempts

_log_in = admin.site.login


def limited_log_in(request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
    """Show the admin's log-in, unless there were too many attempts."""
    wait_s = seconds_to_wait(request) if request.method == "POST" else None
    return _log_in(request, extra_context) if wait_s is None else too_many_attempts(request, wait_s)


admin.site.login = limited_log_in  # type: ignore[method-assign]
admin.site.site_header = admin.site.site_title = "Backtest Dashboard"
