"""Addresses of the pages that know no app: the start, and accounts."""

from __future__ import annotations

from django.urls import path
from django.views.generic import RedirectView

from dashboard.web.accounts import LogIn, LogOut, PasswordChange

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="sessions"), name="start"),
    # As people type them.
    path("sessions", RedirectView.as_view(pattern_name="sessions")),
    path("login", RedirectView.as_view(pattern_name="login")),
    path("login/", LogIn.as_view(), name="login"),
    path("logout/", LogOut.as_view(), name="logout"),
    path("password_change/", PasswordChange.as_view(), name="password_change"),
]
