"""`python -m tests.bench.peers`: the dashboard beside the Django ORM on Postgres, in one process, print one table."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from dashboard.errors import DashboardError
from tests.bench.__main__ import stop, tell
from tests.bench.environment import BenchError, private_world
from tests.bench.peers.postgres import PostgresMissing, private_postgres

LEAST_RUNS = 300


def arguments() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.peers", description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000, help="runs of the session; default 100,000")
    parser.add_argument("--rounds", type=int, default=300, help="rounds of each quick measurement; default 300")
    parser.add_argument("--json", type=Path, metavar="FILE", help="store the figures there too")
    options = parser.parse_args()
    if options.runs < LEAST_RUNS or options.rounds < 1:
        parser.error(f"--runs must be at least {LEAST_RUNS}, --rounds at least 1")
    return options


def measure(options: argparse.Namespace) -> None:
    """Load both, compare what they answer, measure, print."""
    import django

    django.setup()
    from django.test import override_settings

    from tests.bench.peers import compare
    from tests.bench.report import Report, machine

    conditions = machine() | {"runs": options.runs, "rounds": options.rounds, "redis": "unix socket"}
    report = Report()
    with override_settings(ROOT_URLCONF="tests.bench.peers.urls"):
        tell(f"loading {options.runs:,} runs into Redis and into Postgres ...")
        conditions |= compare.load(options.runs)
        tell("measuring ...")
        compare.measure(report, rounds=options.rounds)
    print(" ".join(f"{name}: {value}" for name, value in conditions.items()), end="\n\n")
    print(report.table())
    if options.json:
        report.write(options.json, conditions)


def main() -> int:
    """Run the comparison; a missed goal is a finding and no failure. Return 2 when there is no Postgres."""
    options = arguments()
    signal.signal(signal.SIGTERM, stop)
    try:
        with private_postgres() as address, private_world(is_unix=True):
            os.environ["DATABASE_URL"] = address
            measure(options)
    except PostgresMissing as error:
        tell(str(error))
        return 2
    except (BenchError, DashboardError) as error:
        tell(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
