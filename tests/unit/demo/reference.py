"""The rules of the crossover engine once more, bar by bar, to hold the vectorised engine against."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from bots_app.demo.crossover import Account, Crossover
from bots_app.demo.prices import Prices


def averages(closes: list[int], period: int, *, average: str) -> list[Fraction | float | None]:
    """Return the moving average at each close, None until it is known."""
    if average == "sma":
        return [
            Fraction(sum(closes[bar + 1 - period : bar + 1]), period) if bar + 1 >= period else None
            for bar in range(len(closes))
        ]
    values: list[Fraction | float | None] = []
    value = float(closes[0])
    for bar, close in enumerate(closes):
        value += 2 / (period + 1) * (close - value)
        values.append(value if bar + 1 >= period else None)
    return values


def slipped(price: int, side: int, account: Account) -> int:
    return int(np.rint(price * (1 + side * (account.slippage_bp / 10_000))))


class Position:
    """What is held, and what it would take to leave it."""

    def __init__(self, bar: int, side: int, price: int, size: int, config: Crossover) -> None:
        self.bar, self.side, self.price, self.size = bar, side, price, size
        self.stop = int(np.rint(price * (1 - side * config.stop_loss)))
        self.target = None if config.take_profit is None else int(np.rint(price * (1 + side * config.take_profit)))

    def left_within(self, bar_open: int, high: int, low: int) -> tuple[int, str] | None:
        """Return the price and the reason with which the position leaves in this bar."""
        worst, best = (low, high) if self.side > 0 else (high, low)
        if self.target is not None and self.side * bar_open >= self.side * self.target:
            return bar_open, "takeProfit"
        if self.side * bar_open <= self.side * self.stop:
            return bar_open, "stopLoss"
        if self.side * worst <= self.side * self.stop:
            return self.stop, "stopLoss"
        if self.target is not None and self.side * best >= self.side * self.target:
            return self.target, "takeProfit"
        return None


class Book:
    """The account over time, and the trades it made."""

    def __init__(self, prices: Prices, config: Crossover, account: Account) -> None:
        self.prices, self.config, self.account = prices, config, account
        self.money = account.balance
        self.is_ruined = False
        self.position: Position | None = None
        self.trades: list[dict] = []

    def enter(self, bar: int, side: int) -> None:
        if self.is_ruined or self.config.direction not in ("both", "long" if side > 0 else "short"):
            return
        price = slipped(int(self.prices.open[bar]), side, self.account)
        size = int(self.money * self.account.fraction * self.prices.ticks / price) if self.money > 0 else 0
        if size < 1:
            self.is_ruined = True
            return
        self.position = Position(bar, side, price, size, self.config)

    def leave(self, bar: int, price: int, reason: str) -> None:
        held, ticks = self.position, self.prices.ticks
        got = price if reason == "takeProfit" else slipped(price, -held.side, self.account)
        fee = round(held.size * (held.price + got) / ticks * (self.account.commission_bp / 10_000), 2)
        profit = round(held.side * held.size * (got - held.price) / ticks - fee, 2)
        self.money += profit
        self.trades.append(
            {
                "id": len(self.trades) + 1,
                "type": "LONG" if held.side > 0 else "SHORT",
                "entryTime": int(self.prices.time[held.bar]),
                "exitTime": int(self.prices.time[bar]),
                "entryPrice": held.price / ticks,
                "exitPrice": got / ticks,
                "size": held.size,
                "profitLoss": profit,
                "fee": fee,
                "reason": reason,
            }
        )
        self.position = None


def backtest_bar_by_bar(prices: Prices, config: Crossover, account: Account) -> list[dict]:
    """Return what the engine must return."""
    book = Book(prices, config, account)
    closes = prices.close.tolist()
    fast = averages(closes, config.fast, average=config.average)
    slow = averages(closes, config.slow, average=config.average)
    order, turn = 0, 0
    for bar in range(len(closes)):
        bar_open = int(prices.open[bar])
        if turn:
            if book.position:
                book.leave(bar, bar_open, "signal")
            book.enter(bar, turn)
            turn = 0
        if book.position:
            left = book.position.left_within(bar_open, int(prices.high[bar]), int(prices.low[bar]))
            if left:
                book.leave(bar, *left)
        if slow[bar] is not None and fast[bar] != slow[bar]:
            now = 1 if fast[bar] > slow[bar] else -1
            turn = now if order and now != order else 0
            order = now
    if book.position:
        book.leave(len(closes) - 1, closes[-1], "endOfData")
    return book.trades
