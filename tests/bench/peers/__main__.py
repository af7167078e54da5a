"""`python -m tests.bench.peers`: the dashboard beside the Django ORM on Postgres, and beside MLflow."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

from dashboard.errors import DashboardError
from tests.bench.__main__ import stop, tell
from tests.bench.environment import BenchError, private_world
from tests.bench.peers.mlflow_own import Mlflow, private_mlflow
from tests.bench.peers.postgres import PostgresMissing, private_postgres

LEAST_RUNS = 300
#: Runs that MLflow is given: more would take longer to load than to measure.
MLFLOW_RUNS = 100_000
INSTALL = Path()


def arguments() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.peers", description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000, help="runs of the session; default 100,000")
    parser.add_argument("--rounds", type=int, default=300, help="rounds of each quick measurement; default 300")
    parser.add_argument("--json", type=Path, metavar="FILE", help="store the figures there too")
    parser.add_argument(
        "--mlflow", nargs="?", type=Path, const=INSTALL, metavar="PYTHON",
        help="compare with MLflow too, which this Python has; without one it is installed for a while, by pip",
    )  # fmt: skip
    parser.add_argument(
        "--mlflow-runs", type=int, default=MLFLOW_RUNS, help=f"the most runs of MLflow's; default {MLFLOW_RUNS:,}"
    )
    options = parser.parse_args()
    if options.runs < LEAST_RUNS or options.rounds < 1:
        parser.error(f"--runs must be at least {LEAST_RUNS}, --rounds at least 1")
    return options


def measure(options: argparse.Namespace, mlflow: Mlflow | None, *, has_postgres: bool) -> None:
    """Load all, compare what they answer, measure, print."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.test import override_settings

    from tests.bench.peers import compare, mlflow_side, sweep
    from tests.bench.peers.sides import Views, WholeDjango
    from tests.bench.report import Report, machine

    conditions = machine() | {"runs": options.runs, "rounds": options.rounds, "redis": "unix socket"}
    report = Report()
    call_command("migrate", verbosity=0, interactive=False)
    with override_settings(ROOT_URLCONF="tests.bench.peers.urls"):
        if has_postgres:
            tell(f"loading {options.runs:,} runs into Redis and into Postgres ...")
            conditions |= compare.load(options.runs)
            tell("measuring ...")
            both = Views(compare.SID), WholeDjango(compare.SID)
            compare.measure(report, *both, rounds=options.rounds)
            sweep.measure(report, *both, rounds=options.rounds)
        if mlflow:
            runs = min(options.runs, options.mlflow_runs)
            tell(f"loading {runs:,} runs into Redis and into MLflow ...")
            conditions |= mlflow_side.load(mlflow, runs)
            tell("measuring ...")
            mlflow_side.measure(report, mlflow)
    print(" ".join(f"{name}: {value}" for name, value in conditions.items()), end="\n\n")
    print(report.table())
    if options.json:
        report.write(options.json, conditions)


def main() -> int:
    """Run the comparison; a missed goal is a finding and no failure. Return 2 when there is nobody to compare with."""
    options = arguments()
    signal.signal(signal.SIGTERM, stop)
    try:
        with ExitStack() as stack:
            address = postgres_of(stack, is_needed=options.mlflow is None)
            mlflow = None
            if options.mlflow is not None:
                mlflow = stack.enter_context(private_mlflow(None if options.mlflow == INSTALL else options.mlflow))
            stack.enter_context(private_world(is_unix=True))
            if address:
                os.environ["DATABASE_URL"] = address
            measure(options, mlflow, has_postgres=address is not None)
    except PostgresMissing as error:
        tell(str(error))
        return 2
    except (BenchError, DashboardError) as error:
        tell(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def postgres_of(stack: ExitStack, *, is_needed: bool) -> str | None:
    """Return the address of a Postgres that runs for a while; None without one, which has to be there if needed."""
    try:
        return stack.enter_context(private_postgres())
    except PostgresMissing as error:
        if is_needed:
            raise
        tell(str(error))
        return None


if __name__ == "__main__":
    sys.exit(main())
