"""Trades by exit reason, weekday, hour and month of the exit, in UTC."""

from __future__ import annotations

import calendar
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bots_app.analysis.measure import Measure
from bots_app.analysis.trades import TradeArrays

#: Rows of the table by reason; a writer may give every trade a reason of its own.
MOST_REASONS = 50
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class GroupRow:
    """Hold the realised trades of one group; `profit` and `average` are money, `win_rate` a ratio per trade."""

    key: str
    label: str
    trades: int
    wins: int
    win_rate: Measure
    profit: Measure
    average: Measure


def by_reason(trades: TradeArrays) -> tuple[GroupRow, ...]:
    """Group by exit reason, most trades first, ties by name; beyond fifty reasons the rarest share the last row."""
    at = trades.exit_order
    reasons = [trades.reason[i] or "" for i in at.tolist()]
    counts = sorted(Counter(reasons).items(), key=lambda item: (-item[1], item[0]))
    if len(counts) > MOST_REASONS:
        names = [name for name, _ in counts[: MOST_REASONS - 1]]
        rest = f"{len(counts) - len(names):,} other reasons"
    else:
        names, rest = [name for name, _ in counts], ""
    number = {name: i for i, name in enumerate(names)}
    group = np.array([number.get(reason, len(names)) for reason in reasons], dtype=np.intp)
    labels = [name or "not given" for name in names] + ([rest] if rest else [])
    return _rows(trades.profit[at], group, labels, names + ["*"])


def by_weekday(trades: TradeArrays) -> tuple[GroupRow, ...]:
    """Group by weekday of the exit: seven rows, Monday first."""
    profit, time = _placed(trades)
    # 1970-01-01 was a Thursday.
    return _rows(profit, (time // (24 * HOUR_MS) + 3) % 7, list(calendar.day_name))


def by_hour(trades: TradeArrays) -> tuple[GroupRow, ...]:
    """Group by hour of the exit: 24 rows."""
    profit, time = _placed(trades)
    return _rows(profit, time // HOUR_MS % 24, [f"{hour:02d}:00" for hour in range(24)])


def by_month(trades: TradeArrays) -> tuple[GroupRow, ...]:
    """Group by calendar month of the exit, over all years: twelve rows."""
    profit, time = _placed(trades)
    month = time.astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64) % 12
    return _rows(profit, month, list(calendar.month_name)[1:])


def _placed(trades: TradeArrays) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    at = trades.exit_order[: int(trades.placed.sum())]
    return trades.profit[at], trades.exit_time[at].astype(np.int64)


def _rows(
    profit: NDArray[np.float64], group: NDArray[np.int64], labels: list[str], keys: Sequence[str] | None = None
) -> tuple[GroupRow, ...]:
    counts = np.bincount(group, minlength=len(labels)).tolist()
    wins = np.bincount(group[profit > 0], minlength=len(labels)).tolist()
    sums = np.bincount(group, weights=profit, minlength=len(labels)).tolist()
    return tuple(
        GroupRow(
            key=keys[i] if keys else str(i),
            label=label,
            trades=counts[i],
            wins=wins[i],
            win_rate=Measure.ratio(wins[i], counts[i], "No trade."),
            profit=Measure.of(sums[i]),
            average=Measure.ratio(sums[i], counts[i], "No trade."),
        )
        for i, label in enumerate(labels)
    )
