"""A strategy of our own for `backtesting`, and one run of it. Importing this takes a second."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy
from backtesting.lib import crossover

from bots_app.demo.prices import Prices

#: What a position is worth at its entry, of the money then at hand.
FRACTION = 0.95


def moving_average(values: np.ndarray, period: int) -> np.ndarray:
    """Return the mean of the last `period` values, NaN until there are as many."""
    return pd.Series(values).rolling(period).mean().to_numpy()


class SmaCross(Strategy):
    """Long while the fast average is above the slow one, short while below, each position with a stop."""

    fast = 10
    slow = 20
    stop_loss = 0.05

    def init(self) -> None:
        """Compute both averages."""
        if self.fast >= self.slow:
            raise ValueError(f"fast ({self.fast}) must be shorter than slow ({self.slow})")
        self.fast_average = self.I(moving_average, self.data.Close, self.fast)
        self.slow_average = self.I(moving_average, self.data.Close, self.slow)

    def next(self) -> None:
        """Turn the position when the averages have crossed; the order is filled at the next open."""
        price = self.data.Close[-1]
        if crossover(self.fast_average, self.slow_average):
            self.position.close()
            self.buy(size=FRACTION, sl=price * (1 - self.stop_loss))
        elif crossover(self.slow_average, self.fast_average):
            self.position.close()
            self.sell(size=FRACTION, sl=price * (1 + self.stop_loss))


def backtest_of(prices: Prices, *, balance: float, commission: float, spread: float) -> Backtest:
    """Return `backtesting`'s own backtest over the prices."""
    columns = {name.capitalize(): getattr(prices, name) / prices.ticks for name in ("open", "high", "low", "close")}
    bars = pd.DataFrame(columns, index=pd.to_datetime(prices.time, unit="ms"))
    return Backtest(bars, SmaCross, cash=balance, commission=commission, spread=spread, finalize_trades=True)


def run(backtest: Backtest, **parameters: float) -> pd.Series:
    """Return the statistics of one run; raises ValueError when the strategy or its orders cannot be."""
    with warnings.catch_warnings():
        # An order too large for the money left is cancelled with a warning: part of the result, not of the log.
        warnings.simplefilter("ignore", UserWarning)
        return backtest.run(**parameters)


def trades_of(stats: pd.Series, prices: Prices) -> list[dict[str, Any]]:
    """Return the trades of a run, in the order in which they were closed."""
    columns = ["Size", "EntryBar", "ExitBar", "EntryPrice", "ExitPrice", "SL", "PnL", "Commission"]
    rows = stats["_trades"][columns].itertuples(index=False)
    last = len(prices) - 1
    return [
        {
            "id": number,
            "type": "LONG" if row.Size > 0 else "SHORT",
            "entryTime": int(prices.time[row.EntryBar]),
            "exitTime": int(prices.time[row.ExitBar]),
            "entryPrice": float(row.EntryPrice),
            "exitPrice": float(row.ExitPrice),
            "size": abs(int(row.Size)),
            "profitLoss": float(row.PnL),
            "fee": float(row.Commission),
            "reason": _reason(row, last=last),
        }
        for number, row in enumerate(rows, 1)
    ]


def _reason(row: Any, *, last: int) -> str:
    # The trade keeps its stop but not what ended it; one that ended at the stop or beyond was ended by it.
    side = 1 if row.Size > 0 else -1
    if side * row.ExitPrice <= side * row.SL:
        return "stopLoss"
    return "endOfData" if row.ExitBar == last else "signal"
