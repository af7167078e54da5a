from __future__ import annotations

import statistics

import pytest
from hypothesis import given

from bots_app.analysis.metrics import summary_metrics
from bots_app.analysis.statistics import trade_statistics
from bots_app.analysis.trades import TradeArrays
from tests.unit.analysis import naive
from tests.unit.analysis.strategies import PATIENT, START, broken_trades, runs

HOUR = 3_600_000
NO_TRADE = {"profit_factor", "win_rate", "average_win", "average_loss", "payoff", "expectancy", "largest_win",
            "largest_win_share", "largest_loss", "largest_loss_share", "longest_winning_streak",
            "longest_losing_streak", "average_duration", "average_winner_duration", "average_loser_duration",
            "longest_winner_duration", "longest_loser_duration"}  # fmt: skip


def statistics_of(rows):
    return trade_statistics(TradeArrays.from_trades(rows))


def over(above, below):
    return above / below if below else None


def naive_column(rows: list[naive.Row]) -> dict[str, float | None]:
    rows = naive.realised(rows)
    results = [row.profit for row in rows]
    won, lost = [row for row in rows if row.profit > 0], [row for row in rows if row.profit < 0]

    def held(chosen):
        pairs = [(row.entry_time, row.exit_time) for row in chosen]
        return [out - into for into, out in pairs if into is not None and out is not None and out >= into]

    def mean(values):
        return statistics.fmean(values) if values else None

    gained, given_up = sum(row.profit for row in won), sum(row.profit for row in lost)
    fees = [row.fee for row in rows if row.fee is not None]
    win, loss = over(gained, len(won)), over(given_up, len(lost))
    return {
        "net_profit": sum(results),
        "gross_profit": gained,
        "gross_loss": given_up,
        "profit_factor": over(gained, -given_up),
        "fees": sum(fees) if fees or not rows else None,
        "win_rate": over(len(won), len(rows)),
        "average_win": win,
        "average_loss": loss,
        "payoff": over(win, -loss) if win is not None and loss is not None else None,
        "expectancy": over(sum(results), len(rows)),
        "largest_win": max(results) if won else None,
        "largest_win_share": over(max(results), gained) if won else None,
        "largest_loss": min(results) if lost else None,
        "largest_loss_share": over(min(results), given_up) if lost else None,
        "longest_winning_streak": naive.streak(results, 1) if rows else None,
        "longest_losing_streak": naive.streak(results, -1) if rows else None,
        "average_duration": mean(held(rows)),
        "average_winner_duration": mean(held(won)),
        "average_loser_duration": mean(held(lost)),
        "longest_winner_duration": max(held(won), default=None),
        "longest_loser_duration": max(held(lost), default=None),
    }


@PATIENT
@given(runs() | runs(trades=broken_trades))
def test_every_line_is_what_plain_python_computes(run):
    rows, _, _ = run
    found = statistics_of(rows)
    chosen = {
        "all": rows,
        "long": [row for row in rows if row.side == "long"],
        "short": [row for row in rows if row.side == "short"],
    }
    for name, side_rows in chosen.items():
        side = getattr(found, name)
        assert side.trades == len(naive.realised(side_rows))
        for line, value in naive_column(side_rows).items():
            measure = getattr(side, line)
            assert measure.value == (None if value is None else pytest.approx(value, rel=1e-9, abs=1e-9)), (name, line)
            assert measure.reason or measure.is_known


@PATIENT
@given(runs() | runs(trades=broken_trades))
def test_the_summary_gives_the_same_numbers_as_the_table(run):
    rows, start, end = run
    trades = TradeArrays.from_trades(rows)
    summary = summary_metrics(trades, starting_balance=50_000.0, start_ms=start, end_ms=end)
    side = trade_statistics(trades).all
    names = {
        "profit": "net_profit", "grossProfit": "gross_profit", "grossLoss": "gross_loss", "fees": "fees",
        "profitFactor": "profit_factor", "winRate": "win_rate", "averageWin": "average_win", "expectancy": "expectancy",
        "averageLoss": "average_loss", "payoffRatio": "payoff", "avgTradeDuration": "average_duration",
    }  # fmt: skip
    for name, line in names.items():
        value = getattr(side, line).value
        assert summary[name] == (None if value is None else pytest.approx(value, rel=1e-12)), name
    assert summary["numTrades"] == side.trades


def test_a_table_worked_by_hand():
    profits = [60.0, 20.0, -10.0, 0.0, -30.0, -40.0, 20.0]
    rows = [
        naive.Row(
            side="long" if n % 2 == 0 else "short",
            entry_time=START + n * HOUR,
            exit_time=START + (2 * n + 1) * HOUR,
            profit=profit,
            fee=1.5,
        )
        for n, profit in enumerate(profits)
    ]
    found = statistics_of(rows)
    side = found.all
    assert (side.trades, side.wins, side.losses) == (7, 3, 3)
    assert (side.net_profit.value, side.gross_profit.value, side.gross_loss.value) == (20.0, 100.0, -80.0)
    assert side.profit_factor.value == 1.25
    assert side.fees.value == 10.5
    assert side.win_rate.value == pytest.approx(3 / 7)
    assert (side.average_win.value, side.average_loss.value) == (pytest.approx(100 / 3), pytest.approx(-80 / 3))
    assert side.payoff.value == pytest.approx(1.25)
    assert side.expectancy.value == pytest.approx(20 / 7)
    assert (side.largest_win.value, side.largest_win_share.value) == (60.0, 0.6)
    assert (side.largest_loss.value, side.largest_loss_share.value) == (-40.0, 0.5)
    assert (side.longest_winning_streak.value, side.longest_losing_streak.value) == (2, 2)
    assert side.average_winner_duration.value == pytest.approx((1 + 2 + 7) * HOUR / 3)
    assert side.average_loser_duration.value == pytest.approx((3 + 5 + 6) * HOUR / 3)
    assert (side.longest_winner_duration.value, side.longest_loser_duration.value) == (7 * HOUR, 6 * HOUR)
    assert (side.has_few_trades, side.is_win_fragile, side.is_loss_fragile) == (True, True, True)
    assert (found.long.net_profit.value, found.short.net_profit.value) == (40.0, -20.0)


def test_no_trade_sums_to_zero_and_has_a_reason_for_the_rest():
    side = statistics_of([]).all
    assert (side.net_profit.value, side.gross_profit.value, side.gross_loss.value, side.fees.value) == (0, 0, 0, 0)
    for name in NO_TRADE:
        assert getattr(side, name).value is None, name
        assert getattr(side, name).reason, name
    assert statistics_of([]).short.win_rate.reason == "No closed short trade."


def test_winners_alone_have_no_profit_factor():
    side = statistics_of([naive.Row(exit_time=START, profit=5.0), naive.Row(exit_time=START, profit=1.0)]).all
    assert side.profit_factor.value is None
    assert side.profit_factor.reason == "No losing trade."
    assert (side.win_rate.value, side.longest_winning_streak.value, side.longest_losing_streak.value) == (1.0, 2, 0)


def test_losers_alone_have_a_profit_factor_of_zero():
    side = statistics_of([naive.Row(exit_time=START, profit=-5.0)]).all
    assert (side.profit_factor.value, side.payoff.value) == (0.0, None)


@pytest.mark.parametrize(("count", "few"), [(29, True), (30, False)])
def test_fewer_than_thirty_trades_are_flagged_and_a_third_of_the_gain_is_not_more_than_thirty_per_cent(count, few):
    side = statistics_of([naive.Row(exit_time=START + n, profit=1.0) for n in range(count)]).all
    assert side.has_few_trades is few
    assert not side.is_win_fragile


def test_exactly_thirty_per_cent_is_not_fragile():
    rows = [naive.Row(exit_time=START + n, profit=profit) for n, profit in enumerate([3.0, 3.0, 2.0, 2.0])]
    assert not statistics_of(rows).all.is_win_fragile


def test_unknown_profits_and_open_trades_are_in_no_number():
    rows = [
        naive.Row(exit_time=START, profit=4.0),
        naive.Row(exit_time=START, profit=float("nan")),
        naive.Row(exit_time=START, profit=None),
        naive.Row(entry_time=START, profit=100.0),
    ]
    side = statistics_of(rows).all
    assert (side.trades, side.net_profit.value) == (1, 4.0)


def test_a_bare_result_is_a_closed_trade():
    assert statistics_of([naive.Row(profit=4.0), naive.Row(profit=-1.0)]).all.profit_factor.value == 4.0


def test_some_missing_fees_are_said():
    side = statistics_of([naive.Row(exit_time=START, profit=1.0, fee=0.5), naive.Row(exit_time=START, profit=1.0)]).all
    assert (side.fees.value, side.fees.reason) == (0.5, "1 trade without a fee left out.")
    side = statistics_of([naive.Row(exit_time=START, profit=1.0)]).all
    assert (side.fees.value, side.fees.reason) == (None, "The trades carry no fees.")
