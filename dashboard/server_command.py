"""What the commands that serve have in common: they end in order, from their first moment on, when asked to."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from dashboard.stopping import Stop, stoppable
from dashboard.store import embedded


class ServerCommand(BaseCommand):
    """A command that SIGTERM, Ctrl-C and a terminal that hung up end with exit code 0, as it was asked to.

    At once, as nothing that it does while it starts needs an end in order, but where `self.stop.noting()` stands.
    """

    stop: Stop

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command; the embedded Redis has ended after it, unless others use it."""
        self.stop = Stop(code=self.stop_code(options), is_at_once=True)
        with stoppable(self.stop):
            try:
                return super().execute(*args, **options)
            finally:
                if self.stop.is_asked:
                    embedded.leave(settings.VAR_DIR)

    def stop_code(self, options: dict[str, Any]) -> int | None:
        """Return the exit code of a command that was asked to end; None stands for one that tells the signal."""
        return 0
