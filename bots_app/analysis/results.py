"""Results of single trades: their histogram, and duration against result."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bots_app.analysis.measure import Measure, plural
from bots_app.analysis.trades import Floats, Indices, TradeArrays

FEWEST_BINS, MOST_BINS = 10, 60
#: Points of a scatter plot beyond which it only gets slower.
MOST_POINTS = 2_000


@dataclass(frozen=True, slots=True)
class Histogram:
    """Hold `counts` of results in [edges[i], edges[i + 1]), the last closed.

    Zero is an edge, so no bar mixes wins and losses. `unit` is "percent" (results are ratios of the balance just
    before the exit) or "money".
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    mean: Measure
    unit: str


@dataclass(frozen=True, slots=True)
class DurationPoints:
    """Hold one point a trade, in order of exit: duration, result in `unit`, side (+1, -1, 0), place in the stored list.

    `total` trades have both; when more than 2,000, `note` says how the shown ones were chosen.
    """

    duration_ms: tuple[int, ...]
    result: tuple[float, ...]
    side: tuple[int, ...]
    index: tuple[int, ...]
    total: int
    unit: str
    note: str | None


def trade_results(trades: TradeArrays, *, starting_balance: float | None) -> tuple[Floats, str]:
    """Return each realised trade's result in order of exit, and its unit.

    A ratio of the balance just before the exit ("percent") when that is always known and positive, else the profit
    ("money").
    """
    profit = trades.profit[trades.exit_order]
    all_placed = int(trades.placed.sum()) == len(profit)
    if starting_balance is not None and starting_balance > 0 and all_placed and len(profit):
        before = starting_balance + np.concatenate(([0.0], np.cumsum(profit)[:-1]))
        if before.min() > 0:
            return profit / before, "percent"
    return profit, "money"


def result_histogram(trades: TradeArrays, *, starting_balance: float | None) -> Histogram:
    """Count results in bins of one width: Freedman and Diaconis (1981), held to between 10 and some 60 bins."""
    results, unit = trade_results(trades, starting_balance=starting_balance)
    if not len(results):
        return Histogram((), (), Measure.undefined("No closed trade."), unit)
    mean = Measure.of(results.mean())
    low, high = min(float(results.min()), 0.0), max(float(results.max()), 0.0)
    if low == high:
        return Histogram((0.0, 1.0), (len(results),), mean, unit)
    upper, lower = np.percentile(results, [75, 25]).tolist()
    wanted = 2.0 * (upper - lower) / len(results) ** (1 / 3)
    width = min(max(wanted, (high - low) / MOST_BINS), (high - low) / FEWEST_BINS)
    # Division first, as the width itself may underflow; one bin more holds a highest result that lies on an edge.
    first, last = math.floor(low / width), max(math.ceil(high / width), 1)
    bins = np.clip(np.floor(results / width).astype(np.int64) - first, 0, last - first - 1)
    bins[results < 0] = np.minimum(bins[results < 0], -first - 1)
    counts = np.bincount(bins, minlength=last - first)
    return Histogram(tuple(k * width for k in range(first, last + 1)), tuple(counts.tolist()), mean, unit)


def duration_points(trades: TradeArrays, *, starting_balance: float | None) -> DurationPoints:
    """Pair duration and result; of more than 2,000 trades choose evenly by exit, always with best, worst, longest."""
    results, unit = trade_results(trades, starting_balance=starting_balance)
    at = trades.exit_order
    known = np.isfinite(trades.duration[at])
    at, results = at[known], results[known]
    held = trades.duration[at]
    chosen = _choose(held, results)
    note = None
    if len(chosen) < len(at):
        total = plural(len(at), "trade")
        note = f"{len(chosen):,} of {total}, evenly by exit, with the best, the worst and the longest."
    return DurationPoints(
        duration_ms=tuple(held[chosen].astype(np.int64).tolist()),
        result=tuple(results[chosen].tolist()),
        side=tuple(trades.side[at][chosen].tolist()),
        index=tuple(trades.index[at][chosen].tolist()),
        total=len(at),
        unit=unit,
        note=note,
    )


def _choose(held: Floats, results: Floats) -> Indices:
    if len(held) <= MOST_POINTS:
        return np.arange(len(held))
    always = [int(results.argmax()), int(results.argmin()), int(held.argmax())]
    even = np.linspace(0, len(held) - 1, MOST_POINTS - len(always)).round().astype(np.intp)
    return np.union1d(even, np.array(always, dtype=np.intp))
