"""The tear sheet: everything the run page shows, computed from the trades."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from bots_app.analysis import groups
from bots_app.analysis.daily import daily_series
from bots_app.analysis.definitions import DEFINITIONS, Definition
from bots_app.analysis.differences import Difference, differences
from bots_app.analysis.drawdowns import Drawdown, deepest_drawdowns
from bots_app.analysis.equity import EquityCurve, equity_curve
from bots_app.analysis.fragility import FragilityRow, fragility
from bots_app.analysis.groups import GroupRow
from bots_app.analysis.measure import Measure, plural
from bots_app.analysis.months import MonthTable, month_table
from bots_app.analysis.ratios import PERIODS_PER_YEAR, ratios
from bots_app.analysis.results import DurationPoints, Histogram, duration_points, result_histogram
from bots_app.analysis.statistics import SideStatistics, TradeStatistics, trade_statistics
from bots_app.analysis.trades import TradeArrays

#: Lines of the All, Long, Short table in order.
TRADE_LINES = (
    "net_profit",
    "gross_profit",
    "gross_loss",
    "profit_factor",
    "fees",
    "trades",
    "win_rate",
    "average_win",
    "average_loss",
    "payoff",
    "expectancy",
    "largest_win",
    "largest_win_share",
    "largest_loss",
    "largest_loss_share",
    "longest_winning_streak",
    "longest_losing_streak",
    "average_winner_duration",
    "average_loser_duration",
    "longest_winner_duration",
    "longest_loser_duration",
)


@dataclass(frozen=True, slots=True)
class Fact:
    """Hold one number of the whole run with what it means."""

    key: str
    definition: Definition
    measure: Measure


@dataclass(frozen=True, slots=True)
class Cell:
    """Hold one number of a column; `flag` is "fragile", "few" or None."""

    measure: Measure
    flag: str | None


@dataclass(frozen=True, slots=True)
class TradeRow:
    """Hold one line of the table of trades: the cells are all, long, short."""

    key: str
    definition: Definition
    cells: tuple[Cell, Cell, Cell]


@dataclass(frozen=True, eq=False)
class TearSheet:
    """Hold everything the run page shows; see the package's docstring."""

    starting_balance: float | None
    is_relative: bool
    few_trades: bool
    notes: tuple[str, ...]
    curve: EquityCurve
    facts: dict[str, Fact]
    statistics: TradeStatistics
    trade_rows: tuple[TradeRow, ...]
    drawdowns: tuple[Drawdown, ...]
    months: MonthTable
    by_reason: tuple[GroupRow, ...]
    by_weekday: tuple[GroupRow, ...]
    by_hour: tuple[GroupRow, ...]
    by_month: tuple[GroupRow, ...]
    histogram: Histogram
    durations: DurationPoints
    fragility: tuple[FragilityRow, ...]
    differences: tuple[Difference, ...]


def tear_sheet(
    trades: TradeArrays,
    *,
    start_ms: int,
    end_ms: int,
    starting_balance: float | None,
    periods_per_year: float = PERIODS_PER_YEAR,
    reported: Mapping[str, float] | None = None,
) -> TearSheet:
    """Compute the tear sheet of a run whose trades are stored; `reported` are its record's metrics, to be compared."""
    with np.errstate(all="ignore"):
        curve = equity_curve(trades, start_ms=start_ms, end_ms=end_ms, starting_balance=starting_balance)
        daily = daily_series(curve)
        statistics = trade_statistics(trades)
        figures = ratios(curve, daily, trades, periods_per_year=periods_per_year)
        measures = {"net_profit": statistics.all.net_profit}
        measures |= {field.name: getattr(figures, field.name) for field in fields(figures)}
        return TearSheet(
            starting_balance=curve.starting_balance,
            is_relative=curve.is_relative,
            few_trades=statistics.all.has_few_trades,
            notes=_notes(trades, start_ms=start_ms, end_ms=end_ms),
            curve=curve,
            facts={key: Fact(key, DEFINITIONS[key], measure) for key, measure in measures.items()},
            statistics=statistics,
            trade_rows=tuple(_trade_row(key, statistics) for key in TRADE_LINES),
            drawdowns=deepest_drawdowns(curve),
            months=month_table(daily),
            by_reason=groups.by_reason(trades),
            by_weekday=groups.by_weekday(trades),
            by_hour=groups.by_hour(trades),
            by_month=groups.by_month(trades),
            histogram=result_histogram(trades, starting_balance=curve.starting_balance),
            durations=duration_points(trades, starting_balance=curve.starting_balance),
            fragility=fragility(
                trades,
                start_ms=start_ms,
                end_ms=end_ms,
                starting_balance=starting_balance,
                periods_per_year=periods_per_year,
            ),
            differences=differences(
                reported or {}, measures | _all_measures(statistics.all), open_trades=int((~trades.closed).sum())
            ),
        )


def _notes(trades: TradeArrays, *, start_ms: int, end_ms: int) -> tuple[str, ...]:
    """Say in sentences what the numbers leave out."""
    exits = trades.exit_time[trades.placed]
    counts = {
        "{}, not in these numbers.": ("open trade", ~trades.closed),
        "{} without a profit, not in these numbers.": ("closed trade", trades.closed & ~trades.realised),
        "{} without an exit time, not in the curve and what is computed from it.": (
            "closed trade",
            trades.realised & ~trades.placed,
        ),
        "{} left outside the session, which widens the curve.": ("trade", (exits < start_ms) | (exits > end_ms)),
    }
    return tuple(text.format(plural(int(which.sum()), noun)) for text, (noun, which) in counts.items() if which.any())


def _all_measures(side: SideStatistics) -> dict[str, Measure]:
    values = {field.name: getattr(side, field.name) for field in fields(side)}
    return {name: value if isinstance(value, Measure) else Measure(float(value)) for name, value in values.items()}


def _trade_row(key: str, statistics: TradeStatistics) -> TradeRow:
    all_trades, long, short = (_cell(key, side) for side in (statistics.all, statistics.long, statistics.short))
    return TradeRow(key, DEFINITIONS[key], (all_trades, long, short))


def _cell(key: str, side: SideStatistics) -> Cell:
    measure = _all_measures(side)[key]
    if key == "trades" and side.has_few_trades:
        return Cell(measure, "few")
    is_fragile = (key.startswith("largest_win") and side.is_win_fragile) or (
        key.startswith("largest_loss") and side.is_loss_fragile
    )
    return Cell(measure, "fragile" if is_fragile else None)
