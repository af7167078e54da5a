"""`manage.py check_indexes`: tell where indexes and records differ."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from bots_app.check import check
from bots_app.leftovers import is_left_behind
from bots_app.session_commands import (
    add_processes_argument,
    add_sessions_argument,
    chosen,
    strays_of,
    tell_later_records,
)
from bots_app.strays import Strays
from dashboard.errors import Unavailable
from dashboard.progress import Progress
from sessions_app.records import SessionId


class Command(BaseCommand):
    """Compare and change nothing; the exit code is 1 when anything differs, 2 when the check could not be made."""

    help = "Compares every index with the records and prints each kind of drift; exit code 1 if there is any."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        add_sessions_argument(parser)
        add_processes_argument(parser)

    def handle(self, *, sessions: list[SessionId], processes: int, **options: Any) -> None:
        """Check session by session and print what differs."""
        try:
            found = chosen(sessions)
            with strays_of(len(found)) as strays:
                drifting = sum(self._check(sid, statuses, strays, processes) for sid, statuses in found)
            tell_later_records(sessions, self.stdout)
        except Unavailable as error:
            raise CommandError(f"The check could not be made: {error}", returncode=2) from None
        if drifting:
            self.stdout.write(
                f"{drifting:,} of {len(found):,} sessions differ from their records; "
                "`manage.py rebuild_indexes` mends them. Runs written during the check may show up as well."
            )
            sys.exit(1)
        self.stdout.write(f"{len(found):,} sessions agree with their records.")

    def _check(self, sid: SessionId, statuses: set[str], strays: Strays | None, processes: int) -> bool:
        with Progress(f"Checking {sid}", unit="runs", stream=sys.stderr) as progress:
            named = None if strays is None else strays.of(sid)
            drifts = check(sid, statuses=statuses, strays=named, progress=progress.reach, helpers=processes)
        if is_left_behind(sid):
            self.stdout.write(
                f"{sid}: a build of its indexes was cut short; `manage.py rebuild_indexes` removes what it left"
            )
        for drift in drifts:
            self.stdout.write(f"{sid}: {drift.count:,} x {drift.kind}, such as {', '.join(drift.examples)}")
        return bool(drifts)
