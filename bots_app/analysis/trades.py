"""The trades of one run as a struct of arrays: the input of everything in this package."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Mask = NDArray[np.bool_]

SIDES = {"long": 1, "short": -1}
#: Last millisecond of the year 9999. A time beyond it is no time: it would break every date on the page.
LAST_MS = 253_402_300_799_999.0
#: A money amount, price or size beyond it is taken as missing, so that sums of any number of them stay finite.
LARGEST = 1e290


@dataclass(frozen=True, eq=False)
class TradeArrays:
    """Hold n trades in stored order.

    All arrays have shape (n,). Times are UTC ms as floats, exact to 2**53; NaN means missing in every float array.
    `side` is +1 long, -1 short, 0 unknown; `size` is unsigned; `profit` is money, net of `fee`, which is money paid
    for both sides. `index` is the position in the stored list, kept through `take`.

    A trade is open when it has an entry and no exit; a bare result without any time or price counts as closed.
    """

    index: NDArray[np.int64]
    entry_time: Floats
    exit_time: Floats
    side: NDArray[np.int8]
    entry_price: Floats
    exit_price: Floats
    size: Floats
    profit: Floats
    fee: Floats
    reason: tuple[str | None, ...]

    @classmethod
    def from_trades(cls, trades: Iterable[Any]) -> TradeArrays:
        """Take objects with the attributes of a Trade record: None becomes NaN, an unknown side 0."""
        rows = list(trades)

        def column(name: str) -> Floats:
            return np.array([getattr(row, name) for row in rows], dtype=np.float64)

        return cls.from_columns(
            profit=column("profit"),
            entry_time=column("entry_time"),
            exit_time=column("exit_time"),
            side=[SIDES.get(row.side, 0) for row in rows],
            entry_price=column("entry_price"),
            exit_price=column("exit_price"),
            size=column("size"),
            fee=column("fee"),
            reason=tuple(row.reason for row in rows),
            index=[row.index for row in rows],
        )

    @classmethod
    def from_columns(
        cls,
        *,
        profit: ArrayLike,
        entry_time: ArrayLike | None = None,
        exit_time: ArrayLike | None = None,
        side: ArrayLike | None = None,
        entry_price: ArrayLike | None = None,
        exit_price: ArrayLike | None = None,
        size: ArrayLike | None = None,
        fee: ArrayLike | None = None,
        reason: Sequence[str | None] | None = None,
        index: ArrayLike | None = None,
    ) -> TradeArrays:
        """Take columns of equal length n; one left out is missing for every trade."""
        result = _within(np.asarray(profit, dtype=np.float64), LARGEST)
        n = len(result)

        def floats(values: ArrayLike | None) -> Floats:
            return np.full(n, np.nan) if values is None else _within(np.asarray(values, dtype=np.float64), LARGEST)

        made = cls(
            index=np.arange(n) if index is None else np.asarray(index, dtype=np.int64),
            entry_time=_within(floats(entry_time), LAST_MS),
            exit_time=_within(floats(exit_time), LAST_MS),
            side=np.zeros(n, dtype=np.int8) if side is None else np.asarray(side, dtype=np.int8),
            entry_price=floats(entry_price),
            exit_price=floats(exit_price),
            size=np.abs(floats(size)),
            profit=result,
            fee=floats(fee),
            reason=(None,) * n if reason is None else tuple(reason),
        )
        lengths = {field.name: len(getattr(made, field.name)) for field in fields(cls)}
        if set(lengths.values()) - {n}:
            raise ValueError(f"columns of different lengths: {lengths}")
        return made

    def __len__(self) -> int:
        return len(self.profit)

    @cached_property
    def closed(self) -> Mask:
        """Trades that have an exit, or are nothing but a result."""
        has_exit = np.isfinite(self.exit_time) | np.isfinite(self.exit_price)
        has_entry = np.isfinite(self.entry_time) | np.isfinite(self.entry_price)
        return has_exit | (np.isfinite(self.profit) & ~has_entry)

    @cached_property
    def realised(self) -> Mask:
        """Closed trades whose profit is known: those that every statistic is about."""
        return self.closed & np.isfinite(self.profit)

    @cached_property
    def placed(self) -> Mask:
        """Realised trades that have an exit time: those on the equity curve."""
        return self.realised & np.isfinite(self.exit_time)

    @cached_property
    def exit_order(self) -> Indices:
        """Positions of the realised trades by exit time, ties in stored order, those without an exit time last."""
        at = np.flatnonzero(self.realised)
        return at[np.argsort(self.exit_time[at], kind="stable")]

    @cached_property
    def duration(self) -> Floats:
        """Exit minus entry in ms, NaN when either is missing or the exit comes first."""
        held = self.exit_time - self.entry_time
        return np.where(held >= 0, held, np.nan)

    def take(self, selection: Mask | Indices) -> TradeArrays:
        """Choose trades by a mask or by positions."""
        at = np.flatnonzero(selection) if selection.dtype == np.bool_ else selection
        arrays = {field.name: getattr(self, field.name)[at] for field in fields(self) if field.name != "reason"}
        return TradeArrays(**arrays, reason=tuple(self.reason[i] for i in at.tolist()))


def _within(values: Floats, limit: float) -> Floats:
    return np.where(np.abs(values) <= limit, values, np.nan)
