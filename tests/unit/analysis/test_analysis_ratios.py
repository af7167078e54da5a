from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots_app.analysis.daily import MOST_DAYS, daily_series
from bots_app.analysis.drawdowns import deepest_drawdowns
from bots_app.analysis.equity import equity_curve
from bots_app.analysis.ratios import ratios
from bots_app.analysis.trades import TradeArrays
from tests.unit.analysis import naive
from tests.unit.analysis.strategies import PATIENT, START, broken_trades, runs

DAY = naive.DAY_MS


def figures(rows, start, end, balance, *, periods=365.0):
    trades = TradeArrays.from_trades(rows)
    curve = equity_curve(trades, start_ms=start, end_ms=end, starting_balance=balance)
    daily = daily_series(curve)
    return curve, daily, ratios(curve, daily, trades, periods_per_year=periods)


def on_days(*profits):
    """One trade a day from the first day on, at noon, held for an hour; None is a day without a trade."""
    noons = [START + day * DAY + DAY // 2 for day in range(len(profits))]
    return [
        naive.Row(entry_time=noon - 3_600_000, exit_time=noon, profit=profit)
        for noon, profit in zip(noons, profits, strict=True)
        if profit is not None
    ]


@PATIENT
@given(runs() | runs(trades=broken_trades), st.sampled_from([None, 500.0, 100_000.0]))
def test_days_are_calendar_days_with_those_without_a_trade(run, balance):
    rows, start, end = run
    _, daily, _ = figures(rows, start, end, balance)
    points = naive.curve(rows, start, end, balance)
    expected = naive.daily(points)
    assert daily.equity.tolist() == [equity for _, equity in expected]
    assert naive.EPOCH + (expected[0][0] - naive.EPOCH) == naive.at(daily.first_day * DAY)
    returns = naive.returns(points) if balance else None
    if returns is None:
        assert daily.returns is None
        assert daily.reason
    else:
        assert daily.returns.tolist() == pytest.approx(returns, abs=1e-14)


@PATIENT
@given(runs(min_size=1), st.sampled_from([20_000.0, 1e6]), st.sampled_from([252.0, 365.0]))
def test_ratios_are_those_of_the_naive_daily_returns(run, balance, periods):
    rows, start, end = run
    curve, _, found = figures(rows, start, end, balance, periods=periods)
    points = naive.curve(rows, start, end, balance)
    values = naive.returns(points)
    if values is not None and len(values) > 1 and max(values) != min(values):
        expected = {
            "volatility": math.sqrt(naive.moment(values, 2) * len(values) / (len(values) - 1) * periods),
            "sharpe": naive.sharpe(values, periods),
            "skewness": naive.moment(values, 3) / naive.moment(values, 2) ** 1.5,
            "kurtosis": naive.moment(values, 4) / naive.moment(values, 2) ** 2,
        }
        for name, value in expected.items():
            assert getattr(found, name).value == pytest.approx(value, rel=1e-6, abs=1e-9), name
        if min(values) < 0:
            assert found.sortino.value == pytest.approx(naive.sortino(values, periods), rel=1e-6, abs=1e-9)
        assert found.ulcer_index.value == pytest.approx(naive.ulcer(points), rel=1e-6, abs=1e-12)
    assert found.total_return.value == pytest.approx(points[-1][1] / balance - 1, rel=1e-9, abs=1e-12)
    assert found.max_drawdown.value == pytest.approx(-min(naive.drawdown(points, True)), rel=1e-9, abs=1e-12)
    assert found.exposure.value == pytest.approx(naive.exposure(rows, curve.start_ms, curve.end_ms), abs=1e-12)
    days = (points[-1][0] - points[0][0]) / DAY
    if days >= 1 and points[-1][1] > 0:
        growth = (points[-1][1] / balance) ** (365.25 / days) - 1
        assert found.cagr.value == pytest.approx(growth, rel=1e-6, abs=1e-9)


@PATIENT
@given(runs() | runs(trades=broken_trades), st.sampled_from([None, 100.0, 100_000.0]))
def test_drawdowns_are_the_episodes_below_a_peak(run, balance):
    rows, start, end = run
    curve, _, found = figures(rows, start, end, balance)
    episodes = naive.episodes(naive.curve(rows, start, end, balance))
    scale = (lambda peak: peak) if balance else (lambda peak: 1)
    episodes.sort(key=lambda episode: (-(episode[3] - episode[4]) / scale(episode[3]), episode[0]))
    drawdowns = deepest_drawdowns(curve)
    assert len(drawdowns) == min(10, len(episodes))
    for drawdown, (begun, trough, recovery, peak, low) in zip(drawdowns, episodes, strict=False):
        assert drawdown.depth_money == pytest.approx(peak - low)
        assert drawdown.depth == (pytest.approx((peak - low) / peak) if balance else None)
        assert drawdown.is_recovered == (drawdown.recovery_ms is not None)
        assert drawdown.days == pytest.approx(((drawdown.recovery_ms or curve.end_ms) - drawdown.start_ms) / DAY)
        # Depths that are equal but for rounding may change places.
        if [math.isclose(drawdown.depth_money, e[3] - e[4]) for e in episodes].count(True) == 1:
            assert (drawdown.start_ms, drawdown.trough_ms, drawdown.recovery_ms) == (begun, trough, recovery)
    if drawdowns:
        assert found.max_drawdown_money.value == pytest.approx(max(e[3] - e[4] for e in episodes))
        assert found.max_drawdown_days.value == drawdowns[0].days


def test_ratios_worked_by_hand():
    # 100 -> 110 -> 99 -> 99 -> 108.9: returns 0.1, -0.1, 0, 0.1.
    _, daily, found = figures(on_days(10.0, -11.0, None, 9.9), START, START + 4 * DAY, 100.0)
    assert daily.returns.tolist() == pytest.approx([0.1, -0.1, 0.0, 0.1])
    mean, deviation = 0.025, math.sqrt((2 * 0.075**2 + 0.125**2 + 0.025**2) / 3)
    assert found.sharpe.value == pytest.approx(mean / deviation * math.sqrt(365))
    assert found.volatility.value == pytest.approx(deviation * math.sqrt(365))
    assert found.sortino.value == pytest.approx(mean / math.sqrt(0.01 / 4) * math.sqrt(365))
    assert found.total_return.value == pytest.approx(0.089)
    assert found.cagr.value == pytest.approx(1.089 ** (365.25 / 4) - 1)
    assert found.max_drawdown.value == pytest.approx(0.1)
    assert found.calmar.value == pytest.approx(found.cagr.value / 0.1)
    assert found.recovery_factor.value == pytest.approx(8.9 / 11)
    assert found.ulcer_index.value == pytest.approx(math.sqrt((0.1**2 + 0.1**2 + 0.01**2) / 4))
    assert found.exposure.value == pytest.approx(3 / (4 * 24))
    assert found.max_drawdown_days.value == pytest.approx(3.5)  # from noon of the first day, not recovered


def test_a_year_from_midnight_to_midnight_has_its_own_days_only():
    _, daily, _ = figures([], START, START + 366 * DAY, 100.0)
    assert len(daily.returns) == 366  # 2024 is a leap year
    exit_at_end = [naive.Row(exit_time=START + 366 * DAY, profit=5.0)]
    _, daily, _ = figures(exit_at_end, START, START + 366 * DAY, 100.0)
    assert (len(daily.returns), daily.returns[-1]) == (366, pytest.approx(0.05))


def test_no_trade_gives_no_ratio_and_says_why():
    _, _, found = figures([], START, START + 30 * DAY, 100.0)
    assert (found.total_return.value, found.cagr.value, found.max_drawdown.value, found.exposure.value) == (0, 0, 0, 0)
    assert (found.volatility.value, found.ulcer_index.value) == (0, 0)
    assert found.sharpe.reason == found.skewness.reason == found.kurtosis.reason == "The daily returns do not vary."
    assert found.sortino.reason == "No day lost money."
    assert found.calmar.reason == found.recovery_factor.reason == "The equity never fell below an earlier peak."


def test_winners_alone_have_no_sortino_and_no_calmar():
    _, _, found = figures(on_days(1.0, 2.0, 3.0), START, START + 3 * DAY, 100.0)
    assert found.sharpe.is_known
    assert found.max_drawdown.value == 0.0
    assert (found.sortino.value, found.calmar.value, found.recovery_factor.value) == (None, None, None)


def test_ruin_is_told_not_computed_with():
    _, daily, found = figures(on_days(-150.0, 10.0, 5.0), START, START + 3 * DAY, 100.0)
    assert daily.returns is None
    assert found.sharpe.reason == "The balance fell to zero or below."
    assert found.cagr.reason == "The final balance is zero or below."
    assert found.total_return.value == pytest.approx(-1.35)
    assert found.max_drawdown.value == pytest.approx(1.5)


@pytest.mark.parametrize(("balance", "reason"), [(None, "not known"), (0.0, "not positive"), (-5.0, "not positive")])
def test_without_a_positive_balance_nothing_relative_is_stated(balance, reason):
    _, _, found = figures(on_days(1.0, -2.0), START, START + 2 * DAY, balance)
    for name in ("total_return", "cagr", "volatility", "sharpe", "sortino", "calmar", "max_drawdown", "ulcer_index"):
        assert getattr(found, name).value is None
        assert reason in getattr(found, name).reason
    assert found.max_drawdown_money.value == 2.0
    assert found.recovery_factor.value == -0.5


def test_a_session_shorter_than_a_day_is_not_annualised():
    rows = [naive.Row(entry_time=START, exit_time=START + 60_000, profit=1.0)]
    _, _, found = figures(rows, START, START + 3_600_000, 100.0)
    assert found.cagr.reason == "The curve is shorter than a day."
    assert found.sharpe.reason == "Fewer than two days."
    assert found.exposure.value == pytest.approx(1 / 60)


def test_a_growth_too_large_to_state_is_not_infinite():
    _, _, found = figures(on_days(1e12), START, START + DAY, 1.0)
    assert found.cagr.value is None
    assert found.calmar.value is None


def test_a_span_of_centuries_is_refused_by_the_daily_figures_alone():
    end = START + (MOST_DAYS + 2) * DAY
    curve, daily, found = figures(on_days(1.0, -2.0), START, end, 100.0)
    assert (daily.returns, len(daily.equity)) == (None, 0)
    assert "at most 100,000" in found.sharpe.reason
    assert found.ulcer_index.reason == found.sharpe.reason
    assert found.total_return.is_known
    assert len(curve.time) == 4


def test_missing_entry_times_leave_exposure_undefined_and_open_trades_last_to_the_end():
    _, _, found = figures([naive.Row(exit_time=START + DAY, profit=1.0)], START, START + 2 * DAY, 100.0)
    assert found.exposure.reason == "1 trade without entry or exit time."
    _, _, found = figures([naive.Row(entry_time=START + DAY)], START, START + 4 * DAY, 100.0)
    assert found.exposure.value == 0.75


@pytest.mark.parametrize("size", [1e-150, 1e150, 1e-300, 1e280])
def test_extreme_amounts_end_in_a_number_or_a_reason(size):
    for balance in (1.0, size):
        rows = on_days(size, -size / 2, size)
        with np.errstate(all="ignore"):
            _, _, found = figures(rows, START, START + 3 * DAY, balance)
        for name in found.__slots__:
            measure = getattr(found, name)
            assert measure.reason if measure.value is None else math.isfinite(measure.value), name
