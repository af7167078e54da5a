"""`manage.py demo`: real backtests in a running dashboard."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from bots_app.demo.live import run_beside
from bots_app.demo.load import load
from bots_app.demo.user import demo_user
from dashboard.progress import Progress
from dashboard.server import check_port, prepare, serve


class Command(BaseCommand):
    """Load the demo sweep where it is not there yet, then serve it as `manage.py serve` does."""

    help = "Makes a user, runs real backtests on real prices, and serves them. Loads nothing twice."
    requires_system_checks = ()  # those that matter are run before serving

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--no-serve", action="store_true", help="load the sweep and end")
        parser.add_argument("--live", action="store_true", help="keep a sweep running, as LIVE=1 does")

    def handle(self, *, no_serve: bool, live: bool, **options: Any) -> None:
        """Migrate, make the user, load, serve."""
        if not no_serve:
            check_port()  # before the work, not after it
        settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
        call_command("migrate", verbosity=0, interactive=False)
        name, password = demo_user(settings.VAR_DIR)
        if not no_serve:
            prepare(self.stderr.write)
        self._load()
        if no_serve:
            return
        if live or os.environ.get("LIVE", "").strip().lower() in ("1", "true", "yes", "on"):
            self._keep_sweeping()
        self.stdout.write(f"\n  Log in as {name} with the password {password}\n")
        serve(self.stdout.write)

    def _load(self) -> None:
        started = time.monotonic()
        progress = Progress("Backtesting", unit="runs", stream=sys.stderr)
        try:
            with progress, _terminable():
                counts = load(advance=progress.advance, expect=progress.expect)
        except ModuleNotFoundError as error:
            raise CommandError(str(error)) from None
        except (KeyboardInterrupt, SystemExit):
            self.stderr.write(
                f"Stopped after {progress.done:,} runs, which are kept; run it again to go on from there."
            )
            raise
        self.stdout.write(_summary(counts, took_s=time.monotonic() - started))

    def _keep_sweeping(self) -> None:
        multiprocessing.get_context("spawn").Process(
            target=run_beside, args=(os.getpid(),), daemon=True, name="live sweep"
        ).start()
        self.stdout.write("A sweep keeps running in the session of EUR/USD.")


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM end the work inside in order, worker processes included."""

    def leave(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _summary(counts: Counter[str], *, took_s: float) -> str:
    """Return what was loaded, in a line."""
    if counts["created"]:
        return f"{counts['created']:,} backtests run in {took_s:.0f} s; {counts['present']:,} were there already."
    return f"{counts['present']:,} backtests are there already."
