"""`manage.py demo`: real backtests in a running dashboard."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError

from bots_app.demo.live import run_beside
from bots_app.demo.load import load
from bots_app.demo.user import demo_user
from bots_app.helpers import HelperEnded
from dashboard.progress import Progress
from dashboard.server import STOP_LIMIT_S, check_port, prepare, serve
from dashboard.server_command import ServerCommand
from dashboard.stopping import GROUP_S, held


class Command(ServerCommand):
    """Load the demo sweep where it is not there yet, then serve it as `manage.py serve` does."""

    help = "Makes a user, runs real backtests on real prices, and serves them. Loads nothing twice."
    requires_system_checks = ()  # those that matter are run before serving

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--no-serve", action="store_true", help="load the sweep and end")
        parser.add_argument("--live", action="store_true", help="keep a sweep running, as LIVE=1 does")

    def stop_code(self, options: dict[str, Any]) -> int | None:
        """Return 0 for a server; a load that was stopped has not done what it was to do."""
        return None if options["no_serve"] else 0

    def handle(self, *, no_serve: bool, live: bool, **options: Any) -> None:
        """Migrate, make the user, load, serve."""
        if not no_serve:
            check_port()  # before the work, not after it
        settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
        call_command("migrate", verbosity=0, interactive=False)
        name, password = demo_user(settings.VAR_DIR)
        if not no_serve:
            prepare(self.stderr.write, self.stop)
        self._load()
        if no_serve:
            return
        is_live = live or os.environ.get("LIVE", "").strip().lower() in ("1", "true", "yes", "on")
        with self.stop.noting(), self._sweeping(is_wanted=is_live):
            self.stdout.write(f"\n  Log in as {name} with the password {password}\n")
            serve(self.stdout.write, self.stop)

    def _load(self) -> None:
        started = time.monotonic()
        progress = Progress("Backtesting", unit="runs", stream=sys.stderr)
        with self.stop.noting():
            try:
                with progress:
                    counts = load(
                        advance=progress.advance, expect=progress.expect, is_wanted=lambda: not self.stop.is_asked
                    )
            except ModuleNotFoundError as error:
                raise CommandError(str(error)) from None
            except HelperEnded:
                if not self.stop.wait(GROUP_S):  # it had the signal that is for us all before we had
                    raise
        if self.stop.is_asked:
            self.stderr.write(
                f"Stopped after {progress.done:,} runs, which are kept; run it again to go on from there."
            )
            self.stop.leave()
        self.stdout.write(_summary(counts, took_s=time.monotonic() - started))

    @contextmanager
    def _sweeping(self, *, is_wanted: bool) -> Iterator[None]:
        """Keep a sweep running beside what is done inside, if that is wanted."""
        if not is_wanted:
            yield
            return
        sweep = multiprocessing.get_context("spawn").Process(
            target=run_beside, args=(os.getpid(),), daemon=True, name="live sweep"
        )
        with held():
            sweep.start()
        self.stdout.write("A sweep keeps running in the session of EUR/USD.")
        try:
            yield
        finally:
            sweep.terminate()
            sweep.join(STOP_LIMIT_S)
            if sweep.is_alive():
                sweep.kill()
                sweep.join()


def _summary(counts: Counter[str], *, took_s: float) -> str:
    """Return what was loaded, in a line."""
    if counts["created"]:
        return f"{counts['created']:,} backtests run in {took_s:.0f} s; {counts['present']:,} were there already."
    return f"{counts['present']:,} backtests are there already."
