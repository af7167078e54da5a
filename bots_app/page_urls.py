"""Addresses of a session's page, of the pages of its runs, and of the definitions of their numbers.

A configHash may hold slashes, so the addresses that end in a word come first.
"""

from __future__ import annotations

from django.urls import path

import dashboard.converters  # noqa: F401 - registers `sid` and `confighash`
from bots_app.page_help import Definitions
from bots_app.pages import SessionRuns
from bots_app.run_pages import EditRun, RunConfiguration, RunRaw, RunSheet, RunTrades

RUN = "sessions/<sid:sid>/runs/<confighash:config_hash>"

urlpatterns = [
    path("help/metrics/", Definitions.as_view(), name="definitions"),
    path(f"{RUN}/trades/", RunTrades.as_view(), name="run-trades"),
    path(f"{RUN}/config/", RunConfiguration.as_view(), name="run-config"),
    path(f"{RUN}/raw/", RunRaw.as_view(), name="run-raw"),
    path(f"{RUN}/edit/", EditRun.as_view(), name="run-edit"),
    path(f"{RUN}/", RunSheet.as_view(), name="run"),
    path("sessions/<sid:sid>/", SessionRuns.as_view(), name="session"),
]
