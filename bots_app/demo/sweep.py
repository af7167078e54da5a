"""What the demo runs: four sessions, each the product of a parameter grid."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import product
from typing import Any

from bots_app.demo.backtesting_runs import SmaCrossConfig, backtesting_record
from bots_app.demo.backtesting_runs import configuration as backtesting_configuration
from bots_app.demo.crossover import Account, Crossover, Market
from bots_app.demo.prices import Prices, eurusd, goog
from bots_app.demo.records import config_hash, crossover_configuration, crossover_record

Config = Crossover | SmaCrossConfig

FOREX = Account(balance=10_000.0, fraction=0.95, commission_bp=0.2, slippage_bp=0.3)
SHARES = Account(balance=100_000.0, fraction=0.95, commission_bp=2.0, slippage_bp=1.0)
SPLIT_MS = round(datetime(2009, 1, 1, tzinfo=UTC).timestamp() * 1000)


@dataclass(frozen=True)
class Plan:
    """One session: its prices, its runs, and how one of them is made."""

    prices: Callable[[], Prices]
    configs: Callable[[], list[Any]]
    notes: str
    #: None: run by the package `backtesting`, which brings its own.
    account: Account | None = None

    def configuration(self, config: Any) -> dict[str, Any]:
        """Return the configuration that is stored, and hashed, for one run."""
        if self.account is None:
            return backtesting_configuration(config, self.prices())
        return crossover_configuration(config, self.account, self.prices())

    def hash_of(self, config: Any) -> str:
        """Return the hash of one run."""
        return config_hash(self.configuration(config))

    def record(self, config: Any, *, is_finished: bool = True) -> dict[str, Any]:
        """Run one configuration and return its record, with trades."""
        if self.account is None:
            return backtesting_record(self.prices(), config, is_finished=is_finished)
        return crossover_record(market_of(self.prices), config, self.account, is_finished=is_finished)


@cache
def market_of(prices: Callable[[], Prices]) -> Market:
    """Return the prepared market of a price source, one per process."""
    return Market(prices())


@cache
def goog_until_2008() -> Prices:
    """Return the older half of GOOG."""
    return goog().between(0, SPLIT_MS)


@cache
def goog_from_2009() -> Prices:
    """Return the newer half of GOOG."""
    prices = goog()
    return prices.between(SPLIT_MS, int(prices.time[-1]) + 1)


def forex_grid() -> list[Crossover]:
    """Return the large sweep; its corners are configurations that cannot be run, as in every careless grid."""
    fast, slow = (8, 10, 12, 15, 20, 25, 30, 40, 50), (30, 40, 50, 60, 80, 100, 150, 200, 250)
    stops, targets = (0.0025, 0.004, 0.006, 0.009, 0.013, 0.02), (None, 0.006, 0.01, 0.02)
    grid = product(("sma", "ema"), fast, slow, stops, targets, ("both", "long", "short"))
    unstopped = [Crossover(one, other, 0.0) for one, other in product(fast, slow)]
    return [*_crossovers(grid), *unstopped]


def shares_grid() -> list[Crossover]:
    """Return the sweep that is run on both halves of GOOG, so that the same hash can be looked up in both."""
    fast, slow = (5, 10, 15, 20, 30, 40, 50), (30, 50, 75, 100, 150, 200, 250)
    grid = product(("sma", "ema"), fast, slow, (0.04, 0.08, 0.15), (None, 0.2), ("both", "long"))
    return list(_crossovers(grid))


def _crossovers(grid: Iterator[tuple]) -> Iterator[Crossover]:
    for average, fast, slow, stop, target, direction in grid:
        yield Crossover(fast, slow, stop, target, average, direction)


def backtesting_grid() -> list[SmaCrossConfig]:
    """Return the runs of the package `backtesting`: few, as each takes it some 40 ms."""
    fast, slow = (5, 10, 15, 20, 25, 30), (20, 30, 40, 50, 60, 80, 100, 125, 150, 200)
    return [SmaCrossConfig(*one) for one in product(fast, slow, (0.03, 0.05, 0.08, 0.12, 0.2))]


PLANS = {
    "backtesting": Plan(
        goog,
        backtesting_grid,
        "Demo: moving averages that cross on GOOG, daily, 2004 to 2013, run by the Python package backtesting on the "
        "prices that it ships. The figures are those it reports itself.",
    ),
    "forex": Plan(
        eurusd,
        forex_grid,
        "Demo: moving averages that cross on EUR/USD, hourly, April 2017 to February 2018, run by this project's "
        "own small engine on prices that the Python package backtesting ships.",
        FOREX,
    ),
    "shares-older": Plan(
        goog_until_2008,
        shares_grid,
        "Demo: in sample. Moving averages that cross on GOOG, daily, 2004 to 2008; the same configurations, under the "
        "same hashes, are in the session from 2009 on.",
        SHARES,
    ),
    "shares-newer": Plan(
        goog_from_2009,
        shares_grid,
        "Demo: out of sample. Moving averages that cross on GOOG, daily, 2009 to 2013; the same configurations, under "
        "the same hashes, are in the session up to 2008.",
        SHARES,
    ),
}
