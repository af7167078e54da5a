"""`manage.py generate_runs`: synthetic runs for tests of scale."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections import Counter
from collections.abc import Callable
from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from bots_app.demo.load import note_if_silent
from bots_app.registry import BotRegistry
from bots_app.synthetic import notes, records
from bots_app.writing import RunWrite
from dashboard.errors import DashboardError
from dashboard.progress import Progress
from sessions_app.records import SessionId

#: Most runs in one write: Redis answers nobody else meanwhile.
MOST_IN_A_BATCH = 5000


class Command(BaseCommand):
    """Write synthetic runs; the same seed, session and number of runs always makes the same keys."""

    help = (
        "Writes synthetic runs (random numbers, named so in the session's notes) for tests of scale. Can be repeated."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--session", required=True, type=_session, help="symbol:timeframe:startTimestamp:endTimestamp"
        )
        parser.add_argument("--runs", required=True, type=_whole(1), help="how many runs the session shall have")
        parser.add_argument("--seed", type=_whole(0), default=0, help="another seed makes other runs; default 0")
        parser.add_argument("--batch", type=_whole(1, MOST_IN_A_BATCH), default=500, help="runs per write; default 500")

    def handle(self, *, session: SessionId, runs: int, seed: int, batch: int, **options: Any) -> None:
        """Write the runs in batches and print what became of them."""
        registry, counts = BotRegistry(), Counter[str]()
        made = records(session, runs, seed=seed)
        progress = Progress("Generating", unit="runs", stream=sys.stderr)
        with progress:
            progress.expect(runs)
            while texts := list(islice(made, batch)):
                results = registry.put_many(session, [RunWrite.parse(text) for text in texts])
                counts.update(result.result for result in results)
                if counts["refused"]:
                    error = next(result.error for result in results if result.error)
                    raise CommandError(f"The runs were refused: {error}")
                if not progress.done:
                    # With the first batch, so that a session that is left half made says so too.
                    note_if_silent(session, notes(seed))
                progress.advance(len(results))
        told = ", ".join(f"{counts[result]:,} {result}" for result in ("created", "updated", "unchanged"))
        self.stdout.write(f"{session}: {told}.")


def _session(text: str) -> SessionId:
    try:
        sid = SessionId.parse(text)
        sid.check_writable()
    except DashboardError as error:
        raise ArgumentTypeError(str(error)) from None
    return sid


def _whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return a parser of whole numbers within bounds."""

    def parse(text: str) -> int:
        bounds = f"of at least {least}" if most is None else f"from {least} to {most}"
        try:
            number = int(text)
        except ValueError:
            raise ArgumentTypeError(f"{text!r} is no whole number {bounds}") from None
        if number < least or (most is not None and number > most):
            raise ArgumentTypeError(f"{number} is no whole number {bounds}")
        return number

    return parse
