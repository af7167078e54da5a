"""The crossover engine: worked examples, the same rules bar by bar, and no look at the future."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots_app.demo.crossover import Account, Crossover, Market, backtest
from bots_app.demo.prices import Prices
from tests.unit.demo.reference import backtest_bar_by_bar

FREE = Account(balance=1000.0, commission_bp=0.0, slippage_bp=0.0)
#: Fast is the close itself, slow the mean of the last two closes: they cross when the direction of the closes changes.
TURNS = Crossover(fast=1, slow=2, stop_loss=0.5)
DAY_MS = 86_400_000


def market(bars: list[tuple[float, float, float, float]]) -> Market:
    """Return a market of bars given as (open, high, low, close)."""
    ticks = np.rint(np.array(bars, dtype=float).reshape(-1, 4) * 100).astype(np.int64)
    return Market(Prices("TEST", "1d", 2, np.arange(len(bars), dtype=np.int64) * DAY_MS, *ticks.T.copy()))


def flat(*closes: float) -> list[tuple[float, float, float, float]]:
    """Return bars that open at the last close and trade no further than their own open and close."""
    opens = (closes[0], *closes[:-1])
    return [(o, max(o, c), min(o, c), c) for o, c in zip(opens, closes, strict=True)]


def told(trades: list[dict]) -> list[tuple]:
    """Return what a worked example says of each trade."""
    return [
        (t["type"], t["entryTime"] // DAY_MS, t["entryPrice"], t["exitTime"] // DAY_MS, t["exitPrice"], t["reason"])
        for t in trades
    ]


def test_a_crossing_is_acted_upon_at_the_next_open():
    bars = [(10, 10, 10, 10), (9, 9, 9, 9), (11, 11, 11, 11), (12, 13, 12, 13), (14, 14, 8, 8), (7, 7, 6, 6)]
    trades = backtest(market(bars), TURNS, FREE)
    assert told(trades) == [("LONG", 3, 12.0, 5, 7.0, "signal"), ("SHORT", 5, 7.0, 5, 6.0, "endOfData")]
    assert trades[0]["size"] == 83
    assert trades[0]["profitLoss"] == -415.0
    assert trades[1]["size"] == 83, "585 left at 7 each"
    assert trades[1]["profitLoss"] == 83.0


def test_a_stop_is_filled_at_its_price_within_the_bar():
    bars = [*flat(10, 9, 10), (10, 10.5, 9.2, 10.2), (10.2, 11, 10.2, 11)]
    trades = backtest(market(bars), dataclasses.replace(TURNS, stop_loss=0.05), FREE)
    assert told(trades) == [("LONG", 3, 10.0, 3, 9.5, "stopLoss")], "in the bar of the entry, and flat from then on"


def test_a_bar_that_opens_beyond_the_stop_is_left_at_its_open():
    bars = [*flat(10, 9, 10, 11), (8, 12, 8, 12), (12, 12, 12, 12)]
    trades = backtest(market(bars), dataclasses.replace(TURNS, stop_loss=0.1), FREE)
    assert told(trades) == [("LONG", 3, 10.0, 4, 8.0, "stopLoss")]


def test_a_target_is_filled_at_its_price_or_a_better_open():
    config = dataclasses.replace(TURNS, take_profit=0.1)
    within = [*flat(10, 9, 10, 10.5), (10.5, 11.5, 10.5, 11.2), (11.2, 11.3, 11.2, 11.3)]
    assert told(backtest(market(within), config, FREE)) == [("LONG", 3, 10.0, 4, 11.0, "takeProfit")]
    beyond = [*flat(10, 9, 10, 10.5), (11.4, 11.5, 4, 11.2), (11.2, 11.3, 11.2, 11.3)]
    assert told(backtest(market(beyond), config, FREE)) == [("LONG", 3, 10.0, 4, 11.4, "takeProfit")]


def test_the_stop_counts_when_a_bar_touches_both():
    config = dataclasses.replace(TURNS, stop_loss=0.1, take_profit=0.1)
    bars = [*flat(10, 9, 10), (10, 11.5, 8.5, 10.5), (10.5, 11, 10.5, 11)]
    assert told(backtest(market(bars), config, FREE)) == [("LONG", 3, 10.0, 3, 9.0, "stopLoss")]


def test_a_short_is_stopped_above_its_entry_and_pays_both_costs():
    account = Account(balance=1000.0, fraction=0.5, commission_bp=10.0, slippage_bp=100.0)
    bars = [*flat(10, 11, 10), (10, 10, 10, 9.9), (10, 11, 10, 10.5)]
    (trade,) = backtest(market(bars), dataclasses.replace(TURNS, stop_loss=0.1, direction="short"), account)
    assert (trade["entryPrice"], trade["exitPrice"]) == (9.9, 11.0), "sold 1 % lower; stop at 10.89, bought 1 % higher"
    assert trade["size"] == 50
    assert trade["fee"] == round(50 * (9.9 + 11.0) * 0.001, 2) == 1.04
    assert trade["profitLoss"] == round(50 * (9.9 - 11.0) - 1.04, 2)


@pytest.mark.parametrize(
    ("direction", "sides"), [("both", {"LONG", "SHORT"}), ("long", {"LONG"}), ("short", {"SHORT"})]
)
def test_only_the_wanted_directions_are_traded(direction, sides):
    trades = backtest(market(flat(10, 9, 10, 9, 10, 9, 10)), dataclasses.replace(TURNS, direction=direction), FREE)
    assert {trade["type"] for trade in trades} == sides


def test_an_account_without_money_trades_no_more():
    bars = [*flat(10, 11, 10, 9), (30, 30, 30, 30), *flat(30, 20, 30, 20)]
    trades = backtest(market(bars), dataclasses.replace(TURNS, direction="short"), FREE)
    assert len(trades) == 1
    assert trades[0]["profitLoss"] < -1000


@pytest.mark.parametrize("closes", [(), (10,), (10, 10, 10, 10), (10, 11, 12, 13), (10, 11, 10)])
def test_prices_that_never_cross_in_time_give_no_trades(closes):
    assert backtest(market(flat(*closes) if closes else []), TURNS, FREE) == []


def test_an_average_longer_than_the_prices_gives_no_trades():
    assert backtest(market(flat(10, 9, 10, 9)), Crossover(fast=2, slow=9, stop_loss=0.1), FREE) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"fast": 20}, "fast (20) must be shorter than slow (20)"),
        ({"fast": 0}, "fast must be at least 1, not 0"),
        ({"stop_loss": 0.0}, "stopLoss must be above 0 and below 1, not 0"),
        ({"stop_loss": 1.0}, "stopLoss must be above 0 and below 1, not 1"),
        ({"take_profit": -0.1}, "takeProfit must be above 0, not -0.1"),
    ],
)
def test_what_cannot_be_run_says_why(change, reason):
    sound = Crossover(fast=5, slow=20, stop_loss=0.02)
    assert sound.problem() is None
    assert dataclasses.replace(sound, **change).problem() == reason


@st.composite
def markets(draw, fewest: int = 2) -> Market:
    """Draw bars of few distinct prices, so that equal averages and touched levels are common."""
    count = draw(st.integers(fewest, 60))
    prices = draw(st.lists(st.tuples(*[st.integers(80, 120)] * 4), min_size=count, max_size=count))
    return market([(o, max(o, h, low, c), min(o, h, low, c), c) for o, h, low, c in prices])


@st.composite
def configs(draw) -> Crossover:
    fast = draw(st.integers(1, 6))
    return Crossover(
        fast=fast,
        slow=fast + draw(st.integers(1, 8)),
        stop_loss=draw(st.sampled_from([0.01, 0.05, 0.1, 0.3, 0.9])),
        take_profit=draw(st.sampled_from([None, 0.01, 0.05, 0.1, 0.5, 2.0])),
        average=draw(st.sampled_from(["sma", "ema"])),
        direction=draw(st.sampled_from(["both", "long", "short"])),
    )


accounts = st.builds(
    Account,
    balance=st.sampled_from([150.0, 1000.0, 100_000.0]),
    fraction=st.sampled_from([0.5, 1.0]),
    commission_bp=st.sampled_from([0.0, 1.0, 20.0]),
    slippage_bp=st.sampled_from([0.0, 0.5, 50.0]),
)


@settings(max_examples=400, deadline=None)
@given(markets(), configs(), accounts)
def test_the_trades_are_those_of_the_rules_applied_bar_by_bar(drawn, config, account):
    assert backtest(drawn, config, account) == backtest_bar_by_bar(drawn.prices, config, account)


@settings(max_examples=200, deadline=None)
@given(markets(10), markets(60), configs(), st.data())
def test_future_bars_never_change_past_trades(drawn, other, config, data):
    now = data.draw(st.integers(1, len(drawn.prices) - 1))
    past, future = drawn.prices.bars(slice(0, now)), other.prices.bars(slice(now, None))
    names = ("time", "open", "high", "low", "close")
    columns = {name: np.concatenate((getattr(past, name), getattr(future, name))) for name in names}
    changed = Market(dataclasses.replace(drawn.prices, **columns))

    before, after = (backtest(one, config, FREE) for one in (drawn, changed))

    def settled(trades: list[dict]) -> list[dict]:
        return [trade for trade in trades if trade["exitTime"] < now * DAY_MS and trade["reason"] != "endOfData"]

    def entered(trades: list[dict]) -> list[tuple]:
        return [(t["entryTime"], t["entryPrice"], t["size"]) for t in trades if t["entryTime"] < now * DAY_MS]

    assert settled(after) == settled(before)
    assert entered(after) == entered(before)


@pytest.mark.parametrize("average", ["sma", "ema"])
def test_a_market_gives_the_same_trades_whatever_was_asked_before(average):
    chance = np.random.default_rng(3)
    closes = np.round(100 + np.cumsum(chance.normal(0, 1, 400)), 2)
    shared = market(flat(*closes))
    for fast, slow, stop in [(3, 10, 0.02), (5, 30, 0.05), (3, 10, 0.01), (2, 4, 0.03)]:
        config = Crossover(fast=fast, slow=slow, stop_loss=stop, average=average)
        expected = backtest_bar_by_bar(shared.prices, config, FREE)
        assert backtest(shared, config, FREE) == expected
        assert len(expected) > 3
