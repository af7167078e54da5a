"""The realised equity curve of a run and its drawdown."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tsdownsample import MinMaxLTTBDownsampler

from bots_app.analysis.trades import Floats, Indices, TradeArrays

DAY_MS = 86_400_000
#: A drawdown smaller than this share of the largest equity is the rounding of the running sum, not a loss.
ROUNDING = 1e-12
THINNER: Any = MinMaxLTTBDownsampler  # ships no types
#: From this many points on, the peaks and troughs named by the caller are kept for certain.
ROOM_FOR_EXTREMES = 8


@dataclass(frozen=True, eq=False)
class EquityCurve:
    """Hold the equity after each exit, in time order, from the start of the session to its end.

    `time` (int64 ms, non-decreasing), `equity` (money), `peak` (highest equity so far) and `drawdown` (<= 0) have
    shape (m,), m >= 1. The first point is the starting balance; exits at one time are merged into one point, so only
    the first time can repeat. With `is_relative` the drawdown is a ratio of the peak; otherwise no positive starting
    balance is known, `equity` is cumulative profit (or that on top of a balance of zero or below) and the drawdown is
    money. Trades outside the session widen the curve to hold them.
    """

    time: NDArray[np.int64]
    equity: Floats
    peak: Floats
    drawdown: Floats
    starting_balance: float | None
    is_relative: bool

    @property
    def start_ms(self) -> int:
        return int(self.time[0])

    @property
    def end_ms(self) -> int:
        return int(self.time[-1])

    @property
    def days(self) -> float:
        """Length in days of 24 hours, with fractions."""
        return (self.end_ms - self.start_ms) / DAY_MS

    @property
    def net_profit(self) -> float:
        return float(self.equity[-1] - self.equity[0])

    @property
    def drawdown_money(self) -> Floats:
        """The drawdown in money (<= 0), shape (m,)."""
        return self.drawdown * self.peak if self.is_relative else self.drawdown

    def series(self, points: int) -> dict[str, list[Any]]:
        """Thin to at most `points` >= 2 points, as lists ready for JSON; each drawdown is that of the full curve there.

        The highest and lowest equity and the deepest drawdown with the peak before it are among the points from 8 on.
        """
        trough = int(self.drawdown.argmin())
        before = int(self.equity[: trough + 1].argmax())
        extremes = (before, trough, int(self.equity.argmax()), int(self.equity.argmin()))
        at = downsample(self.time, self.equity, points, keep=extremes)
        return {
            "time": self.time[at].tolist(),
            "equity": self.equity[at].tolist(),
            "drawdown": self.drawdown[at].tolist(),
        }


def equity_curve(trades: TradeArrays, *, start_ms: int, end_ms: int, starting_balance: float | None) -> EquityCurve:
    """Add up profits in order of exit; open trades and those without a profit or an exit time are not in it."""
    is_given = starting_balance is not None and math.isfinite(starting_balance)
    balance = float(starting_balance) if is_given and starting_balance is not None else 0.0
    at = trades.exit_order[: int(trades.placed.sum())]
    exits = trades.exit_time[at].astype(np.int64)
    running = balance + np.cumsum(trades.profit[at])
    if len(exits):
        is_last_of_tie = np.append(exits[1:] != exits[:-1], True)
        exits, running = exits[is_last_of_tie], running[is_last_of_tie]
        start_ms, end_ms = min(start_ms, int(exits[0])), max(end_ms, int(exits[-1]))
    reaches_end = start_ms >= end_ms or (len(exits) > 0 and int(exits[-1]) == end_ms)
    tail_equity = running[-1:] if len(exits) else [balance]
    time = np.concatenate(([start_ms], exits, [] if reaches_end else [end_ms])).astype(np.int64)
    equity = np.concatenate(([balance], running, [] if reaches_end else tail_equity))
    peak = np.maximum.accumulate(equity)
    drawdown = equity - peak
    drawdown[-drawdown <= ROUNDING * np.abs(equity).max()] = 0.0
    if balance > 0:
        drawdown /= peak
    return EquityCurve(time, equity, peak, drawdown, balance if is_given else None, balance > 0)


def downsample(time: NDArray[np.int64], equity: Floats, points: int, *, keep: Iterable[int] = ()) -> Indices:
    """Choose the indices of at most `points` >= 2 of n points, first and last always.

    By MinMaxLTTB (Van Der Donckt et al. 2023). `time` non-decreasing and `equity` free of NaN, both of shape (n,). The
    result rises strictly. Indices in `keep`, at most four, are among the chosen from 8 points on, by which the global
    extremes of a thinned curve are exact.
    """
    if points < 2:
        raise ValueError(f"points: {points} is too few, at least 2 are needed")
    n = len(equity)
    if n <= points:
        return np.arange(n)
    if points == 2:
        return np.array([0, n - 1])
    wanted = np.unique(np.fromiter(keep, dtype=np.intp)) if points >= ROOM_FOR_EXTREMES else np.empty(0, dtype=np.intp)
    chosen = THINNER().downsample(time, equity, n_out=points - len(wanted)).astype(np.intp)
    return np.union1d(chosen, wanted)
