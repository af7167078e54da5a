"""Records of the demo: hashes, results, reasons."""

from __future__ import annotations

import pytest

from bots_app.demo.crossover import Account, Crossover, Market
from bots_app.demo.prices import goog
from bots_app.demo.records import config_hash, crossover_record, is_left_running

ACCOUNT = Account(balance=10_000.0, fraction=0.95, commission_bp=10.0, slippage_bp=1.0)


@pytest.fixture(scope="module")
def market() -> Market:
    return Market(goog())


def test_the_hash_is_that_of_the_values_and_not_of_their_order():
    one, other = {"a": 1, "b": {"c": 0.5, "d": "x"}}, {"b": {"d": "x", "c": 0.5}, "a": 1}
    assert config_hash(one) == config_hash(other)
    assert config_hash(one) != config_hash(one | {"a": 2})
    assert len(config_hash(one)) == 16
    assert int(config_hash(one), 16) >= 0


def test_a_completed_run_sums_up_its_own_trades(market):
    record = crossover_record(market, Crossover(10, 50, 0.05), ACCOUNT)
    figures = record["resultsMetadata"]["performance"]
    assert record["status"] == "completed"
    assert figures["numTrades"] == len(record["trades"]) > 10
    assert figures["profit"] == pytest.approx(sum(trade["profitLoss"] for trade in record["trades"]))
    assert figures["fees"] == pytest.approx(sum(trade["fee"] for trade in record["trades"]))
    assert figures["totalReturn"] == pytest.approx(figures["profit"] / ACCOUNT.balance)
    assert record["resultsMetadata"]["initialBalance"] == ACCOUNT.balance
    assert record["resultsMetadata"]["marketHistory"]["endPrice"] == 806.19
    assert None not in figures.values()


def test_a_run_without_trades_has_no_ratios_made_up(market):
    record = crossover_record(market, Crossover(10, 5000, 0.05), ACCOUNT)
    figures = record["resultsMetadata"]["performance"]
    assert record["trades"] == []
    assert (figures["profit"], figures["numTrades"]) == (0, 0)
    assert "winRate" not in figures
    assert "sharpeRatio" not in figures


def test_a_configuration_that_cannot_be_run_failed_with_the_reason(market):
    record = crossover_record(market, Crossover(50, 10, 0.05), ACCOUNT)
    assert record["status"] == "failed"
    assert record["resultsMetadata"]["error"] == "fast (50) must be shorter than slow (10)"
    assert "trades" not in record


def test_a_run_under_way_has_no_results_and_the_hash_it_will_keep(market):
    config = Crossover(10, 50, 0.05, take_profit=0.1)
    running = crossover_record(market, config, ACCOUNT, is_finished=False)
    assert running["status"] == "running"
    assert "performance" not in running["resultsMetadata"]
    assert running["configHash"] == crossover_record(market, config, ACCOUNT)["configHash"]


def test_one_run_in_a_hundred_is_left_running():
    hashes = [config_hash({"number": number}) for number in range(5000)]
    assert 20 < sum(map(is_left_running, hashes)) < 90
