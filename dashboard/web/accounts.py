"""Logging in and out, and changing one's password, for every active user, staff or not."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib import messages
from django.contrib.auth import views as auth_views
from django.http import HttpRequest, HttpResponse
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from dashboard.api.throttles import seconds_until_login
from dashboard.errors import StoreUnavailable
from dashboard.web.errors import too_many_attempts

logger = logging.getLogger("dashboard.web")


@method_decorator(never_cache, name="dispatch")
class LogIn(auth_views.LoginView):
    """The log-in card; attempts are limited per address and name."""

    template_name = "accounts/login.html"
    redirect_authenticated_user = True
    next_page = reverse_lazy("sessions")
    extra_context = {"title": "Log in"}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        wait_s = seconds_to_wait(request)
        return super().post(request, *args, **kwargs) if wait_s is None else too_many_attempts(request, wait_s)


class LogOut(auth_views.LogoutView):
    """Log out by POST and show the log-in card."""

    next_page = reverse_lazy("login")


class PasswordChange(auth_views.PasswordChangeView):
    """Change one's own password."""

    template_name = "accounts/password_change.html"
    success_url = reverse_lazy("sessions")
    extra_context = {"title": "Change password"}

    def form_valid(self, form) -> HttpResponse:
        response = super().form_valid(form)
        messages.success(self.request, "Your password was changed.")
        return response


def seconds_to_wait(request: HttpRequest) -> int | None:
    """Count an attempt to log in; without Redis there is no limit, as operators must get in to mend things."""
    try:
        return seconds_until_login(request, request.POST.get("username", ""))
    except StoreUnavailable:
        logger.warning("attempts to log in are not limited while Redis does not answer")
        return None
