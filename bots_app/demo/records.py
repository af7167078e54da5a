"""Runs of the demo as the records that a backtester writes."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from bots_app.analysis.metrics import summary_metrics
from bots_app.analysis.trades import TradeArrays
from bots_app.demo.crossover import Account, Crossover, Market, backtest
from bots_app.demo.prices import Prices

#: One run in this many is left running, so that there is something to watch.
RUNNING_SHARE = 100

_SIDES = {"LONG": 1, "SHORT": -1}


def config_hash(configuration: Mapping[str, Any]) -> str:
    """Return the hash of a configuration: the same for the same values, in whatever order they are written."""
    return hashlib.sha256(msgspec.json.encode(configuration, order="deterministic")).hexdigest()[:16]


def is_left_running(run_hash: str) -> bool:
    """Return whether the demo leaves this run without results; decided by its hash, so always the same runs."""
    return int(run_hash, 16) % RUNNING_SHARE == 0


def record(
    configuration: Mapping[str, Any], *, status: str, results: dict[str, Any], trades: list | None = None
) -> dict:
    """Return a BacktestRunRecord, with its trades when there are any to store."""
    written: dict[str, Any] = {
        "configHash": config_hash(configuration),
        "botId": configuration["botId"],
        "status": status,
        "lastUpdated": time.time_ns() // 1_000_000,
        "resultsMetadata": results,
        "configuration": configuration,
    }
    return written if trades is None else written | {"trades": trades}


def crossover_configuration(config: Crossover, account: Account, prices: Prices) -> dict[str, Any]:
    """Return the configuration of a run of the crossover engine; it decides the run's hash."""
    risk = {"stopLoss": config.stop_loss}
    if config.take_profit is not None:
        risk["takeProfit"] = config.take_profit
    bot_id = f"{config.average}-{config.fast}-{config.slow}-{config.direction}"
    return {
        "botId": bot_id,
        "strategy": {
            "type": "MovingAverageCrossover",
            "params": {
                "fast": config.fast,
                "slow": config.slow,
                "average": config.average,
                "direction": config.direction,
            },
        },
        "riskManagement": risk,
        "positionSizing": {"type": "fractionOfEquity", "value": account.fraction},
        "costs": {"commissionBp": account.commission_bp, "slippageBp": account.slippage_bp},
        "timeframe": prices.timeframe,
        "symbol": prices.symbol,
    }


def crossover_record(
    market: Market, config: Crossover, account: Account, *, is_finished: bool = True
) -> dict[str, Any]:
    """Return a run of the crossover engine: completed, failed when it cannot be run, or still running."""
    configuration = crossover_configuration(config, account, market.prices)
    results: dict[str, Any] = {"initialBalance": account.balance}
    if problem := config.problem():
        return record(configuration, status="failed", results=results | {"error": problem})
    if not is_finished:
        return record(configuration, status="running", results=results)
    trades = backtest(market, config, account)
    results["performance"] = performance(trades, market.prices, balance=account.balance)
    results["marketHistory"] = market.history
    return record(configuration, status="completed", results=results, trades=trades)


def performance(trades: list[dict[str, Any]], prices: Prices, *, balance: float) -> dict[str, float]:
    """Return the metrics of a run's trades under the record's own names; what is undefined is left out."""

    def column(name: str) -> np.ndarray:
        return np.array([trade[name] for trade in trades], dtype=float)

    arrays = TradeArrays.from_columns(
        profit=column("profitLoss"),
        entry_time=column("entryTime"),
        exit_time=column("exitTime"),
        side=[_SIDES[trade["type"]] for trade in trades],
        entry_price=column("entryPrice"),
        exit_price=column("exitPrice"),
        size=column("size"),
        fee=column("fee"),
        reason=[trade["reason"] for trade in trades],
    )
    metrics = summary_metrics(
        arrays,
        starting_balance=balance,
        start_ms=int(prices.time[0]),
        end_ms=int(prices.time[-1]),
        periods_per_year=365,
    )
    return {name: value for name, value in metrics.items() if value is not None}
