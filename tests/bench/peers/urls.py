"""Addresses of the peer, before those of the dashboard."""

from __future__ import annotations

from django.urls import include, path

from tests.bench.peers import orm

urlpatterns = [
    path("peer/cursor/<path:sid>", orm.Runs.as_view()),
    path("peer/offset/<path:sid>", orm.CountedRuns.as_view()),
    path("peer/aggregate/<path:sid>", orm.Aggregate.as_view()),
    path("", include("dashboard.urls")),
]
