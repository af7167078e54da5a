"""The equity curve on calendar days in UTC: the periods of every ratio."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bots_app.analysis.equity import DAY_MS, EquityCurve
from bots_app.analysis.measure import plural
from bots_app.analysis.trades import Floats

#: Daily figures of longer spans are refused: some 270 years, by which memory is bounded whatever a record says.
MOST_DAYS = 100_000


@dataclass(frozen=True, eq=False)
class DailySeries:
    """Hold the equity at the end of each calendar day from the first to the last of the curve.

    `first_day` is the number of days since 1970-01-01; `equity` and `returns` have shape (days,). Days without a trade
    are included. `returns` is the ratio of a day's end to the day before's (the first day's to the starting balance)
    less 1, or None with the `reason`. An end at midnight belongs to the day before, so that a year has 365 days and
    not 366.
    """

    first_day: int
    opening: float
    equity: Floats
    returns: Floats | None
    reason: str | None
    is_relative: bool

    @cached_property
    def mean(self) -> float:
        """Mean of the returns, NaN without any."""
        return math.nan if self.returns is None else float(self.returns.mean())

    @cached_property
    def deviation(self) -> Floats:
        """Returns less their mean, shape (days,)."""
        return np.empty(0) if self.returns is None else self.returns - self.mean

    @cached_property
    def standard_deviation(self) -> float:
        """Sample standard deviation (n - 1) of the returns, NaN below two of them."""
        n = len(self.deviation)
        return math.sqrt(float(self.deviation @ self.deviation) / (n - 1)) if n > 1 else math.nan


def daily_series(curve: EquityCurve) -> DailySeries:
    """Read the curve at the end of every day."""
    first_day = curve.start_ms // DAY_MS
    days = max(1, -(-curve.end_ms // DAY_MS) - first_day)
    opening = float(curve.equity[0])
    if days > MOST_DAYS:
        reason = f"The curve spans {plural(days, 'day')}; daily figures are made for at most {MOST_DAYS:,}."
        return DailySeries(first_day, opening, np.empty(0), None, reason, curve.is_relative)
    day_of_point = np.minimum(curve.time // DAY_MS - first_day, days - 1)
    last_point = np.searchsorted(day_of_point, np.arange(days), side="right") - 1
    equity = curve.equity[last_point]
    if not curve.is_relative:
        known = curve.starting_balance is not None
        reason = "The starting balance is not positive." if known else "The starting balance is not known."
        return DailySeries(first_day, opening, equity, None, reason, False)
    before = np.concatenate(([opening], equity[:-1]))
    if before.min() <= 0:
        return DailySeries(first_day, opening, equity, None, "The balance fell to zero or below.", True)
    return DailySeries(first_day, opening, equity, equity / before - 1.0, None, True)
