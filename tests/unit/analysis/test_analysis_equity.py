from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots_app.analysis.equity import downsample, equity_curve
from bots_app.analysis.trades import TradeArrays
from tests.unit.analysis import naive
from tests.unit.analysis.strategies import PATIENT, START, broken_trades, runs

DAY = naive.DAY_MS


def curve_of(rows, start, end, balance):
    return equity_curve(TradeArrays.from_trades(rows), start_ms=start, end_ms=end, starting_balance=balance)


@PATIENT
@given(runs() | runs(trades=broken_trades), st.sampled_from([None, 1000.0, 100_000.0, 0.0, -50.0]))
def test_the_curve_is_the_running_sum_of_profits_in_order_of_exit(run, balance):
    rows, start, end = run
    curve = curve_of(rows, start, end, balance)
    points = naive.curve(rows, start, end, balance)
    assert list(zip(curve.time.tolist(), curve.equity.tolist(), strict=True)) == points
    assert curve.is_relative == (balance is not None and balance > 0)
    assert curve.drawdown.tolist() == pytest.approx(naive.drawdown(points, curve.is_relative), abs=1e-12)
    assert curve.peak.tolist() == np.maximum.accumulate([equity for _, equity in points]).tolist()


def test_a_curve_worked_by_hand():
    rows = [
        naive.Row(exit_time=START + 3 * DAY, profit=-30.0),
        naive.Row(exit_time=START + DAY, profit=10.0),
        naive.Row(exit_time=START + 3 * DAY, profit=8.0),
        naive.Row(entry_time=START + 4 * DAY, profit=500.0),  # open: no exit
    ]
    curve = curve_of(rows, START, START + 10 * DAY, 100.0)
    assert curve.series(100) == {
        "time": [START, START + DAY, START + 3 * DAY, START + 10 * DAY],
        "equity": [100.0, 110.0, 88.0, 88.0],
        "drawdown": [0.0, 0.0, -0.2, -0.2],
    }
    assert curve.drawdown_money.tolist() == pytest.approx([0, 0, -22, -22])
    assert (curve.net_profit, curve.days) == (-12.0, 10.0)


def test_without_a_balance_the_curve_is_cumulative_profit_and_the_drawdown_money():
    rows = [naive.Row(exit_time=START + day * DAY, profit=profit) for day, profit in ((1, 5.0), (2, -7.0))]
    curve = curve_of(rows, START, START + 2 * DAY, None)
    assert not curve.is_relative
    assert curve.equity.tolist() == [0.0, 5.0, -2.0]
    assert curve.drawdown.tolist() == [0.0, 0.0, -7.0]


def test_an_exit_at_the_start_leaves_the_starting_balance_visible():
    curve = curve_of([naive.Row(exit_time=START, profit=-10.0)], START, START + DAY, 100.0)
    assert curve.time.tolist() == [START, START, START + DAY]
    assert curve.drawdown.tolist() == pytest.approx([0.0, -0.1, -0.1])


@pytest.mark.parametrize("end", [START, START - DAY])
def test_a_session_without_length_and_trades_is_one_point(end):
    assert curve_of([], START, end, 100.0).series(2) == {"time": [START], "equity": [100.0], "drawdown": [0.0]}


def test_rounding_of_the_running_sum_is_no_drawdown():
    assert 0.9 - 0.2 + 0.2 < 0.9
    rows = [naive.Row(exit_time=START + n, profit=profit) for n, profit in enumerate([0.9, -0.2, 0.2], start=1)]
    curve = curve_of(rows, START, START + DAY, None)
    assert curve.equity[-1] < curve.peak[-1]
    assert (curve.drawdown == 0).tolist() == [True, True, False, True, True]


def test_amounts_and_times_that_no_page_could_show_are_missing():
    trades = TradeArrays.from_columns(
        profit=[1e308, 1.0, np.inf, 2.0], exit_time=[START, 1e300, START, START], exit_price=[1, 1, 1, 1]
    )
    assert trades.realised.tolist() == [False, True, False, True]
    assert trades.placed.tolist() == [False, False, False, True]
    curve = equity_curve(trades, start_ms=START, end_ms=START + 1, starting_balance=float("inf"))
    assert curve.equity.tolist() == [0.0, 2.0, 2.0]


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="different lengths"):
        TradeArrays.from_columns(profit=[1.0, 2.0], fee=[1.0])


@PATIENT
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300), st.integers(2, 320), st.data())
def test_downsampling_keeps_first_last_and_the_asked_for_indices(values, points, data):
    equity = np.array(values)
    gaps = data.draw(st.lists(st.integers(0, 10), min_size=len(values), max_size=len(values)))
    keep = data.draw(st.lists(st.integers(0, len(values) - 1), max_size=4))
    at = downsample(START + np.cumsum(gaps, dtype=np.int64), equity, points, keep=keep)
    assert len(at) <= points
    assert (np.diff(at) > 0).all()
    assert (at[0], at[-1]) == (0, len(values) - 1)
    if len(values) <= points:
        assert len(at) == len(values)
    if points >= 8:
        assert set(keep) <= set(at.tolist())


def test_fewer_than_two_points_are_refused():
    with pytest.raises(ValueError, match="at least 2"):
        downsample(np.arange(5), np.arange(5.0), 1)


@pytest.mark.parametrize("points", [2, 3, 7, 8, 9, 50, 1000])
def test_a_thinned_series_shows_the_drawdowns_of_the_full_curve(points):
    rng = np.random.default_rng(1)
    n = 20_000
    trades = TradeArrays.from_columns(profit=rng.normal(1, 30, n), exit_time=START + np.arange(n) * 60_000)
    curve = equity_curve(trades, start_ms=START, end_ms=START + n * 60_000, starting_balance=20_000.0)
    series = curve.series(points)
    assert {len(values) for values in series.values()} <= set(range(2, points + 1))
    assert (series["time"][0], series["time"][-1]) == (curve.start_ms, curve.end_ms)
    at = np.searchsorted(curve.time, series["time"])
    assert curve.drawdown[at].tolist() == series["drawdown"]
    if points >= 8:
        assert min(series["drawdown"]) == curve.drawdown.min()
        assert (max(series["equity"]), min(series["equity"])) == (curve.equity.max(), curve.equity.min())
    assert json.loads(json.dumps(series, allow_nan=False)) == series
