"""Addresses of the sessions' API, under /api/; those of runs come before them, and nothing comes after."""

from __future__ import annotations

from django.urls import path, re_path

from dashboard import converters  # noqa: F401 - registers <sid:...>
from dashboard.api.views import NotFoundView
from sessions_app.event_viewset import EventsViewSet
from sessions_app.viewsets import SessionViewSet

urlpatterns = [
    path("sessions", SessionViewSet.as_view({"get": "list"}, name="Sessions"), name="api-sessions"),
    path("sessions/<sid:sid>/events", EventsViewSet.as_view({"get": "events"}, name="Events"), name="api-events"),
    path(
        "sessions/<sid:sid>",
        SessionViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}, name="Session"),
        name="api-session",
    ),
    # These addresses come last under /api/: whatever is left there is answered in JSON.
    re_path(r"^[\s\S]*\Z", NotFoundView.as_view(), name="api-not-found"),
]
