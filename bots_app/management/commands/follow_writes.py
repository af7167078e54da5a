"""`manage.py follow_writes`: keep the indexes true while programs write that know only the shared keys."""

from __future__ import annotations

import signal
from argparse import ArgumentParser
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from bots_app.follow import Follower


class Terminated(KeyboardInterrupt):
    """Raised when the process is asked to end."""


class Command(BaseCommand):
    """Follow until interrupted; one at work is enough, another one waits to take its place."""

    help = (
        "Keeps the indexes true while other programs write records, with or without the shared sets. Listens to the "
        "server's keyspace notifications (notify-keyspace-events Kg$xe): changes are filed within a second. Where they "
        "are off, says so and polls: new and deleted runs of programs that keep the shared sets are noticed within "
        "seconds, any other change when all records have been read again, which takes at most a fifth of the time of "
        "one core. What happened before the start, or while Redis was away, is found and filed. Ends with Ctrl-C."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--enable-notifications", action="store_true",
            help="turn keyspace notifications on, for all users of the server and until it restarts; the embedded "
            "server needs no such permission",
        )  # fmt: skip

    def handle(self, *, enable_notifications: bool, **options: Any) -> None:
        """Follow, and print the counts at the end."""
        signal.signal(signal.SIGTERM, _terminate)
        follower = Follower(self._tell, enable=enable_notifications)
        try:
            follower.run()
        except Terminated:
            self.stdout.write(_counts(follower))
        except KeyboardInterrupt:
            self.stdout.write(_counts(follower))
            raise

    def _tell(self, line: str) -> None:
        self.stderr.write(line, style_func=str)
        self.stderr.flush()


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated


def _counts(follower: Follower) -> str:
    return f"{follower.compared:,} runs compared, {follower.filed:,} changes filed."
