"""`manage.py delete_session`: remove a session and all its keys."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from bots_app.session_commands import session_id
from dashboard.progress import Progress
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry


class Command(BaseCommand):
    """Delete in small steps; a deletion that was stopped is taken up by the next one."""

    help = "Removes a session and all its keys, in small steps that never hold Redis for long."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "session", metavar="SID", type=session_id, help="symbol:timeframe:startTimestamp:endTimestamp"
        )

    def handle(self, *, session: SessionId, **options: Any) -> None:
        """Delete the session and print how many runs went."""
        with Progress(f"Deleting {session}", unit="runs", stream=sys.stderr) as progress:
            removed = SessionRegistry().delete(session, progress=progress.reach)
        self.stdout.write(f"{session}: deleted, {removed:,} runs.")
