"""Differences, the summary of a sweep's run, and the whole tear sheet."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, fields, is_dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots_app.analysis.definitions import DEFINITIONS
from bots_app.analysis.differences import REPORTED_NAMES, differences
from bots_app.analysis.measure import Measure
from bots_app.analysis.metrics import summary_metrics
from bots_app.analysis.report import tear_sheet
from bots_app.analysis.trades import TradeArrays
from tests.unit.analysis import naive
from tests.unit.analysis.strategies import PATIENT, START, broken_trades, runs

DAY = naive.DAY_MS
UNITS = {"money", "percent", "number", "count", "ms", "days"}
BALANCES = st.sampled_from([None, 100.0, 100_000.0, 0.0])


def numbers_in(value):
    """Every number of a nest of dataclasses, arrays and sequences."""
    if isinstance(value, np.ndarray):
        yield from value.tolist()
    elif is_dataclass(value):
        for field in fields(value):
            yield from numbers_in(getattr(value, field.name))
    elif isinstance(value, dict):
        for item in value.values():
            yield from numbers_in(item)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from numbers_in(item)
    elif isinstance(value, int | float):
        yield value
    else:
        assert value is None or isinstance(value, str), type(value)


@PATIENT
@given(runs() | runs(trades=broken_trades), BALANCES)
def test_a_tear_sheet_of_any_trades_holds_plain_finite_numbers(run, balance):
    rows, start, end = run
    sheet = tear_sheet(
        TradeArrays.from_trades(rows), start_ms=start, end_ms=end, starting_balance=balance, reported={"profit": 1.0}
    )
    for number in numbers_in(sheet):
        assert type(number) in (bool, int, float)
        assert math.isfinite(number)
    for fact in sheet.facts.values():
        assert fact.measure.is_known or fact.measure.reason
    for row in sheet.trade_rows:
        assert all(cell.measure.is_known or cell.measure.reason for cell in row.cells)


@PATIENT
@given(runs() | runs(trades=broken_trades), BALANCES)
def test_the_summary_is_that_of_the_tear_sheet(run, balance):
    rows, start, end = run
    trades = TradeArrays.from_trades(rows)
    summary = summary_metrics(trades, starting_balance=balance, start_ms=start, end_ms=end)
    facts = tear_sheet(trades, start_ms=start, end_ms=end, starting_balance=balance).facts
    names = {
        "profit": "net_profit", "totalReturn": "total_return", "cagr": "cagr", "volatility": "volatility",
        "sharpeRatio": "sharpe", "sortinoRatio": "sortino", "calmarRatio": "calmar", "maxDrawdown": "max_drawdown",
        "recoveryFactor": "recovery_factor", "ulcerIndex": "ulcer_index", "skewness": "skewness",
        "kurtosis": "kurtosis", "exposure": "exposure",
    }  # fmt: skip
    for name, key in names.items():
        value = facts[key].measure.value
        assert summary[name] == (None if value is None else pytest.approx(value, rel=1e-12)), name
    assert all(type(value) in (int, float) and math.isfinite(value) for value in summary.values() if value is not None)


@pytest.mark.parametrize("profit", [[], [float("nan")], [0.0], [5.0], [-5.0]])
def test_a_summary_of_next_to_nothing_has_none_where_a_number_would_lie(profit):
    exit_time = [START + DAY] * len(profit)
    trades = TradeArrays.from_columns(profit=profit, exit_time=exit_time)
    found = summary_metrics(trades, starting_balance=100.0, start_ms=START, end_ms=START + 10 * DAY)
    if profit != [-5.0]:
        assert (found["profitFactor"], found["calmarRatio"], found["sortinoRatio"]) == (None, None, None)
    assert (found["avgTradeDuration"], found["payoffRatio"]) == (None, None)


def test_a_summary_takes_well_under_a_millisecond():
    rng, n, days = np.random.default_rng(0), 100, 5 * 365
    exits = START + np.sort(rng.integers(1, days * 24, n)) * 3_600_000
    columns = {"profit": rng.normal(5, 100, n), "entry_time": exits - 3_600_000, "exit_time": exits}
    columns |= {"side": rng.choice([-1, 1], n), "fee": np.ones(n)}

    def once():
        begun = time.perf_counter()
        trades = TradeArrays.from_columns(**columns)
        summary_metrics(trades, starting_balance=1e4, start_ms=START, end_ms=START + days * DAY)
        return time.perf_counter() - begun

    # The best of many, so that a loaded machine does not fail it; the goal is 0.3 ms.
    assert min(once() for _ in range(200)) < 0.001


def known(**values):
    return {key: Measure(value) for key, value in values.items()}


@pytest.mark.parametrize(
    ("key", "name", "reported", "ours"),
    [
        ("net_profit", "totalProfit", 100.05, 100.0),
        ("sharpe", "sharpeRatio", 1.23, 1.2345),  # as rounded
        ("win_rate", "winRate", 52.69, 49 / 93),
        ("win_rate", "winRate", 0.53, 49 / 93),
        ("max_drawdown", "maxDrawdown", -0.2, 0.2),
        ("max_drawdown", "maxDrawdown", -20.0, 0.2),
        ("average_duration", "avgTradeDuration", 90.0, 5_400_000.0),  # minutes
        ("average_duration", "avgTradeDuration", 5_400.0, 5_400_000.0),
        ("trades", "numTrades", 93, 93.0),
        ("net_profit", "profit", 0.0, 0.0),
    ],
)
def test_numbers_that_agree_in_some_reading_are_no_difference(key, name, reported, ours):
    assert differences({name: reported}, known(**{key: ours})) == ()


@pytest.mark.parametrize(
    ("key", "name", "reported", "ours"),
    [
        ("net_profit", "totalProfit", 100.2, 100.0),
        ("net_profit", "profit", 0, 4.5e-06),
        ("sharpe", "sharpe", 1.24, 1.2345),
        ("win_rate", "winRate", 0.5, 0.6),
        ("trades", "numTrades", 92, 93.0),
        ("wins", "wins", 48, 170.0),
        ("average_duration", "avgTradeDuration", 7.0, 5_400_000.0),
    ],
)
def test_numbers_that_agree_in_no_reading_are_shown_side_by_side(key, name, reported, ours):
    (found,) = differences({name: reported}, known(**{key: ours}))
    assert (found.key, found.name, found.reported, found.recomputed) == (key, name, reported, ours)
    assert found.definition.label


@pytest.mark.parametrize("reported", [None, float("nan"), float("inf"), "12", True, -100.0])
def test_what_is_no_number_or_a_sentinel_is_not_compared(reported):
    assert differences({"sortinoRatio": reported}, known(sortino=2.0)) == ()


def test_what_cannot_be_recomputed_is_not_compared():
    assert differences({"sharpeRatio": 2.0}, {"sharpe": Measure.undefined("No balance.")}) == ()
    assert differences({"sharpeRatio": 2.0, "fancy": 3.0}, {}) == ()


def test_open_trades_explain_a_difference_of_profit():
    (found,) = differences({"profit": 12.0}, known(net_profit=10.0), open_trades=1)
    assert found.note == "1 open trade not in the recomputed number."


def test_a_tear_sheet_tells_what_it_leaves_out_and_never_replaces_a_reported_number():
    rows = [
        naive.Row(entry_time=START, exit_time=START + DAY, profit=10.0, reason="signal"),
        naive.Row(exit_time=START + 12 * DAY, profit=-4.0),
        naive.Row(entry_time=START + DAY),
        naive.Row(entry_time=START, exit_time=START + DAY),
        naive.Row(entry_time=START, exit_price=2.0, profit=1.0),
    ]
    sheet = tear_sheet(
        TradeArrays.from_trades(rows),
        start_ms=START,
        end_ms=START + 10 * DAY,
        starting_balance=100.0,
        reported={"profit": 99.0, "wins": 2, "maxDrawdown": 3.64},
    )
    assert sheet.notes == (
        "1 open trade, not in these numbers.",
        "1 closed trade without a profit, not in these numbers.",
        "1 closed trade without an exit time, not in the curve and what is computed from it.",
        "1 trade left outside the session, which widens the curve.",
    )
    assert [(found.name, found.reported, found.recomputed) for found in sheet.differences] == [("profit", 99.0, 7.0)]
    assert sheet.facts["net_profit"].measure.value == 7.0
    assert sheet.curve.net_profit == 6.0
    assert (sheet.few_trades, sheet.is_relative, sheet.starting_balance) == (True, True, 100.0)
    cells = {row.key: row.cells for row in sheet.trade_rows}
    assert [cell.flag for cell in cells["trades"]] == ["few"] * 3
    assert cells["largest_win"][0].flag == cells["largest_win_share"][0].flag == "fragile"
    assert cells["net_profit"][0].flag is None


def test_every_number_shown_has_a_label_a_unit_and_a_definition():
    sheet = tear_sheet(TradeArrays.from_columns(profit=[]), start_ms=START, end_ms=START + DAY, starting_balance=None)
    assert set(sheet.facts) | {row.key for row in sheet.trade_rows} | {"average_duration"} == set(DEFINITIONS)
    for definition in DEFINITIONS.values():
        assert definition.unit in UNITS
        assert definition.label
        assert definition.text.endswith(".")
    assert set(REPORTED_NAMES) - set(DEFINITIONS) == {"wins", "losses"}
    assert asdict(sheet.facts["sharpe"].definition)["note"] == "per year"
