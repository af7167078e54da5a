"""Months, groups, histogram and durations."""

from __future__ import annotations

import calendar
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots_app.analysis import groups
from bots_app.analysis.daily import daily_series
from bots_app.analysis.equity import equity_curve
from bots_app.analysis.months import month_table
from bots_app.analysis.results import duration_points, result_histogram
from bots_app.analysis.trades import TradeArrays
from tests.unit.analysis import naive
from tests.unit.analysis.strategies import PATIENT, START, broken_trades, runs

DAY = naive.DAY_MS


def months_of(rows, start, end, balance):
    curve = equity_curve(TradeArrays.from_trades(rows), start_ms=start, end_ms=end, starting_balance=balance)
    return month_table(daily_series(curve))


@PATIENT
@given(runs() | runs(trades=broken_trades), st.sampled_from([None, 100_000.0]))
def test_months_and_years_are_the_change_of_the_equity_at_their_ends(run, balance):
    rows, start, end = run
    table = months_of(rows, start, end, balance)
    points = naive.curve(rows, start, end, balance)
    month_ends, year_ends = {}, {}
    for day, equity in naive.daily(points):
        month_ends[day.year, day.month] = year_ends[day.year] = equity

    def changes(ends):
        levels = [points[0][1], *ends.values()]
        pairs = zip(levels, levels[1:], strict=False)
        return dict(zip(ends, [b / a - 1 if balance else b - a for a, b in pairs], strict=True))

    months, years = changes(month_ends), changes(year_ends)
    assert [row.year for row in table.rows] == list(years)
    for row in table.rows:
        assert row.total.value == pytest.approx(years[row.year], abs=1e-12)
        for month, measure in enumerate(row.months, start=1):
            value = months.get((row.year, month))
            assert measure.value == (None if value is None else pytest.approx(value, abs=1e-12))


def test_months_worked_by_hand():
    january, february, next_year = START + 9 * DAY, START + 40 * DAY, START + 370 * DAY
    rows = [
        naive.Row(exit_time=january, profit=10.0),
        naive.Row(exit_time=february, profit=-11.0),
        naive.Row(exit_time=next_year, profit=9.9),
    ]
    table = months_of(rows, START, START + 380 * DAY, 100.0)
    first, second = table.rows
    assert (first.year, second.year) == (2024, 2025)
    assert [cell.value for cell in first.months] == pytest.approx([0.1, -0.1] + [0.0] * 10)
    assert first.total.value == pytest.approx(-0.01)
    assert second.months[0].value == pytest.approx(0.1)
    assert {cell.reason for cell in second.months[1:]} == {"Outside the session."}


def test_a_month_that_begins_in_ruin_has_no_return():
    rows = [naive.Row(exit_time=START + DAY, profit=-100.0), naive.Row(exit_time=START + 32 * DAY, profit=5.0)]
    table = months_of(rows, START, START + 40 * DAY, 100.0)
    assert table.rows[0].months[0].value == pytest.approx(-1.0)
    assert table.rows[0].months[1].value is None


@PATIENT
@given(runs() | runs(trades=broken_trades))
def test_groups_hold_each_trade_once(run):
    rows, _, _ = run
    trades = TradeArrays.from_trades(rows)
    realised = naive.realised(rows)
    placed = [row for row in realised if row.exit_time is not None]
    cases = [
        (groups.by_reason, realised, lambda row: row.reason or "not given"),
        (groups.by_weekday, placed, lambda row: calendar.day_name[naive.at(row.exit_time).weekday()]),
        (groups.by_hour, placed, lambda row: f"{naive.at(row.exit_time).hour:02d}:00"),
        (groups.by_month, placed, lambda row: calendar.month_name[naive.at(row.exit_time).month]),
    ]
    for group, members, label in cases:
        expected = defaultdict(list)
        for row in members:
            expected[label(row)].append(row.profit)
        found = {row.label: row for row in group(trades)}
        assert set(expected) <= set(found)
        for name, row in found.items():
            profits = expected[name]
            assert (row.trades, row.wins) == (len(profits), sum(profit > 0 for profit in profits))
            assert row.profit.value == pytest.approx(sum(profits))
            assert row.win_rate.value == (pytest.approx(row.wins / row.trades) if profits else None)
            assert row.average.value == (pytest.approx(sum(profits) / row.trades) if profits else None)


def test_groups_have_their_fixed_rows_and_order():
    none = TradeArrays.from_columns(profit=[])
    assert [len(group(none)) for group in (groups.by_reason, groups.by_weekday, groups.by_hour, groups.by_month)] == [
        0, 7, 24, 12,
    ]  # fmt: skip
    assert [row.label for row in groups.by_weekday(none)][:2] == ["Monday", "Tuesday"]
    one = TradeArrays.from_columns(profit=[1.0], exit_time=[START])  # 2024-01-01, a Monday, 00:00
    assert groups.by_weekday(one)[0].trades == groups.by_hour(one)[0].trades == groups.by_month(one)[0].trades == 1


def test_reasons_are_sorted_by_count_and_the_rarest_share_a_row():
    reasons = ["b"] * 3 + ["a"] * 3 + [None] + [f"own {n:03d}" for n in range(100)]
    rows = groups.by_reason(TradeArrays.from_columns(profit=[1.0] * len(reasons), reason=reasons))
    assert [row.label for row in rows[:3]] == ["a", "b", "not given"]
    assert (len(rows), rows[-1].label, rows[-1].trades) == (50, "54 other reasons", 54)
    assert sum(row.trades for row in rows) == len(reasons)


@PATIENT
@given(runs() | runs(trades=broken_trades), st.sampled_from([None, 10.0, 100_000.0]))
def test_the_histogram_counts_every_result_in_its_bin(run, balance):
    rows, _, _ = run
    histogram = result_histogram(TradeArrays.from_trades(rows), starting_balance=balance)
    realised = naive.realised(rows)
    assert sum(histogram.counts) == len(realised)
    if not realised:
        assert (histogram.edges, histogram.mean.value) == ((), None)
        return
    assert len(histogram.edges) == len(histogram.counts) + 1 <= 63
    assert 0.0 in histogram.edges
    zero = histogram.edges.index(0.0)
    assert sum(histogram.counts[:zero]) == sum(row.profit < 0 for row in realised)
    results, equity = [], balance
    for row in realised:
        results.append(row.profit / equity if histogram.unit == "percent" else row.profit)
        equity = equity + row.profit if balance else None
    assert histogram.mean.value == pytest.approx(sum(results) / len(results), abs=1e-12)
    assert histogram.edges[0] <= min(results) * (1 - 1e-9) + 1e-12
    assert histogram.edges[-1] >= max(results) * (1 - 1e-9)
    for low, high, count in zip(histogram.edges, histogram.edges[1:], histogram.counts, strict=False):
        slack = 1e-9 * (high - low)
        within = sum(low + slack < result < high - slack for result in results)
        at_most = sum(low - slack <= result <= high + slack for result in results)
        assert within <= count <= at_most


def test_a_histogram_of_draws_alone_is_one_bar():
    histogram = result_histogram(TradeArrays.from_columns(profit=[0.0, 0.0]), starting_balance=None)
    assert (histogram.counts, histogram.unit) == ((2,), "money")


def test_results_are_ratios_of_the_balance_before_the_exit():
    trades = TradeArrays.from_columns(
        profit=[10.0, -11.0], entry_time=[START, START], exit_time=[START + DAY, START + 2 * DAY], side=[1, -1]
    )
    points = duration_points(trades, starting_balance=100.0)
    assert points.result == pytest.approx((0.1, -0.1))
    assert (points.duration_ms, points.side, points.index) == ((DAY, 2 * DAY), (1, -1), (0, 1))
    assert (points.unit, points.total, points.note) == ("percent", 2, None)
    assert duration_points(trades, starting_balance=None).result == (10.0, -11.0)


@pytest.mark.parametrize("missing", ["balance", "time"])
def test_results_are_money_when_the_balance_before_an_exit_is_not_known(missing):
    exit_time = [START, float("nan") if missing == "time" else START]
    trades = TradeArrays.from_columns(profit=[1.0, 2.0], exit_time=exit_time, exit_price=[1.0, 1.0])
    histogram = result_histogram(trades, starting_balance=None if missing == "balance" else 100.0)
    assert (histogram.unit, histogram.mean.value) == ("money", 1.5)


def test_of_many_trades_two_thousand_points_with_the_extremes_are_chosen():
    n = 5_001
    profit = [float(n % 7 - 3) for n in range(n)]
    profit[1_234], profit[4_321] = 1000.0, -1000.0
    entry = [START + k * DAY for k in range(n)]
    held = [3_600_000] * n
    held[777] = 5 * DAY
    trades = TradeArrays.from_columns(
        profit=profit, entry_time=entry, exit_time=[a + b for a, b in zip(entry, held, strict=True)]
    )
    points = duration_points(trades, starting_balance=None)
    assert len(points.index) <= 2_000
    assert {0, 777, 1_234, 4_321, n - 1} <= set(points.index)
    assert points.total == n
    assert points.note.startswith(f"{len(points.index):,} of 5,001 trades, evenly")
    assert points == duration_points(trades, starting_balance=None)
