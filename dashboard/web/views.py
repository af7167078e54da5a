"""What our pages have in common: a log-in is needed, htmx is told where to log in, and who may edit."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseRedirect
from django.views.generic import TemplateView

from dashboard.api.permissions import can_edit


class Page(LoginRequiredMixin, TemplateView):
    """A page for logged-in users; `nav` marks the entry of the main navigation."""

    nav = "sessions"

    def handle_no_permission(self) -> HttpResponse:
        """Send to the log-in page."""
        return self.whole(redirect_to_login(self.request.get_full_path()))

    def whole(self, response: HttpResponseRedirect) -> HttpResponse:
        """Return a redirect; htmx, which would put what it is led to into this page, is told to go there as a whole."""
        if self.request.headers.get("HX-Request"):
            return HttpResponse(status=204, headers={"HX-Redirect": response.url})
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(nav=self.nav, may_edit=can_edit(self.request.user), **kwargs)

    def require_edit(self) -> None:
        """Raise PermissionDenied unless the user may edit."""
        if not can_edit(self.request.user):
            raise PermissionDenied
