from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots_app.analysis.fragility import fragility, traded_value
from bots_app.analysis.metrics import summary_metrics
from bots_app.analysis.trades import TradeArrays
from tests.unit.analysis import naive
from tests.unit.analysis.strategies import PATIENT, START, runs

DAY = naive.DAY_MS
NAMES = {"profit": "profit", "sharpe": "sharpeRatio", "max_drawdown": "maxDrawdown", "profit_factor": "profitFactor",
         "win_rate": "winRate"}  # fmt: skip


def rows_of(rows, start, end, balance=50_000.0):
    trades = TradeArrays.from_trades(rows)
    found = fragility(trades, start_ms=start, end_ms=end, starting_balance=balance, periods_per_year=252)
    return {row.key: row for row in found}


def expect(row, rows, start, end, balance):
    """The row holds what the summary of these trades alone gives."""
    trades = TradeArrays.from_trades(rows)
    summary = summary_metrics(trades, starting_balance=balance, start_ms=start, end_ms=end, periods_per_year=252)
    for name, key in NAMES.items():
        value = None if summary[key] is None else pytest.approx(summary[key], rel=1e-6, abs=1e-9)
        assert getattr(row, name).value == value, (row.key, name)
    assert row.trades == summary["numTrades"]


@PATIENT
@given(runs(min_size=1), st.sampled_from([None, 50_000.0]))
def test_each_row_is_the_summary_of_the_changed_trades(run, balance):
    rows, start, end = run
    found = rows_of(rows, start, end, balance)
    assert list(found) == [
        "stored", "best1", "best5", "best10", "cost1", "cost5", "cost10", "half1", "half2",
    ]  # fmt: skip
    expect(found["stored"], rows, start, end, balance)
    best_first = sorted(naive.realised(rows), key=lambda row: -row.profit)  # of equal ones that which left first
    for count in (1, 5, 10):
        if len(rows) > count:
            expect(found[f"best{count}"], best_first[count:], start, end, balance)
        else:
            assert "only" in found[f"best{count}"].profit.reason


def test_costs_are_taken_from_the_value_bought_and_sold():
    rows = [
        naive.Row(side="long", entry_time=START, exit_time=START + DAY, entry_price=100.0, exit_price=110.0, size=2.0,
                  profit=20.0),
        naive.Row(side="short", entry_time=START, exit_time=START + 2 * DAY, entry_price=100.0, exit_price=90.0,
                  size=1.0, profit=10.0),
    ]  # fmt: skip
    found = rows_of(rows, START, START + 4 * DAY)
    assert found["cost1"].profit.value == pytest.approx(30 - (420 + 190) * 1e-4)
    assert found["cost5"].profit.value == pytest.approx(30 - (420 + 190) * 5e-4)
    assert found["cost10"].profit.value == pytest.approx(30 - (420 + 190) * 1e-3)


@pytest.mark.parametrize(("size", "expected"), [(0.5, 0.5 * (40_000 + 42_000)), (20_000.0, 20_000 + 21_000)])
def test_a_size_may_be_in_units_or_in_money(size, expected):
    trades = TradeArrays.from_columns(
        profit=[1_000.0], side=[1], entry_price=[40_000.0], exit_price=[42_000.0], size=[size], exit_time=[START]
    )
    assert traded_value(trades).tolist() == pytest.approx([expected])


def test_costs_are_not_guessed_when_a_size_is_missing():
    rows = [naive.Row(entry_time=START, exit_time=START + DAY, entry_price=1.0, exit_price=1.0, profit=2.0)]
    found = rows_of(rows, START, START + 4 * DAY)
    assert found["cost5"].profit.value is None
    assert found["cost5"].profit.reason == "1 trade without size, entry price or exit price."
    assert found["cost5"].trades is None


def test_the_halves_meet_at_midnight_and_the_second_starts_with_what_the_first_has_made():
    rows = [naive.Row(exit_time=START + hour * 3_600_000, profit=profit) for hour, profit in
            [(5, 10.0), (47, -4.0), (48, 22.0), (90, -13.0)]]  # fmt: skip
    found = rows_of(rows, START, START + 4 * DAY, 100.0)
    expect(found["half1"], rows[:2], START, START + 2 * DAY, 100.0)
    expect(found["half2"], rows[2:], START + 2 * DAY, START + 4 * DAY, 106.0)
    assert found["half1"].profit.value + found["half2"].profit.value == found["stored"].profit.value


def test_a_session_of_a_day_cannot_be_halved():
    rows = [naive.Row(exit_time=START + 3_600_000, profit=1.0)]
    found = rows_of(rows, START + 1, START + DAY // 3, 100.0)
    assert found["half1"].profit.reason == found["half2"].profit.reason == "The session is too short to halve."


def test_no_trade_leaves_nothing_to_take_away():
    found = rows_of([], START, START + 4 * DAY)
    assert found["best1"].profit.reason == "No closed trade."
    assert (found["stored"].profit.value, found["cost1"].profit.value, found["half2"].profit.value) == (0, 0, 0)


def test_open_trades_change_nothing():
    closed = [naive.Row(entry_time=START, exit_time=START + DAY, entry_price=1.0, exit_price=2.0, size=1.0, profit=1.0)]
    opened = [*closed, naive.Row(entry_time=START + DAY)]
    with_open, without = rows_of(opened, START, START + 4 * DAY), rows_of(closed, START, START + 4 * DAY)
    assert with_open == without
    assert np.isnan(traded_value(TradeArrays.from_trades(opened))).tolist() == [False, True]
