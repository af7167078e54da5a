"""The same runs in MLflow and in the dashboard, and the same question asked of both."""

from __future__ import annotations

import tempfile
from itertools import count
from typing import Any

import msgspec

from bots_app.synthetic import records
from tests.bench import data
from tests.bench.peers.mlflow_own import LIMIT, Mlflow
from tests.bench.peers.sides import Views
from tests.bench.report import Report
from tests.bench.sweep.data import NARROW, Limits, moved, parameters
from tests.bench.timing import Way, interleave, timed

SID = data.session("MLFLOW")
#: Rounds, of which there are fewer where they take longer than this together.
LEAST_ROUNDS, MOST_ROUNDS, ENOUGH_S = 2, 10, 20.0


def load(mlflow: Mlflow, runs: int) -> dict[str, object]:
    """Store runs in both; return what is to be told of it."""
    data.load(SID, records(SID, runs))
    with tempfile.NamedTemporaryFile(suffix=".ndjson") as file:
        for text in records(SID, runs):
            file.write(msgspec.json.encode(plain(text)) + b"\n")
        file.flush()
        answer = mlflow.ask(load=file.name)
    return {f"{runs:,} runs into mlflow {answer['version']} (sqlite), by its tables, in": f"{answer['seconds']:.0f} s"}


def plain(text: bytes) -> dict[str, Any]:
    """Return a record as MLflow has a run: metrics are numbers, parameters and tags are texts."""
    record = msgspec.json.decode(text)
    configuration = record["configuration"]
    params = {
        f"{place}.{name}": str(value)
        for place, found in (
            ("params", configuration["strategy"]["params"]),
            ("riskManagement", configuration["riskManagement"]),
            ("positionSizing", configuration["positionSizing"]),
        )
        for name, value in found.items()
    }
    return {
        "hash": record["configHash"], "time": record["lastUpdated"], "params": params,
        "metrics": record["resultsMetadata"]["performance"],
        "tags": {"mlflow.runName": record["configHash"], "status": record["status"], "botId": record["botId"]},
    }  # fmt: skip


def measure(report: Report, mlflow: Mlflow) -> None:
    """Compare the runs that both find, then the times: of its client in its process, and of the dashboard's view.

    Asked is what few runs match: what half of all match takes MLflow, at 100,000 runs, more than a minute each time.
    """
    report.begin(f"Three fields filtered, by a fourth, page of {LIMIT}: MLflow's client, which does not count")
    views = Views(SID)
    seconds = timed(lambda: same_runs(mlflow, views, NARROW))
    rounds = max(LEAST_ROUNDS, min(MOST_ROUNDS, int(ENOUGH_S / seconds)))
    found = interleave(moving_ways(mlflow, views, NARROW), rounds=rounds, warm_up=0)
    name = "MLflow, search_runs: few match"
    report.compare(name, found["peer"], against="dashboard, counted", reference=found["mine"])


def same_runs(mlflow: Mlflow, views: Views, limits: Limits) -> None:
    """Make sure that both find the same runs."""
    rows = msgspec.json.decode(views.way("list", limit=LIMIT, **parameters(limits))())["bots"]
    if not rows or [row["configHash"] for row in rows] != mlflow.page(limits):
        raise AssertionError("MLflow finds other runs than the dashboard")


def moving_ways(mlflow: Mlflow, views: Views, limits: Limits) -> dict[str, Way]:
    """Return the calls of both, which ask for another threshold each time."""
    mine, peer = count(1), count(1)
    asked = parameters(limits) | {"min.sharpe": lambda: repr(moved(limits, next(mine))[0])}
    return {
        "mine": views.way("list", limit=LIMIT, **asked),
        "peer": lambda: mlflow.page(moved(limits, next(peer))),
    }
