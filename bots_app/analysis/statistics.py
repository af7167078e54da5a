"""Statistics per trade, over all, long and short trades."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bots_app.analysis.measure import Measure, plural
from bots_app.analysis.trades import Floats, TradeArrays

#: Below this number of trades every statistic is flagged.
FEW_TRADES = 30
#: A result that hangs on one trade for more than this share is flagged.
FRAGILE_SHARE = 0.30


@dataclass(frozen=True, slots=True)
class SideStatistics:
    """Hold the statistics of the realised trades of one side.

    A win has a profit above zero, a loss one below; a draw is neither, yet counts as a trade and ends a streak. Money
    is net of fees; `gross_loss`, `average_loss` and `largest_loss` are negative or zero. Durations are ms, streaks
    counts of trades in order of exit. Sums over no trade are 0, everything else is undefined then.
    """

    trades: int
    wins: int
    losses: int
    net_profit: Measure
    gross_profit: Measure
    gross_loss: Measure
    profit_factor: Measure
    fees: Measure
    win_rate: Measure
    average_win: Measure
    average_loss: Measure
    payoff: Measure
    expectancy: Measure
    largest_win: Measure
    largest_win_share: Measure
    largest_loss: Measure
    largest_loss_share: Measure
    longest_winning_streak: Measure
    longest_losing_streak: Measure
    average_duration: Measure
    average_winner_duration: Measure
    average_loser_duration: Measure
    longest_winner_duration: Measure
    longest_loser_duration: Measure

    @property
    def has_few_trades(self) -> bool:
        return self.trades < FEW_TRADES

    @property
    def is_win_fragile(self) -> bool:
        return (self.largest_win_share.value or 0.0) > FRAGILE_SHARE

    @property
    def is_loss_fragile(self) -> bool:
        return (self.largest_loss_share.value or 0.0) > FRAGILE_SHARE


@dataclass(frozen=True, slots=True)
class TradeStatistics:
    """Hold the three columns; trades of unknown side are in `all` alone."""

    all: SideStatistics
    long: SideStatistics
    short: SideStatistics


def trade_statistics(trades: TradeArrays) -> TradeStatistics:
    """Compute the three columns over the realised trades."""
    return TradeStatistics(
        all=side_statistics(trades, "trade"),
        long=side_statistics(trades.take(trades.side == 1), "long trade"),
        short=side_statistics(trades.take(trades.side == -1), "short trade"),
    )


def side_statistics(trades: TradeArrays, noun: str = "trade") -> SideStatistics:
    """Compute one column; `noun` names the trades in the reasons."""
    at = trades.exit_order
    profit, held = trades.profit[at], trades.duration[at]
    won, lost = profit > 0, profit < 0
    count, wins, losses = len(profit), int(won.sum()), int(lost.sum())
    gained, given = float(profit[won].sum()), float(profit[lost].sum())
    no_trade, no_win, no_loss = f"No closed {noun}.", f"No winning {noun}.", f"No losing {noun}."
    best, worst = float(profit.max(initial=0.0)), float(profit.min(initial=0.0))
    average_win, average_loss = Measure.ratio(gained, wins, no_win), Measure.ratio(given, losses, no_loss)
    return SideStatistics(
        trades=count,
        wins=wins,
        losses=losses,
        net_profit=Measure.of(profit.sum()),
        gross_profit=Measure.of(gained),
        gross_loss=Measure.of(given),
        profit_factor=Measure.ratio(gained, abs(given), no_loss if count else no_trade),
        fees=_fees(trades.fee[at], noun),
        win_rate=Measure.ratio(wins, count, no_trade),
        average_win=average_win,
        average_loss=average_loss,
        payoff=_payoff(average_win, average_loss),
        expectancy=Measure.ratio(float(profit.sum()), count, no_trade),
        largest_win=Measure.of(best) if wins else Measure.undefined(no_win),
        largest_win_share=Measure.ratio(best, gained, no_win),
        largest_loss=Measure.of(worst) if losses else Measure.undefined(no_loss),
        largest_loss_share=Measure.ratio(worst, given, no_loss),
        longest_winning_streak=Measure.of(_longest_run(won)) if count else Measure.undefined(no_trade),
        longest_losing_streak=Measure.of(_longest_run(lost)) if count else Measure.undefined(no_trade),
        average_duration=_mean(held, no_trade),
        average_winner_duration=_mean(held[won], no_win),
        average_loser_duration=_mean(held[lost], no_loss),
        longest_winner_duration=_longest(held[won], no_win),
        longest_loser_duration=_longest(held[lost], no_loss),
    )


def _payoff(average_win: Measure, average_loss: Measure) -> Measure:
    if average_win.value is None or average_loss.value is None:
        return average_win if average_win.value is None else average_loss
    return Measure.ratio(average_win.value, abs(average_loss.value), "The average loss is zero.")


def _fees(fees: Floats, noun: str) -> Measure:
    """Sum the known fees; with some missing the sum stands and the reason says what it leaves out."""
    known = fees[np.isfinite(fees)]
    missing = len(fees) - len(known)
    if missing and not len(known):
        return Measure.undefined(f"The {noun}s carry no fees.")
    return Measure(float(known.sum()), f"{plural(missing, noun)} without a fee left out." if missing else None)


def _mean(held: Floats, nothing: str) -> Measure:
    known = held[np.isfinite(held)]
    if not len(known):
        return Measure.undefined("Entry or exit times are missing." if len(held) else nothing)
    return Measure.of(float(known.sum()) / len(known))


def _longest(held: Floats, nothing: str) -> Measure:
    known = held[np.isfinite(held)]
    if not len(known):
        return Measure.undefined("Entry or exit times are missing." if len(held) else nothing)
    return Measure.of(float(known.max()))


def _longest_run(flags: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> int:
    """Length of the longest stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return int((edges[1::2] - edges[0::2]).max(initial=0))
