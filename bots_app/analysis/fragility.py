"""Metrics under changed assumptions: fewer lucky trades, more cost, half the time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from bots_app.analysis import ratios
from bots_app.analysis.daily import daily_series
from bots_app.analysis.equity import DAY_MS, equity_curve
from bots_app.analysis.measure import Measure, plural
from bots_app.analysis.statistics import side_statistics
from bots_app.analysis.trades import Floats, TradeArrays

BEST_LEFT_OUT = (1, 5, 10)
COSTS_BP = (1, 5, 10)
BP = 1e-4


@dataclass(frozen=True, slots=True)
class FragilityRow:
    """Hold the metrics under one assumption; all are undefined, for one reason, when it cannot be tried."""

    key: str
    label: str
    trades: int | None
    profit: Measure
    sharpe: Measure
    max_drawdown: Measure
    profit_factor: Measure
    win_rate: Measure


@dataclass(frozen=True, slots=True)
class _Setting:
    start_ms: int
    end_ms: int
    starting_balance: float | None
    periods_per_year: float


def fragility(
    trades: TradeArrays,
    *,
    start_ms: int,
    end_ms: int,
    starting_balance: float | None,
    periods_per_year: float = ratios.PERIODS_PER_YEAR,
) -> tuple[FragilityRow, ...]:
    """List as stored, without the best 1, 5, 10 trades, with 1, 5, 10 bp more cost a side, first and second half.

    The other trades keep their sizes, also where the run would have traded less; of equally good ones the first to
    leave counts as the best. Cost is taken from the value traded at entry and at exit. The halves meet at midnight UTC
    nearest the middle of the session; a trade belongs to that of its exit, and the second half starts with the balance
    at which the first one ends.
    """
    setting = _Setting(start_ms, end_ms, starting_balance, periods_per_year)
    rows = [_row("stored", "As stored", trades, setting)]
    rows.extend(_without_best(trades, setting))
    rows.extend(_with_cost(trades, setting))
    rows.extend(_halves(trades, setting))
    return tuple(rows)


def _without_best(trades: TradeArrays, setting: _Setting) -> Iterator[FragilityRow]:
    order = trades.exit_order
    best_first = order[np.argsort(-trades.profit[order], kind="stable")]
    for count in BEST_LEFT_OUT:
        label = "Without the best trade" if count == 1 else f"Without the best {count}"
        if len(order) <= count:
            reason = f"There are only {plural(len(order), 'closed trade')}." if len(order) else "No closed trade."
            yield _undefined(f"best{count}", label, reason)
            continue
        kept = np.ones(len(trades), dtype=np.bool_)
        kept[best_first[:count]] = False
        yield _row(f"best{count}", label, trades.take(kept), setting)


def _with_cost(trades: TradeArrays, setting: _Setting) -> Iterator[FragilityRow]:
    value = traded_value(trades)
    lacking = int((trades.realised & ~np.isfinite(value)).sum())
    for bp in COSTS_BP:
        key, label = f"cost{bp}", f"+{bp} bp cost a side"
        if lacking:
            yield _undefined(key, label, f"{plural(lacking, 'trade')} without size, entry price or exit price.")
        else:
            yield _row(key, label, replace(trades, profit=trades.profit - value * bp * BP), setting)


def traded_value(trades: TradeArrays) -> Floats:
    """Value bought plus value sold of each trade in money, shape (n,); NaN where size or a price is missing.

    Writers give `size` in units of what is traded, some in money at the entry. Taken is the reading by which the price
    moves explain the stored profits better.
    """
    with np.errstate(all="ignore"):
        move = (trades.exit_price - trades.entry_price) * trades.side
        in_units = trades.size * (trades.entry_price + trades.exit_price)
        in_money = trades.size * (1.0 + trades.exit_price / trades.entry_price)
        miss_units = np.abs(trades.size * move - trades.profit)
        miss_money = np.abs(trades.size * move / trades.entry_price - trades.profit)
    known = np.isfinite(miss_units) & np.isfinite(miss_money)
    return in_money if miss_money[known].sum() < miss_units[known].sum() else in_units


def _halves(trades: TradeArrays, setting: _Setting) -> Iterator[FragilityRow]:
    names = (("half1", "First half"), ("half2", "Second half"))
    curve = equity_curve(
        trades, start_ms=setting.start_ms, end_ms=setting.end_ms, starting_balance=setting.starting_balance
    )
    middle = (curve.start_ms + curve.end_ms + DAY_MS) // (2 * DAY_MS) * DAY_MS
    if not curve.start_ms < middle < curve.end_ms:
        for key, label in names:
            yield _undefined(key, label, "The session is too short to halve.")
        return
    lacking = int((trades.realised & ~trades.placed).sum())
    if lacking:
        for key, label in names:
            yield _undefined(key, label, f"{plural(lacking, 'trade')} without exit time.")
        return
    early, late = trades.placed & (trades.exit_time < middle), trades.placed & (trades.exit_time >= middle)
    halfway = None if curve.starting_balance is None else curve.starting_balance + float(trades.profit[early].sum())
    yield _row(*names[0], trades.take(early), replace(setting, start_ms=curve.start_ms, end_ms=middle))
    second = replace(setting, start_ms=middle, end_ms=curve.end_ms, starting_balance=halfway)
    yield _row(*names[1], trades.take(late), second)


def _row(key: str, label: str, trades: TradeArrays, setting: _Setting) -> FragilityRow:
    curve = equity_curve(
        trades, start_ms=setting.start_ms, end_ms=setting.end_ms, starting_balance=setting.starting_balance
    )
    statistics = side_statistics(trades)
    return FragilityRow(
        key=key,
        label=label,
        trades=statistics.trades,
        profit=statistics.net_profit,
        sharpe=ratios.sharpe(daily_series(curve), periods_per_year=setting.periods_per_year),
        max_drawdown=ratios.max_drawdown(curve),
        profit_factor=statistics.profit_factor,
        win_rate=statistics.win_rate,
    )


def _undefined(key: str, label: str, reason: str) -> FragilityRow:
    nothing = Measure.undefined(reason)
    return FragilityRow(key, label, None, nothing, nothing, nothing, nothing, nothing)
