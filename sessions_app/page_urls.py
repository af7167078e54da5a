"""Addresses of the pages about sessions."""

from __future__ import annotations

from django.urls import path

import dashboard.converters  # noqa: F401 - registers `sid`
from sessions_app.pages import EditSession, SessionList

urlpatterns = [
    path("sessions/", SessionList.as_view(), name="sessions"),
    path("sessions/<sid:sid>/edit/", EditSession.as_view(), name="session-edit"),
]
