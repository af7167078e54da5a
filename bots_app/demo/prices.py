"""Real prices, read in place from the package data of `backtesting`."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Prices:
    """Bars of one market, prices as whole numbers of the smallest step, so that sums and comparisons are exact."""

    symbol: str
    timeframe: str
    #: Decimals of a price: a tick is 10 ** -digits.
    digits: int
    #: Start of each bar, ms since 1970 UTC.
    time: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints

    def __len__(self) -> int:
        return len(self.time)

    @property
    def ticks(self) -> int:
        """Return how many ticks make one unit of the price."""
        return 10**self.digits

    @property
    def session_id(self) -> str:
        """Return the id of the session that covers exactly these bars."""
        return f"{self.symbol}:{self.timeframe}:{self.time[0]}:{self.time[-1]}"

    def between(self, start: int, end: int) -> Prices:
        """Return the bars that start within [start, end), in ms."""
        return self.bars(slice(*np.searchsorted(self.time, (start, end))))

    def bars(self, which: slice) -> Prices:
        """Return the bars of a slice."""
        columns = (column[which] for column in (self.time, self.open, self.high, self.low, self.close))
        return Prices(self.symbol, self.timeframe, self.digits, *columns)

    def market_history(self) -> dict[str, float]:
        """Return what a record says of the market; the volatility is the deviation of the bars' log returns."""
        if len(self) < 3:
            return {}
        returns = np.diff(np.log(self.close))
        return {
            "startPrice": int(self.open[0]) / self.ticks,
            "endPrice": int(self.close[-1]) / self.ticks,
            "highPrice": int(self.high.max()) / self.ticks,
            "lowPrice": int(self.low.min()) / self.ticks,
            "volatility": round(float(returns.std(ddof=1)), 8),
        }


def data_file(name: str) -> Path:
    """Return a price file of `backtesting`; the package itself is not imported, as that takes a second."""
    spec = find_spec("backtesting")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            "The demo takes its prices from the package 'backtesting', which is not installed: "
            "run `make install`, or install this project with its extra 'demo'."
        )
    return Path(spec.submodule_search_locations[0]) / "test" / name


def read_csv(path: Path, *, symbol: str, timeframe: str, digits: int) -> Prices:
    """Return the bars of a file with the columns time, Open, High, Low, Close; times are UTC."""
    with path.open(newline="") as lines:
        rows = list(csv.reader(lines))[1:]
    time = [round(datetime.fromisoformat(row[0]).replace(tzinfo=UTC).timestamp() * 1000) for row in rows]
    ticks = np.rint(np.array([row[1:5] for row in rows], dtype=float) * 10**digits).astype(np.int64)
    return Prices(symbol, timeframe, digits, np.array(time, dtype=np.int64), *ticks.T.copy())


@cache
def goog() -> Prices:
    """Return GOOG, daily, 2004 to 2013, in US dollars."""
    return read_csv(data_file("GOOG.csv"), symbol="GOOG", timeframe="1d", digits=2)


@cache
def eurusd() -> Prices:
    """Return EUR/USD, hourly, April 2017 to February 2018."""
    return read_csv(data_file("EURUSD.csv"), symbol="EUR/USD", timeframe="1h", digits=5)
