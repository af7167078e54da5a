"""Where in a record the metrics lie, and what they are called.

Paths are tried in order, the first that holds a finite number counts. The setting METRIC_PATHS replaces or adds
entries.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.conf import settings

from dashboard.tolerant import to_number

_PERFORMANCE = "resultsMetadata.performance"


def _usual(*names: str) -> tuple[str, ...]:
    """Return the paths under performance, then those directly under resultsMetadata, where the early shape has them."""
    return tuple(f"{_PERFORMANCE}.{name}" for name in names) + tuple(f"resultsMetadata.{name}" for name in names)


DEFAULT_PATHS: dict[str, tuple[str, ...]] = {
    "profit": (
        *(f"{_PERFORMANCE}.{name}" for name in ("profit", "totalProfit", "netProfit", "pnl")),
        "resultsMetadata.profit",
    ),
    "sharpe": (f"{_PERFORMANCE}.sharpe", f"{_PERFORMANCE}.sharpeRatio", "resultsMetadata.sharpeRatio"),
    "maxDrawdown": _usual("maxDrawdown"),
    "winRate": _usual("winRate"),
    "profitFactor": _usual("profitFactor"),
    # In the early shape `trades` is a count; where it is a list, it is no number and is passed over.
    "numTrades": _usual("numTrades", "totalTrades", "trades"),
    "avgTradeDuration": _usual("avgTradeDuration"),
}
#: Where the balance that a run started with lies; its equity is unknown without one, only its cumulative profit.
BALANCE_PATHS = tuple(
    f"{place}.{name}"
    for place in ("resultsMetadata", _PERFORMANCE, "configuration", "configuration.positionSizing")
    for name in ("initialBalance", "startingBalance", "initialCapital", "startingCapital")
)
#: Metrics of a row of the list, besides the profit.
ROW_METRICS = ("sharpe", "maxDrawdown", "winRate", "profitFactor", "numTrades")


@cache
def metric_paths() -> dict[str, tuple[tuple[str, ...], ...]]:
    """Return for each metric its paths, each as a tuple of steps."""
    paths = DEFAULT_PATHS | getattr(settings, "METRIC_PATHS", {})
    return {name: tuple(tuple(path.split(".")) for path in found) for name, found in paths.items()}


def value_at(record: Mapping[str, Any], steps: tuple[str, ...]) -> Any:
    """Return what stands at the end of the steps, None where one of them leads nowhere."""
    value: Any = record
    for step in steps:
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


class _Plan:
    """Where the metrics are looked for: the objects that hold some, each found once, and the names in them."""

    def __init__(self, paths: dict[str, tuple[tuple[str, ...], ...]]) -> None:
        self.paths = paths
        self.holders = list(dict.fromkeys(steps[:-1] for found in paths.values() for steps in found))
        self.places = [
            (name, [(self.holders.index(steps[:-1]), steps[-1]) for steps in found]) for name, found in paths.items()
        ]


_plan: _Plan | None = None


def metrics_of(record: Mapping[str, Any]) -> dict[str, int | float | None]:
    """Return every known metric of a record, None where it is missing, no number, or not finite."""
    global _plan
    plan = _plan
    if plan is None or plan.paths is not metric_paths():
        plan = _plan = _Plan(metric_paths())
    holders = []
    for steps in plan.holders:
        holder = value_at(record, steps)
        holders.append(holder if isinstance(holder, dict) else {})
    metrics: dict[str, int | float | None] = {}
    for name, places in plan.places:
        number = None
        for holder, key in places:
            value = holders[holder].get(key)
            if value is not None and (number := to_number(value)) is not None:
                break
        metrics[name] = number
    return metrics


def starting_balance(record: Mapping[str, Any]) -> float | None:
    """Return the balance a run started with, None when its record does not say, or says nothing above 0."""
    numbers = (to_number(value_at(record, tuple(path.split(".")))) for path in BALANCE_PATHS)
    return next((float(number) for number in numbers if number is not None and number > 0), None)
