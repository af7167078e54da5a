from __future__ import annotations

from django.apps import AppConfig


class BotsAppConfig(AppConfig):
    name = "bots_app"
    verbose_name = "Bot runs"
