"""`manage.py rebuild_indexes`: make every index agree with the records."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from bots_app.check import check
from bots_app.rebuild import RebuildResult, rebuild
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
from dashboard.store.lease import BuilderFacts
from sessions_app.records import SessionId


class Command(BaseCommand):
    """Rebuild what is derived, online; can be stopped and started again."""

    help = "Rebuilds every index, figure and summary number from the records, while readers read and writers write."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        add_sessions_argument(parser)
        add_processes_argument(parser)
        parser.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")

    def handle(self, *, sessions: list[SessionId], dry_run: bool, processes: int, **options: Any) -> None:
        """Rebuild session by session and print the counts."""
        total, found = RebuildResult(), chosen(sessions)
        try:
            with strays_of(len(found)) as strays:
                for sid, statuses in found:
                    if dry_run:
                        self._tell_drift(sid, statuses, strays, processes)
                        continue
                    result = self._rebuild(sid, statuses, strays, processes)
                    for name in result.__struct_fields__:
                        setattr(total, name, getattr(total, name) + getattr(result, name))
        except Unavailable as error:
            raise CommandError(f"The rebuild was not completed: {error}", returncode=2) from None
        if not dry_run:
            self.stdout.write(f"{len(found):,} sessions rebuilt: {_told(total)}")
        tell_later_records(sessions, self.stdout)

    def _tell_waiting(self, other: BuilderFacts) -> None:
        self.stdout.write(f"Process {other.pid} on {other.host} builds the indexes of this session; waiting for it.")

    def _rebuild(
        self, sid: SessionId, statuses: set[str], strays: Strays | None, processes: int
    ) -> RebuildResult:  # fmt: skip
        with Progress(f"Rebuilding {sid}", unit="runs", stream=sys.stderr) as progress:
            result = rebuild(
                sid, statuses=statuses, strays=strays, progress=progress.reach, waiting=self._tell_waiting,
                helpers=processes,
            )  # fmt: skip
        self.stdout.write(f"{sid}: {_told(result)}")
        return result

    def _tell_drift(self, sid: SessionId, statuses: set[str], strays: Strays | None, processes: int) -> None:
        named = None if strays is None else strays.of(sid)
        drifts = check(sid, statuses=statuses, strays=named, helpers=processes)
        self.stdout.write(f"{sid}: {'would change' if drifts else 'nothing would change'}")
        for drift in drifts:
            self.stdout.write(f"  {drift.count:,} x {drift.kind}, such as {', '.join(drift.examples)}")


def _told(result: RebuildResult) -> str:
    return (
        f"{result.filed:,} runs filed, {result.changed:,} of them changed, {result.unreadable:,} unreadable; "
        f"{result.dropped:,} entries without a run dropped"
    )
