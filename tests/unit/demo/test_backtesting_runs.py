"""Runs of the package `backtesting` as records, and the same strategy in the own engine."""

from __future__ import annotations

import msgspec
import pytest

from bots_app.demo.backtesting_runs import BALANCE, SmaCrossConfig, backtesting_record
from bots_app.demo.crossover import Account, Crossover, Market, backtest
from bots_app.demo.prices import goog

#: A stop that is never touched: `backtesting` places its stop by the last close, the own engine by the entry.
NEVER = 0.95


@pytest.fixture(scope="module")
def record() -> dict:
    return backtesting_record(goog(), SmaCrossConfig(10, 40, 0.05))


def test_a_record_is_json_with_trades_that_sum_up_to_its_profit(record):
    stored = msgspec.json.decode(msgspec.json.encode(record))
    figures = stored["resultsMetadata"]["performance"]
    assert stored["status"] == "completed"
    assert len(stored["trades"]) == figures["numTrades"]
    assert sum(trade["profitLoss"] for trade in stored["trades"]) == pytest.approx(figures["totalProfit"])
    assert sum(trade["fee"] for trade in stored["trades"]) == pytest.approx(figures["fees"])
    assert figures["totalReturn"] == pytest.approx(figures["totalProfit"] / BALANCE)
    wins = sum(trade["profitLoss"] > 0 for trade in stored["trades"])
    assert figures["winRate"] == pytest.approx(wins / figures["numTrades"])


def test_ratios_are_ratios_and_durations_ms(record):
    figures = record["resultsMetadata"]["performance"]
    assert 0 < figures["maxDrawdown"] < 1
    assert 0 < figures["exposure"] < 1
    assert figures["avgTradeDuration"] % 86_400_000 == 0


def test_each_trade_says_why_it_ended(record):
    reasons = [trade["reason"] for trade in record["trades"]]
    assert {"stopLoss", "signal"} <= set(reasons)
    assert reasons.count("endOfData") <= 1


def test_what_the_strategy_refuses_is_a_failed_run_with_the_reason():
    record = backtesting_record(goog(), SmaCrossConfig(40, 40, 0.05))
    assert record["status"] == "failed"
    assert record["resultsMetadata"]["error"] == "fast (40) must be shorter than slow (40)"
    assert "performance" not in record["resultsMetadata"]
    assert "trades" not in record


def test_a_run_under_way_has_no_results():
    record = backtesting_record(goog(), SmaCrossConfig(10, 40, 0.05), is_finished=False)
    assert record["status"] == "running"
    assert "performance" not in record["resultsMetadata"]


@pytest.mark.parametrize(("fast", "slow"), [(5, 20), (10, 50), (30, 200)])
def test_the_own_engine_enters_and_leaves_when_backtesting_does(fast, slow):
    theirs = backtesting_record(goog(), SmaCrossConfig(fast, slow, NEVER))["trades"]
    free = Account(BALANCE, fraction=0.5, commission_bp=0.0, slippage_bp=0.0)
    ours = backtest(Market(goog()), Crossover(fast, slow, NEVER), free)

    def turns(trades: list[dict]) -> list[tuple]:
        return [(trade["type"], trade["entryTime"], trade["exitTime"]) for trade in trades]

    assert turns(ours) == turns(theirs)
    assert len(ours) > 10
