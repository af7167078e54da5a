"""`manage.py serve`: the production server."""

from __future__ import annotations

from typing import Any

from dashboard.server import prepare, serve
from dashboard.server_command import ServerCommand


class Command(ServerCommand):
    """Serve on HOST and PORT with WORKERS processes, and with an embedded Redis when REDIS_URL is unset."""

    help = "Serves the dashboard on HOST and PORT with WORKERS processes, and Redis too unless REDIS_URL is set."

    def handle(self, *args: Any, **options: Any) -> None:
        """Prepare, then serve until SIGTERM or Ctrl-C."""
        prepare(self.stderr.write, self.stop)
        with self.stop.noting():
            serve(self.stdout.write, self.stop)
