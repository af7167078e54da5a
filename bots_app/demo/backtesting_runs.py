"""Runs made by the package `backtesting` itself, told in its own numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from bots_app.demo.prices import Prices
from bots_app.demo.records import record

BALANCE = 10_000.0
COMMISSION_BP = 10.0
SPREAD_BP = 1.0

#: Our name -> theirs and what theirs is multiplied with: percentages become ratios, a drawdown becomes positive.
FIGURES = {
    "totalReturn": ("Return [%]", 0.01),
    "buyAndHoldReturn": ("Buy & Hold Return [%]", 0.01),
    "annualReturn": ("Return (Ann.) [%]", 0.01),
    "cagr": ("CAGR [%]", 0.01),
    "volatility": ("Volatility (Ann.) [%]", 0.01),
    "sharpeRatio": ("Sharpe Ratio", 1.0),
    "sortinoRatio": ("Sortino Ratio", 1.0),
    "calmarRatio": ("Calmar Ratio", 1.0),
    "maxDrawdown": ("Max. Drawdown [%]", -0.01),
    "exposure": ("Exposure Time [%]", 0.01),
    "winRate": ("Win Rate [%]", 0.01),
    "profitFactor": ("Profit Factor", 1.0),
    "sqn": ("SQN", 1.0),
    "kellyCriterion": ("Kelly Criterion", 1.0),
    "fees": ("Commissions [$]", 1.0),
}


@dataclass(frozen=True)
class SmaCrossConfig:
    """The parameters of one run."""

    fast: int
    slow: int
    stop_loss: float


def configuration(config: SmaCrossConfig, prices: Prices) -> dict[str, Any]:
    """Return the configuration of a run; it decides the run's hash."""
    return {
        "botId": f"sma-cross-{config.fast}-{config.slow}",
        "strategy": {"type": "SmaCross", "params": {"fast": config.fast, "slow": config.slow}},
        "riskManagement": {"stopLoss": config.stop_loss},
        "positionSizing": {"type": "fractionOfEquity", "value": 0.95},
        "costs": {"commissionBp": COMMISSION_BP, "spreadBp": SPREAD_BP},
        "timeframe": prices.timeframe,
        "symbol": prices.symbol,
        "engine": "backtesting",
    }


def performance(stats: Mapping[str, Any]) -> dict[str, float]:
    """Return what `backtesting` reports under the names of a record; what it could not compute is left out."""
    reported = {name: (stats[theirs], factor) for name, (theirs, factor) in FIGURES.items()}
    figures = {name: float(value) * factor for name, (value, factor) in reported.items() if math.isfinite(value)}
    figures["numTrades"] = int(stats["# Trades"])
    if figures["numTrades"]:
        figures["avgTradeDuration"] = stats["Avg. Trade Duration"].total_seconds() * 1000
    return {"totalProfit": float(stats["Equity Final [$]"]) - BALANCE} | figures


def backtesting_record(prices: Prices, config: SmaCrossConfig, *, is_finished: bool = True) -> dict[str, Any]:
    """Return a run as a record: completed with its trades, failed with what `backtesting` said, or still running."""
    from bots_app.demo import smacross  # takes a second, which only those who run it should pay

    settings = configuration(config, prices)
    results: dict[str, Any] = {"initialBalance": BALANCE}
    if not is_finished:
        return record(settings, status="running", results=results)
    try:
        stats = smacross.run(_backtest(prices), fast=config.fast, slow=config.slow, stop_loss=config.stop_loss)
    except ValueError as error:
        return record(settings, status="failed", results=results | {"error": str(error)})
    results["performance"] = performance(stats)
    results["marketHistory"] = prices.market_history()
    return record(settings, status="completed", results=results, trades=smacross.trades_of(stats, prices))


@cache
def _backtest(prices: Prices) -> Any:
    from bots_app.demo import smacross

    return smacross.backtest_of(prices, balance=BALANCE, commission=COMMISSION_BP / 10_000, spread=SPREAD_BP / 10_000)
