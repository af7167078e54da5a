"""`manage.py serve`: the production server."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from dashboard.server import prepare, serve


class Command(BaseCommand):
    """Serve on HOST and PORT with WORKERS processes, and with an embedded Redis when REDIS_URL is unset."""

    help = "Serves the dashboard on HOST and PORT with WORKERS processes, and Redis too unless REDIS_URL is set."

    def handle(self, *args: Any, **options: Any) -> None:
        """Prepare, then serve until SIGTERM or Ctrl-C."""
        prepare(self.stderr.write)
        serve(self.stdout.write)
