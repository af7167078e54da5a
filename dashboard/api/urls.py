"""Addresses of the API that belong to neither app, under /api/."""

from __future__ import annotations

from django.urls import path

from dashboard.api.docs import DocsView, SchemaView
from dashboard.api.tokens import LogInView, LogOutView, RefreshView

urlpatterns = [
    path("token", LogInView.as_view(), name="api-token"),
    path("token/refresh", RefreshView.as_view(), name="api-token-refresh"),
    path("token/blacklist", LogOutView.as_view(), name="api-token-blacklist"),
    path("schema", SchemaView.as_view(), name="api-schema"),
    path("docs", DocsView.as_view(), name="api-docs"),
]
