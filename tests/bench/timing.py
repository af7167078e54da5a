"""Timing alternatives side by side, so that a machine that slows down slows all of them."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

#: Rounds before the first that counts: connections, scripts and caches are then as they stay.
WARM_UP = 20

Way = Callable[[], object]


@dataclass(frozen=True)
class Samples:
    """Seconds that one way took, round by round."""

    seconds: list[float]

    @property
    def p50(self) -> float:
        return statistics.median(self.seconds)

    @property
    def p95(self) -> float:
        return sorted(self.seconds)[max(0, -(-len(self.seconds) * 95 // 100) - 1)]

    def over(self, other: Samples) -> float:
        """Return the median of the quotients round by round: both of a round met the machine in the same mood."""
        return statistics.median(a / b for a, b in zip(self.seconds, other.seconds, strict=True))

    def rate(self, things: int) -> float:
        """Return how many things a second, when each round made that many."""
        return things / self.p50


def timed(way: Way) -> float:
    """Return the seconds one call takes."""
    start = time.perf_counter()
    way()
    return time.perf_counter() - start


def interleave(ways: Mapping[str, Way], *, rounds: int, warm_up: int = WARM_UP, settle: int = 0) -> dict[str, Samples]:
    """Call every way once a round, each round beginning with another one; return the samples of each.

    `settle` calls of the same way go before each one that counts, where what another way leaves behind would be felt.
    """
    names = list(ways)
    found: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(min(warm_up, rounds)):
        for name in names:
            ways[name]()
    gc.collect()
    gc.freeze()  # what was loaded before is nobody's garbage: its walks would fall on whoever comes next
    try:
        for number in range(rounds):
            first = number % len(names)
            for name in names[first:] + names[:first]:
                for _ in range(settle):
                    ways[name]()
                found[name].append(timed(ways[name]))
    finally:
        gc.unfreeze()
    return {name: Samples(seconds) for name, seconds in found.items()}
