"""The project as an app: what belongs to neither of the two apps."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """Registers the system checks; its migrations bring the groups."""

    name = "dashboard"
    verbose_name = "Backtest Dashboard"

    def ready(self) -> None:
        import_module("dashboard.checks")
