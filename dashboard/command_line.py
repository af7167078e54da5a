"""Django's command line, but that it says when a command's modules have been imported."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.core.management import ManagementUtility
from django.core.management.base import BaseCommand


class CommandLine(ManagementUtility):
    """Django's commands."""

    def __init__(self, arguments: Sequence[str], *, on_loaded: Callable[[], object]) -> None:
        super().__init__(list(arguments))
        self._on_loaded = on_loaded

    def fetch_command(self, subcommand: str) -> BaseCommand:
        """Return a command that is ready to be run."""
        command = super().fetch_command(subcommand)
        self._on_loaded()
        return command
