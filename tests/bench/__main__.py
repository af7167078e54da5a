"""`python -m tests.bench`: measure everything on a Redis of its own, print one table."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from dashboard.errors import DashboardError
from tests.bench.environment import KEEP_MEMORY, BenchError, private_world

DEFAULT_RUNS = 100_000
#: Rounds of what takes milliseconds; its median is then steady to some per cent.
DEFAULT_ROUNDS = 300
LEAST_RUNS = 2_000
PARTS = ("pages", "http", "streams", "writes", "memory", "follow", "sessions", "upkeep", "sweep", "longest")
#: Parts that measure nothing of the sessions which the others share.
APART = frozenset({"sessions", "sweep", "longest"})


def arguments() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "--runs", type=int, default=int(os.environ.get("BENCH_RUNS", DEFAULT_RUNS)),
        help=f"runs of the session measured, at least {LEAST_RUNS:,} (BENCH_RUNS; default {DEFAULT_RUNS:,})",
    )  # fmt: skip
    parser.add_argument(
        "--rounds", type=int, default=DEFAULT_ROUNDS, help=f"rounds of each quick measurement; default {DEFAULT_ROUNDS}"
    )
    parser.add_argument("--turns", type=int, default=5, help="turns of a second with many connections; default 5")
    parser.add_argument("--writes", type=int, default=40_000, help="runs written in each way; default 40,000")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="measure only these")
    parser.add_argument("--unix", action="store_true", help="reach Redis by a unix socket instead of the loopback")
    parser.add_argument(
        "--warm", action="store_true", help="measure the longest commands in memory that the server has touched before"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="store the figures there too")
    options = parser.parse_args()
    for name, least in (("runs", LEAST_RUNS), ("rounds", 1), ("turns", 1), ("writes", 2)):
        if getattr(options, name) < least:
            parser.error(f"--{name} must be at least {least:,}")
    return options


def measure_all(options: argparse.Namespace, folder: Path) -> None:
    """Load, measure, print. Django's settings must have been set up."""
    from django.conf import settings

    from dashboard.store.keys import SessionKeys
    from tests.bench import data, following, longest, memory, over_http, pages, session_lists, streams, upkeep, writes
    from tests.bench.raw import RawConnection
    from tests.bench.report import Report, machine
    from tests.bench.sweep import part as sweep

    report, start = Report(), time.monotonic()
    conditions = machine() | {
        "runs": options.runs,
        "rounds": options.rounds,
        "redis": "unix socket" if options.unix else "loopback",
    }
    sessions, loading = data.Sessions.of(options.runs), 0.0
    if not APART.issuperset(options.parts):
        tell(f"loading {options.runs:,} runs, twice (the second time half of them with one profit) ...")
        loading = data.load_all(sessions)
    raw = RawConnection(settings.REDIS_URL)
    for part in (part for part in PARTS if part in options.parts):
        tell(f"{part} ...")
        if part == "pages":
            pages.measure(report, sessions, raw, rounds=options.rounds)
        elif part == "http":
            over_http.measure(report, sessions, raw, folder, rounds=options.rounds, turns=options.turns)
        elif part == "streams":
            streams.measure(report, sessions, raw, folder, rounds=options.rounds)
        elif part == "follow":
            following.measure(report, folder, writes=min(options.writes, following.MOST))
        elif part == "sessions":
            session_lists.measure(report, rounds=options.rounds)
        elif part == "writes":
            writes.measure(
                report, runs=options.writes, loaded=options.runs, load_seconds=loading, rounds=options.rounds
            )
        elif part == "memory":
            memory.measure(report, SessionKeys(str(sessions.main)))
        elif part == "sweep":
            sweep.measure(report, raw, folder, runs=options.runs, rounds=options.rounds, written=options.writes)
        elif part == "upkeep":
            upkeep.measure_upkeep(report, sessions)
        else:
            longest.measure(report, sessions.main, options.runs, is_warm=options.warm)
    conditions["seconds"] = round(time.monotonic() - start)
    print(" ".join(f"{name}: {value}" for name, value in conditions.items()), end="\n\n")
    print(report.table())
    if options.json:
        report.write(options.json, conditions)


def tell(text: str) -> None:
    """Say what is going on, apart from the table."""
    print(text, file=sys.stderr, flush=True)


def stop(number: int, frame: FrameType | None) -> None:
    """End in order on SIGTERM, as on Ctrl-C: servers and folder go too."""
    sys.exit(128 + number)


def main() -> int:
    """Run the benchmark; a missed goal is a finding and no failure."""
    options = arguments()
    signal.signal(signal.SIGTERM, stop)
    if options.warm:
        os.environ.update(KEEP_MEMORY)
    try:
        with private_world(is_unix=options.unix) as folder:
            import django

            django.setup()
            measure_all(options, folder)
    except (BenchError, DashboardError) as error:
        tell(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
