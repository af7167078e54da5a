"""Analysis of a whole session by the registries that the addresses call, its columns held."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from bots_app.analysis_reading import AnalysisRegistry
from bots_app.analysis_run import RunAnalysisRegistry
from bots_app.query import RunQuery
from bots_app.registry import BotRegistry
from bots_app.sweep import sweep
from bots_app.table.fields import CONFIG
from bots_app.table.memory import memory
from bots_app.writing import RunWrite
from dashboard.api.renderers import encode
from tests.bench.pages import LIMIT
from tests.bench.report import Report, at_most
from tests.bench.sweep import writer
from tests.bench.sweep.data import SID
from tests.bench.timing import Samples, interleave, timed

#: Milliseconds of a figure that is drawn, and of what weighs parameters, over all runs.
DRAWN_MS, WEIGHED_MS = 150, 3_000
WEIGHED = 15
#: Rounds of what takes tenths of a second, and of what takes seconds.
ROUNDS, LONG_ROUNDS = 12, 5
PARAMS = f"{CONFIG}strategy.params."
METRICS = (
    "profit", "sharpe", "maxDrawdown", "winRate", "profitFactor", "numTrades", "sortinoRatio", "calmarRatio",
    "expectancy", "volatility",
)  # fmt: skip

Ask = Callable[[], dict[str, Any]]


def parameters() -> list[str]:
    """Return the parameters that are numbers, by name."""
    with sweep(SID, ()) as snapshot:
        names = sorted(name for name in snapshot.names() if name.startswith(CONFIG))
    with sweep(SID, names) as snapshot:
        return [name for name in names if snapshot.has_numbers(name)]


def drawn() -> dict[str, Ask]:
    """Return the calls that have a goal of milliseconds; one heat map has few cells, one as many as can be."""
    registry, everything = AnalysisRegistry(), RunQuery()
    density = partial(registry.density, SID, everything, x_bins=60, y_bins=60)
    heatmap = partial(registry.heatmap, SID, everything, metric="profit")
    fast, slow = f"{PARAMS}fastPeriod", f"{PARAMS}slowPeriod"
    return {
        "histogram of the Sharpe ratio": partial(registry.histogram, SID, everything, field="sharpe"),
        "density of Sharpe ratio and drawdown": partial(density, x="sharpe", y="maxDrawdown"),
        "heat map of two periods, median": partial(heatmap, x=fast, y=slow, statistic="median"),
        "heat map of two periods, mean": partial(heatmap, x=fast, y=slow, statistic="mean"),
        "heat map of two fields in 30 bins each, median": partial(
            heatmap, x=f"{PARAMS}entryThreshold", y="volatility", statistic="median"
        ),
    }


def others(weighed: list[str]) -> dict[str, Ask]:
    """Return the calls that have no goal."""
    registry, one, everything = AnalysisRegistry(), RunAnalysisRegistry(), RunQuery()
    with sweep(SID, ()) as snapshot:
        [some_run] = snapshot.hashes_at([snapshot.rows // 2])
    return {
        "quantiles": partial(registry.quantiles, SID, everything, field="sharpe"),
        f"parallel, {len(weighed)} axes": partial(registry.parallel, SID, everything, metric="profit", fields=weighed),
        f"correlation of {len(METRICS)} metrics": partial(registry.correlation, SID, everything, fields=METRICS),
        "percentiles of one run": partial(one.percentiles, SID, some_run, everything, fields=METRICS),
        "rank of one run": partial(one.rank, SID, some_run, RunQuery(ordering="-calmarRatio")),
        "neighbours of one run": partial(one.neighbours, SID, some_run, metric="profit", fields=weighed),
    }


def measure(report: Report, *, rounds: int) -> None:
    """Measure each figure of the whole session; what weighs parameters has to answer the same bytes every time."""
    report.begin("Analysis of all runs, columns held")
    weighed = parameters()[:WEIGHED]
    asked = drawn()
    for name, samples in measured(asked | others(weighed), min(ROUNDS, rounds)).items():
        report.time(name, samples, goal=at_most(DRAWN_MS) if name in asked else None)
    importance = partial(AnalysisRegistry().importance, SID, RunQuery(), metric="profit", fields=weighed)
    answers: set[bytes] = {encode(importance())}
    found = [timed(lambda: answers.add(encode(importance()))) for _ in range(min(LONG_ROUNDS, rounds))]
    memory.cache_clear()
    answers.add(encode(importance()))
    if len(answers) > 1:
        raise AssertionError(f"the importance of parameters differs from one time to the next: {answers}")
    name = f"importance of {len(weighed)} parameters, the same bytes {len(found) + 2} times"
    report.time(name, Samples(found), goal=at_most(WEIGHED_MS))


def measure_plateau(report: Report, *, rounds: int) -> None:
    """Measure a page by a score that any write may change of any run: worked out after one, and asked for again."""
    report.begin("Page by plateau score")
    registry, asked = BotRegistry(), RunQuery(ordering="-plateau.profit")
    found: dict[str, list[float]] = {"after a write": [], "the same again": []}
    for text in writer.chosen(SID)[: min(LONG_ROUNDS, rounds)]:
        registry.put(SID, RunWrite.parse(writer.changed(text)))
        for seconds in found.values():
            seconds.append(timed(lambda: registry.page(SID, asked, limit=LIMIT).body()))
    for name, seconds in found.items():
        report.time(name, Samples(seconds))


def measured(asked: dict[str, Ask], rounds: int) -> dict[str, Samples]:
    """Return the times of calls and of the JSON of their answers."""
    return interleave({name: lambda way=way: encode(way()) for name, way in asked.items()}, rounds=rounds, warm_up=2)
