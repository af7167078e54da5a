"""The same numbers in plain Python, a trade and a day at a time: slow, and too simple to be wrong in the same way."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

DAY_MS = 86_400_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Row:
    """A trade as the records give it; None is missing."""

    index: int = 0
    side: str | None = "long"
    entry_time: int | None = None
    exit_time: int | None = None
    entry_price: float | None = None
    exit_price: float | None = None
    size: float | None = None
    profit: float | None = None
    fee: float | None = None
    reason: str | None = None


def at(ms: int) -> datetime:
    return EPOCH + timedelta(milliseconds=ms)


def is_closed(row: Row) -> bool:
    if row.exit_time is not None or row.exit_price is not None:
        return True
    return row.profit is not None and row.entry_time is None and row.entry_price is None


def realised(rows: list[Row]) -> list[Row]:
    kept = [row for row in rows if is_closed(row) and row.profit is not None and not math.isnan(row.profit)]
    return sorted(kept, key=lambda row: math.inf if row.exit_time is None else row.exit_time)


def curve(rows: list[Row], start: int, end: int, balance: float | None) -> list[tuple[int, float]]:
    placed = [row for row in realised(rows) if row.exit_time is not None]
    exits = [row.exit_time for row in placed]
    first, last = min([start, *exits]), max([start, end, *exits])
    equity = balance or 0.0
    points = [(first, equity)]
    for position, row in enumerate(placed):
        equity += row.profit
        if position + 1 == len(placed) or exits[position + 1] != row.exit_time:
            points.append((row.exit_time, equity))
    if points[-1][0] < last:
        points.append((last, equity))
    return points


def drawdown(points: list[tuple[int, float]], is_relative: bool) -> list[float]:
    found, peak = [], -math.inf
    for _, equity in points:
        peak = max(peak, equity)
        found.append((equity - peak) / peak if is_relative else equity - peak)
    return found


def episodes(points: list[tuple[int, float]]) -> list[tuple[int, int, int | None, float, float]]:
    """Start, trough, recovery, peak, equity at the trough."""
    found, peak, low = [], points[0], None
    for point in points:
        if point[1] >= peak[1]:
            if low:
                found.append((peak[0], low[0], point[0], peak[1], low[1]))
            peak, low = point, None
        elif low is None or point[1] < low[1]:
            low = point
    if low:
        found.append((peak[0], low[0], None, peak[1], low[1]))
    return found


def daily(points: list[tuple[int, float]]) -> list[tuple[datetime, float]]:
    day = at(points[0][0]).replace(hour=0, minute=0, second=0, microsecond=0)
    last, closes = at(points[-1][0]), []
    while not closes or day < last:
        following = day + timedelta(days=1)
        is_last = following >= last
        before = [equity for ms, equity in points if at(ms) < following or is_last]
        closes.append((day, before[-1]))
        day = following
    return closes


def returns(points: list[tuple[int, float]]) -> list[float] | None:
    levels = [points[0][1]] + [equity for _, equity in daily(points)]
    if min(levels[:-1]) <= 0:
        return None
    return [after / before - 1 for before, after in zip(levels, levels[1:], strict=False)]


def sharpe(values: list[float], periods: float) -> float:
    return statistics.fmean(values) / statistics.stdev(values) * math.sqrt(periods)


def sortino(values: list[float], periods: float) -> float:
    return statistics.fmean(values) / math.sqrt(sum(min(r, 0) ** 2 for r in values) / len(values)) * math.sqrt(periods)


def moment(values: list[float], order: int) -> float:
    mean = statistics.fmean(values)
    return statistics.fmean([(r - mean) ** order for r in values])


def ulcer(points: list[tuple[int, float]]) -> float:
    peak, squares = points[0][1], []
    for _, equity in daily(points):
        peak = max(peak, equity)
        squares.append((equity / peak - 1) ** 2)
    return math.sqrt(statistics.fmean(squares))


def exposure(rows: list[Row], start: int, end: int) -> float:
    held, until = 0, start
    for row in sorted(rows, key=lambda row: row.entry_time):
        left = row.exit_time if is_closed(row) else end
        begin, stop = max(row.entry_time, until, start), min(left, end)
        if stop > begin:
            held += stop - begin
            until = stop
    return held / (end - start)


def streak(results: list[float], sign: int) -> int:
    longest = running = 0
    for result in results:
        running = running + 1 if result * sign > 0 else 0
        longest = max(longest, running)
    return longest
