"""A small vectorised backtest engine: moving averages that cross, with stop loss and take profit, long and short.

The rules, in the order in which a bar is worked through:

1. The averages are compared at the close of a bar. When their order has changed since they last differed, the
   position is turned at the NEXT bar's open: the old one is closed (reason `signal`), one in the new direction
   opened if that direction is traded.
2. At the open, and then within the bar from its first one on, the position leaves at its stop (`stopLoss`) or
   target (`takeProfit`). A bar that opens beyond one leaves at its open. When a bar touches both, the stop counts,
   as nothing tells which came first.
3. After that the account is flat until the averages cross again. What is open at the last close is closed there
   (`endOfData`).

A fill at the market (entries, signals, stops, the end) is worse than the price by the slippage; a target is a limit
order and is not. Every fill pays the commission. A position is a fixed fraction of the money at its entry, in whole
units; profits are booked in cents, after fees. An account without money trades no more.

Because a position never outlives its crossing, the trades of one pair of averages do not depend on each other:
entries, stops and targets are found for all of them at once, by binary search in running extremes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from bots_app.demo.prices import Ints, Prices

Direction = Literal["both", "long", "short"]
REASONS = ("signal", "stopLoss", "takeProfit", "endOfData")


@dataclass(frozen=True)
class Crossover:
    """One configuration; `stop_loss` and `take_profit` are ratios of the entry price, without a target when None."""

    fast: int
    slow: int
    stop_loss: float
    take_profit: float | None = None
    average: Literal["sma", "ema"] = "sma"
    direction: Direction = "both"

    def problem(self) -> str | None:
        """Return why this configuration cannot be run, or None."""
        if self.fast < 1:
            return f"fast must be at least 1, not {self.fast}"
        if self.fast >= self.slow:
            return f"fast ({self.fast}) must be shorter than slow ({self.slow})"
        if not 0 < self.stop_loss < 1:
            return f"stopLoss must be above 0 and below 1, not {self.stop_loss:g}"
        if self.take_profit is not None and self.take_profit <= 0:
            return f"takeProfit must be above 0, not {self.take_profit:g}"
        return None


@dataclass(frozen=True)
class Account:
    """What an order costs and how large it is."""

    balance: float
    #: Share of the money that a position is worth at its entry.
    fraction: float = 1.0
    #: Both in basis points a side.
    commission_bp: float = 1.0
    slippage_bp: float = 0.5


@dataclass(frozen=True, eq=False)
class Segments:
    """The stretches between crossings: one possible position each, from `entry` until the bar `until`.

    `worst` and `best` hold, for each bar from the first entry on, the furthest price against and for the position
    since its entry. Prices of shorts are negated, so that lower is worse for both; each segment is moved down (up)
    by `step` from the one before, which makes the whole array monotone and one binary search enough for all segments.
    """

    entry: Ints
    until: Ints
    side: Ints
    worst: Ints
    best: Ints
    step: int

    def first_at_or_below(self, level: Ints) -> Ints:
        """Return the bar in which each position first traded at its level or worse; past the end when none did."""
        moved = self._offset() - np.maximum(level, -self.step // 2)
        return self._first() + np.searchsorted(-self.worst, moved)

    def first_at_or_above(self, level: Ints) -> Ints:
        """Return the bar in which each position first traded at its level or better; past the end when none did."""
        moved = self._offset() + np.minimum(level, self.step // 2)
        return self._first() + np.searchsorted(self.best, moved)

    def _offset(self) -> Ints:
        return np.arange(len(self.entry), dtype=np.int64) * self.step

    def _first(self) -> int:
        return int(self.entry[0]) if len(self.entry) else 0


class Market:
    """Prices prepared for many configurations: every average and every pair of averages is worked out once."""

    def __init__(self, prices: Prices) -> None:
        self.prices = prices
        self.history = prices.market_history()
        self._sums = np.concatenate(([0], np.cumsum(prices.close)))
        self._ema = lru_cache(maxsize=None)(self._exponential)
        # A sweep goes through all stops and targets of a pair before it comes to the next pair.
        self.segments = lru_cache(maxsize=8)(self._segments)

    def sides(self, fast: int, slow: int, *, average: str) -> Ints:
        """Return 1 where the fast average closes above the slow one, -1 where below, 0 where that is unknown."""
        sides = np.zeros(len(self.prices), dtype=np.int64)
        if average == "ema":
            difference = self._ema(fast) - self._ema(slow)
        else:
            # Compared as sum * other period, in whole ticks: equal averages are equal, whatever the rounding.
            difference = self._sum(fast) * slow - self._sum(slow) * fast
        sides[slow - 1 :] = np.sign(difference)[slow - 1 :]
        return sides

    def _sum(self, period: int) -> Ints:
        sums = np.zeros(len(self.prices), dtype=np.int64)
        sums[period - 1 :] = self._sums[period:] - self._sums[:-period]
        return sums

    def _exponential(self, period: int) -> np.ndarray:
        weight, value = 2 / (period + 1), float(self.prices.close[0])
        values = []
        for close in self.prices.close.tolist():
            value += weight * (close - value)
            values.append(value)
        return np.array(values)

    def _segments(self, fast: int, slow: int, average: str) -> Segments:
        bars = len(self.prices)
        sides = self.sides(fast, slow, average=average)
        known = np.flatnonzero(sides)
        turned = known[1:][sides[known[1:]] != sides[known[:-1]]]
        # A crossing at the last close has no next open to act on.
        turned = turned[turned < bars - 1]
        entry, side = turned + 1, sides[turned]
        until = np.append(entry[1:], bars)[: len(entry)]
        number = np.repeat(np.arange(len(entry)), until - entry)
        first = entry[0] if len(entry) else bars
        is_long = np.repeat(side, until - entry) > 0
        high, low = self.prices.high[first:], self.prices.low[first:]
        # Further apart than any two levels that can be asked for.
        step = 4 * int(self.prices.high.max()) + 4
        worst = np.minimum.accumulate(np.where(is_long, low, -high) - number * step)
        best = np.maximum.accumulate(np.where(is_long, high, -low) + number * step)
        return Segments(entry, until, side, worst, best, step)


def backtest(market: Market, config: Crossover, account: Account) -> list[dict[str, Any]]:
    """Return the trades of a configuration that has no `problem()`, in the order of their entries."""
    if config.slow > len(market.prices):
        return []
    segments = market.segments(config.fast, config.slow, config.average)
    fills = _fills(market.prices, segments, config, account)
    if config.direction != "both":
        wanted = segments.side == (1 if config.direction == "long" else -1)
        fills = tuple(column[wanted] for column in fills)
    return _book(market.prices, fills, account)


def _slipped(price: Ints, side: Ints, slippage_bp: float) -> Ints:
    """Return what buying (side 1) or selling (-1) at the market costs, in whole ticks."""
    return np.rint(price * (1 + side * (slippage_bp / 10_000))).astype(np.int64)


def _fills(prices: Prices, segments: Segments, config: Crossover, account: Account) -> tuple[Ints, ...]:
    """Return entry bar, exit bar, side, entry price, exit price and reason (by number in REASONS) of every segment."""
    entry, side, bars = segments.entry, segments.side, len(prices)
    paid = _slipped(prices.open[entry], side, account.slippage_bp)
    stop = side * np.rint(paid * (1 - side * config.stop_loss)).astype(np.int64)
    stop_bar = segments.first_at_or_below(stop)
    if config.take_profit is None:
        target, target_bar = stop, np.full_like(entry, bars)
    else:
        target = side * np.rint(paid * (1 + side * config.take_profit)).astype(np.int64)
        target_bar = segments.first_at_or_above(target)

    touched = np.minimum(stop_bar, target_bar)
    is_touched = touched < segments.until
    exit_bar = np.where(is_touched, touched, np.minimum(segments.until, bars - 1))
    opened = side * prices.open[exit_bar]
    # The open comes before everything else in a bar: one that opens beyond the target has left before the stop is
    # touched.
    is_target = is_touched & ((target_bar < stop_bar) | ((target_bar == stop_bar) & (opened >= target)))
    is_stop = is_touched & ~is_target
    is_end = ~is_touched & (segments.until == bars)

    left = np.where(is_stop, np.minimum(opened, stop), np.where(is_target, np.maximum(opened, target), opened))
    left = np.where(is_end, prices.close[-1], side * left)
    left = np.where(is_target, left, _slipped(left, -side, account.slippage_bp))
    reason = np.select([is_stop, is_target, is_end], [1, 2, 3], default=0)
    return entry, exit_bar, side, paid, left, reason


def _book(prices: Prices, fills: tuple[Ints, ...], account: Account) -> list[dict[str, Any]]:
    """Return the trades with sizes, fees and profits; each is paid from what the one before left."""
    ticks, rate, money = prices.ticks, account.commission_bp / 10_000, account.balance
    times = (prices.time[bars].tolist() for bars in fills[:2])
    trades: list[dict[str, Any]] = []
    for entered, left, side, paid, got, reason in zip(*times, *(column.tolist() for column in fills[2:]), strict=True):
        size = int(money * account.fraction * ticks / paid) if money > 0 else 0
        if size < 1:
            break
        fee = round(size * (paid + got) / ticks * rate, 2)
        profit = round(side * size * (got - paid) / ticks - fee, 2)
        money += profit
        trades.append(
            {
                "id": len(trades) + 1,
                "type": "LONG" if side > 0 else "SHORT",
                "entryTime": entered,
                "exitTime": left,
                "entryPrice": paid / ticks,
                "exitPrice": got / ticks,
                "size": size,
                "profitLoss": profit,
                "fee": fee,
                "reason": REASONS[reason],
            }
        )
    return trades
