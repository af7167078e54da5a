"""A tear sheet arranged for the run page: key figures, table of sides, heat map of months, the curve as a table."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from bots_app.analysis.definitions import DEFINITIONS, Definition
from bots_app.analysis.measure import Measure
from bots_app.analysis.months import MonthTable
from bots_app.analysis.report import Cell, TearSheet
from bots_app.records import BacktestRunRecord, BotConfiguration
from dashboard.web import numbers

#: Key figures in order; those of the whole run come from the facts, those per trade from the table of sides.
FIGURES = ("net_profit", "cagr", "sharpe", "sortino", "max_drawdown", "profit_factor", "win_rate", "trades")
#: Facts that have a panel of their own beside the key figures.
RATIOS = (
    "total_return",
    "volatility",
    "calmar",
    "ulcer_index",
    "recovery_factor",
    "exposure",
    "max_drawdown_days",
    "skewness",
    "kurtosis",
)
#: The metric of a record that a key figure falls back to when there are no trades.
REPORTED = {
    "net_profit": "profit",
    "sharpe": "sharpe",
    "max_drawdown": "maxDrawdown",
    "profit_factor": "profitFactor",
    "win_rate": "winRate",
    "trades": "numTrades",
}
#: Two lines of the table of sides that read better as one: first line, second line, label, its quiet words.
PAIRS = {
    "largest_win": ("largest_win_share", "Largest win", "share of gross profit"),
    "largest_loss": ("largest_loss_share", "Largest loss", "share of gross loss"),
    "longest_winning_streak": ("longest_losing_streak", "Longest streak", "wins / losses"),
    "average_winner_duration": ("average_loser_duration", "Average duration", "winners / losers"),
    "longest_winner_duration": ("longest_loser_duration", "Longest duration", "winners / losers"),
}
#: Last parts of dotted names that say nothing without what stands before them.
VAGUE = frozenset({"type", "value", "name", "id", "min", "max", "enabled"})
#: A step of colour in the heat map, as a ratio, and the number of steps.
HEAT_STEP, HEAT_STEPS = 0.03, 4
MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: Rows of the curve's table.
CURVE_ROWS = 25


@dataclass(frozen=True)
class Figure:
    """A key figure: what it is, its value, and quiet words under it."""

    key: str
    definition: Definition
    measure: Measure
    sub: str


@dataclass(frozen=True)
class SideRow:
    """A line of the table of sides; each of its three columns holds one cell, or two that are read together."""

    key: str
    label: str
    note: str
    text: str
    unit: str
    second_unit: str
    columns: tuple[tuple[Cell, ...], ...]


def figures(sheet: TearSheet) -> list[Figure]:
    """Return the key figures of a run with trades; without a balance a drawdown is money."""
    found = []
    for key in FIGURES:
        if key == "max_drawdown" and not sheet.is_relative:
            key = "max_drawdown_money"
        row = next((row for row in sheet.trade_rows if row.key == key), None)
        if key in sheet.facts:
            definition, measure = sheet.facts[key].definition, sheet.facts[key].measure
        elif row is not None:
            definition, measure = row.definition, row.cells[0].measure
        else:
            continue
        found.append(Figure(key, definition, measure, _under(key, sheet) or definition.note))
    return found


def _under(key: str, sheet: TearSheet) -> str:
    """Return the quiet words under a key figure, where they say more than its unit."""
    match key:
        case "net_profit":
            value = sheet.facts["total_return"].measure.value
            return "" if value is None else f"{numbers.percent(value, signed=True)} return"
        case "max_drawdown" | "max_drawdown_money":
            value = sheet.facts["max_drawdown_days"].measure.value
            return "" if value is None else f"{numbers.count(value)} days long"
        case "trades":
            long, short = sheet.statistics.long.trades, sheet.statistics.short.trades
            return f"{numbers.count(long)} long, {numbers.count(short)} short" if long or short else ""
    return ""


def reported_figures(record: BacktestRunRecord) -> list[Figure]:
    """Return the key figures as the record reports them, for want of trades to compute them from."""
    found = []
    for key, name in REPORTED.items():
        value = record.metrics.get(name)
        if key in ("win_rate", "max_drawdown") and value is not None and abs(value) > 1:
            # Above 1 it can only be a percentage already.
            value = value / 100
        measure = Measure.undefined("The record does not report it.") if value is None else Measure.of(value)
        found.append(Figure(key, DEFINITIONS[key], measure, "" if value is None else "as reported"))
    return found


def parameters(record: BacktestRunRecord) -> list[tuple[str, str, Any]]:
    """Return short name, dotted name and value of every parameter; names are short where that leaves them distinct."""
    found = BotConfiguration(record.configuration).parameters()
    last = {name: name.rpartition(".")[2] for name in found}
    often = Counter(last.values())
    return [
        (name if often[last[name]] > 1 or last[name] in VAGUE or last[name].isdigit() else last[name], name, value)
        for name, value in found.items()
    ]


def ratios(sheet: TearSheet) -> list[Any]:
    """Return the facts that stand in the panel of ratios."""
    return [sheet.facts[key] for key in RATIOS if key in sheet.facts]


def side_rows(sheet: TearSheet) -> list[SideRow]:
    """Return the table of all, long and short trades, lines that belong together in one."""
    by_key = {row.key: row for row in sheet.trade_rows}
    seconds = {second for second, _, _ in PAIRS.values()}
    lines = []
    for key, row in by_key.items():
        if key in seconds:
            continue
        pair = PAIRS.get(key)
        if pair is None or pair[0] not in by_key:
            definition = row.definition
            cells = tuple((cell,) for cell in row.cells)
            lines.append(SideRow(key, definition.label, definition.note, definition.text, definition.unit, "", cells))
            continue
        second, label, note = pair
        other = by_key[second]
        together = tuple(zip(row.cells, other.cells, strict=True))
        lines.append(
            SideRow(key, label, note, row.definition.text, row.definition.unit, other.definition.unit, together)
        )
    return lines


def heat(table: MonthTable) -> list[dict[str, Any]]:
    """Return the rows of the heat map, each cell with the class of its step; money is coloured by sign alone."""

    def cell(measure: Measure) -> dict[str, Any]:
        value = measure.value
        if not value:
            return {"measure": measure, "css": ""}
        step = min(HEAT_STEPS, 1 + int(abs(value) / HEAT_STEP)) if table.is_relative else 2
        return {"measure": measure, "css": f"{'p' if value > 0 else 'n'}{step}"}

    return [
        {"year": row.year, "months": [cell(month) for month in row.months], "total": row.total} for row in table.rows
    ]


def curve_rows(sheet: TearSheet) -> list[dict[str, Any]]:
    """Return the curve as a short table, for those who do not see the chart."""
    series = sheet.curve.series(CURVE_ROWS)
    return [
        {"time": time, "equity": equity, "drawdown": drawdown}
        for time, equity, drawdown in zip(series["time"], series["equity"], series["drawdown"], strict=True)
    ]
