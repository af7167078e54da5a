"""Returns by month and year, in UTC."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bots_app.analysis.daily import DailySeries
from bots_app.analysis.measure import Measure

OUTSIDE = Measure(None, "Outside the session.")


@dataclass(frozen=True, slots=True)
class MonthRow:
    """Hold one year: twelve measures, January first, and the year's own."""

    year: int
    months: tuple[Measure, ...]
    total: Measure


@dataclass(frozen=True, slots=True)
class MonthTable:
    """Hold the years in order: returns as ratios when `is_relative`, else profit in money.

    `reason` says why there are no rows.
    """

    rows: tuple[MonthRow, ...]
    is_relative: bool
    reason: str | None = None


def month_table(daily: DailySeries) -> MonthTable:
    """Compare the equity at the end of each month and year with that at the end of the one before.

    The first and last month and year may be cut by the session. Trades count in the month of their exit.
    """
    if not len(daily.equity):
        return MonthTable((), daily.is_relative, daily.reason)
    days = np.arange(daily.first_day, daily.first_day + len(daily.equity)).astype("datetime64[D]")
    month = days.astype("datetime64[M]").astype(np.int64)
    first, changes = _changes(daily, month)
    first_year, totals = _changes(daily, month // 12)
    rows = []
    for offset, total in enumerate(totals):
        year = first_year + offset
        january = year * 12 - first
        cells = tuple(changes[i] if 0 <= i < len(changes) else OUTSIDE for i in range(january, january + 12))
        rows.append(MonthRow(1970 + year, cells, total))
    return MonthTable(tuple(rows), daily.is_relative)


def _changes(daily: DailySeries, period: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> tuple[int, list[Measure]]:
    """Return the first period and the change of equity over it and each that follows."""
    last_days = np.append(np.flatnonzero(period[1:] != period[:-1]), len(period) - 1)
    ends = daily.equity[last_days]
    begins = np.concatenate(([daily.opening], ends[:-1]))
    if not daily.is_relative:
        return int(period[0]), [Measure.of(value) for value in (ends - begins).tolist()]
    pairs = zip(ends.tolist(), begins.tolist(), strict=True)
    ruined = Measure(None, "The balance was zero or below at the start.")
    return int(period[0]), [Measure.of(end / begin - 1) if begin > 0 else ruined for end, begin in pairs]
