"""`manage.py move_session`: give a session the names of a cluster, or the plain ones back."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from bots_app.moving import EXAMPLES, Conflict, move
from bots_app.session_commands import session_id
from dashboard.errors import SessionNotFound, Unavailable
from dashboard.progress import Progress
from dashboard.store.client import KeyTypeError
from sessions_app.records import SessionId

NAMES = {"tagged": True, "plain": False}


class Command(BaseCommand):
    """Move in small steps; a move that was stopped goes on when it is done again."""

    help = (
        "Moves a session between its plain names (session:SID:bots) and those that a cluster needs, with its id in "
        "braces (session:{SID}:bots). Nothing is overwritten: when both are there and differ, nothing is moved. While "
        "it goes on, the session is shown in part; have nobody write to it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "session", metavar="SID", type=session_id, help="symbol:timeframe:startTimestamp:endTimestamp"
        )
        parser.add_argument("--to", choices=NAMES, required=True, help="which names the session is to have")

    def handle(self, *, session: SessionId, to: str, **options: Any) -> None:
        """Move the session and print the counts."""
        try:
            with Progress(f"Moving {session}", unit="runs", stream=sys.stderr) as progress:
                result = move(session, to_tagged=NAMES[to], progress=progress.reach)
        except (Conflict, SessionNotFound, KeyTypeError) as error:
            raise CommandError(str(error), returncode=1 if isinstance(error, Conflict) else 2) from None
        except Unavailable as error:
            raise CommandError(f"The move was not completed: {error} Do it again.", returncode=2) from None
        self.stdout.write(
            f"{session}: moved to the {to} names, {result.records:,} records, trades of {result.trades:,} runs."
        )
        if result.conflicts:
            raise CommandError(
                f"{len(result.conflicts):,} keys were written under both names meanwhile and were left where they are, "
                f"such as {', '.join(result.conflicts[:EXAMPLES])}."
            )
