"""Drawdowns as episodes: from a peak of the equity curve to its recovery."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bots_app.analysis.equity import DAY_MS, EquityCurve


@dataclass(frozen=True, slots=True)
class Drawdown:
    """Hold one episode.

    `depth` is a positive ratio of the peak (None without a balance), `depth_money` positive. `start_ms` is the last
    time at the peak, `recovery_ms` the first time at or above it again, None when the curve ends first. `days` counts
    from start to recovery or to the end of the curve, in days of 24 hours.
    """

    start_ms: int
    trough_ms: int
    recovery_ms: int | None
    depth: float | None
    depth_money: float
    days: float

    @property
    def is_recovered(self) -> bool:
        return self.recovery_ms is not None


def deepest_drawdowns(curve: EquityCurve, *, count: int = 10) -> tuple[Drawdown, ...]:
    """List the deepest episodes, deepest first, ties by time; by ratio, or by money when no balance is known."""
    under = np.concatenate(([False], curve.drawdown < 0, [False]))
    change = np.flatnonzero(under[1:] != under[:-1])
    first, after = change[0::2], change[1::2]
    if not len(first):
        return ()
    # Episodes and stretches above water alternate: reduce at every change, then take each second.
    depth = np.minimum.reduceat(np.append(curve.drawdown, 0.0), change)[0::2]
    return tuple(
        _episode(curve, int(first[i]), int(after[i])) for i in np.argsort(depth, kind="stable")[:count].tolist()
    )


def _episode(curve: EquityCurve, first: int, after: int) -> Drawdown:
    trough = first + int(curve.drawdown[first:after].argmin())
    depth = -float(curve.drawdown[trough])
    is_recovered = after < len(curve.time)
    start_ms, end_ms = int(curve.time[first - 1]), int(curve.time[after]) if is_recovered else curve.end_ms
    return Drawdown(
        start_ms=start_ms,
        trough_ms=int(curve.time[trough]),
        recovery_ms=end_ms if is_recovered else None,
        depth=depth if curve.is_relative else None,
        depth_money=depth * float(curve.peak[trough]) if curve.is_relative else depth,
        days=(end_ms - start_ms) / DAY_MS,
    )
