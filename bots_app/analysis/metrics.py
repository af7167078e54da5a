"""A run's metrics under the names of its record, fast enough for every run of a sweep."""

from __future__ import annotations

import numpy as np

from bots_app.analysis import ratios
from bots_app.analysis.daily import daily_series
from bots_app.analysis.equity import equity_curve
from bots_app.analysis.measure import Measure
from bots_app.analysis.trades import Floats, TradeArrays


def summary_metrics(
    trades: TradeArrays,
    *,
    starting_balance: float | None,
    start_ms: int,
    end_ms: int,
    periods_per_year: float = ratios.PERIODS_PER_YEAR,
) -> dict[str, float | None]:
    """Compute what a record's `performance` holds; None where undefined.

    Ratios: totalReturn, cagr, volatility, maxDrawdown (positive), ulcerIndex, winRate, exposure. Money: profit,
    grossProfit, grossLoss, averageWin, averageLoss, expectancy, fees. avgTradeDuration is ms. The same as `tear_sheet`
    gives for all trades.
    """
    with np.errstate(all="ignore"):
        curve = equity_curve(trades, start_ms=start_ms, end_ms=end_ms, starting_balance=starting_balance)
        daily = daily_series(curve)
        growth, deepest = ratios.cagr(curve), ratios.max_drawdown(curve)
        skew, kurt = ratios.moments(daily)
        measures = {
            "totalReturn": ratios.total_return(curve),
            "cagr": growth,
            "volatility": ratios.volatility(daily, periods_per_year=periods_per_year),
            "sharpeRatio": ratios.sharpe(daily, periods_per_year=periods_per_year),
            "sortinoRatio": ratios.sortino(daily, periods_per_year=periods_per_year),
            "calmarRatio": ratios.calmar(growth, deepest),
            "maxDrawdown": deepest,
            "recoveryFactor": ratios.recovery_factor(curve),
            "ulcerIndex": ratios.ulcer_index(daily),
            "skewness": skew,
            "kurtosis": kurt,
            "exposure": ratios.exposure(trades, start_ms=curve.start_ms, end_ms=curve.end_ms),
        }
        per_trade = _per_trade(trades)
        return {"profit": per_trade.pop("profit")} | {name: _value(m) for name, m in measures.items()} | per_trade


def _per_trade(trades: TradeArrays) -> dict[str, float | None]:
    """Compute the part that needs no curve, without the detail of `statistics.side_statistics`."""
    realised = trades.realised
    profit, fee, held = trades.profit[realised], trades.fee[realised], trades.duration[realised]
    side = trades.side[realised]
    won, lost = profit > 0, profit < 0
    count, wins, losses = len(profit), int(won.sum()), int(lost.sum())
    gained, given = float(profit[won].sum()), float(profit[lost].sum())
    average_win, average_loss = _ratio(gained, wins), _ratio(given, losses)
    return {
        "profit": float(profit.sum()),
        "numTrades": count,
        "numLong": int((side == 1).sum()),
        "numShort": int((side == -1).sum()),
        "winRate": _ratio(wins, count),
        "grossProfit": gained,
        "grossLoss": given,
        "profitFactor": _ratio(gained, -given),
        "payoffRatio": _ratio(average_win, -average_loss) if average_win and average_loss else None,
        "expectancy": _ratio(float(profit.sum()), count),
        "averageWin": average_win,
        "averageLoss": average_loss,
        "fees": _known_sum(fee),
        "avgTradeDuration": _known_mean(held),
    }


def _value(measure: Measure) -> float | None:
    return measure.value


def _ratio(above: float, below: float) -> float | None:
    return Measure.ratio(above, below, "").value


def _known_sum(values: Floats) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.sum()) if len(known) or not len(values) else None


def _known_mean(values: Floats) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None
