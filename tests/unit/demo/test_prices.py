"""Prices come from the installed package, in whole ticks."""

from __future__ import annotations

import numpy as np
import pytest

from bots_app.demo import prices as prices_module
from bots_app.demo.prices import data_file, eurusd, goog


def test_goog_is_what_its_file_says():
    prices = goog()
    assert len(prices) == 2148
    assert prices.session_id == "GOOG:1d:1092873600000:1362096000000"
    assert [int(column[0]) for column in (prices.open, prices.high, prices.low, prices.close)] == [
        10000,
        10406,
        9596,
        10034,
    ]


def test_eurusd_is_hourly_with_five_decimals():
    prices = eurusd()
    assert len(prices) == 5000
    assert prices.session_id == "EUR/USD:1h:1492592400000:1518015600000"
    assert int(prices.close[0]) == 107219


@pytest.mark.parametrize("load", [goog, eurusd])
def test_bars_are_in_order_and_hold_their_own_prices(load):
    prices = load()
    assert (np.diff(prices.time) > 0).all()
    assert (prices.low > 0).all()
    assert (prices.low <= np.minimum(prices.open, prices.close)).mean() > 0.99


def test_between_takes_the_bars_that_start_in_the_span():
    prices = goog()
    part = prices.between(int(prices.time[3]), int(prices.time[7]))
    assert part.time.tolist() == prices.time[3:7].tolist()
    assert part.close.tolist() == prices.close[3:7].tolist()
    assert part.symbol == "GOOG"


def test_market_history_is_in_prices():
    history = goog().bars(slice(0, 3)).market_history()
    assert history["startPrice"] == 100.0
    assert history["highPrice"] == 113.48
    assert history["lowPrice"] == 95.96
    expected = np.std(np.log([108.31 / 100.34, 109.4 / 108.31]), ddof=1)
    assert history["volatility"] == pytest.approx(expected, abs=1e-8)


def test_without_the_package_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setattr(prices_module, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="make install"):
        data_file("GOOG.csv")
