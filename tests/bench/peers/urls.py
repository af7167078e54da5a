"""Addresses of the peer, before those of the dashboard."""

from __future__ import annotations

from django.urls import include, path

from tests.bench.peers import orm, sweep_orm

urlpatterns = [
    path("peer/cursor/<path:sid>", orm.Runs.as_view()),
    path("peer/offset/<path:sid>", orm.CountedRuns.as_view()),
    path("peer/aggregate/<path:sid>", orm.Aggregate.as_view()),
    path("peer/sweep/<path:sid>", sweep_orm.SweepRuns.as_view()),
    path("peer/sweep-counted/<path:sid>", sweep_orm.CountedSweepRuns.as_view()),
    path("", include("dashboard.urls")),
]
