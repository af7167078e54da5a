"""What the numbers of a session should be, gathered run by run from the records. No Redis."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from bots_app.exact_sums import Figures, parts_total
from bots_app.run_values import RunValues


class Totals:
    """The figures of each status, and the numbers of the summary."""

    def __init__(self) -> None:
        self.figures: dict[str, Figures] = {}
        self.count = 0
        self._best: tuple[float | None, str | None] = (None, None)
        self._last: RunValues | None = None

    def add(self, run: RunValues) -> None:
        """Count a run in."""
        self.count += 1
        figures = self.figures.get(run.status)
        if figures is None:
            figures = self.figures[run.status] = Figures()
        figures.add(run.profit)
        if run.profit is not None and (self._best[0] is None or (run.profit, run.config_hash) > self._best):
            self._best = (run.profit, run.config_hash)
        if run.updated is not None:
            last = self._last
            if last is None or (run.updated, run.config_hash) > (last.updated, last.config_hash):
                self._last = run

    def of(self, status: str) -> Figures:
        """Return the figures of a status, of which there may be no run."""
        return self.figures.get(status) or Figures()

    def wrong_figures(self, status: str, stats: dict[str, str]) -> Iterator[tuple[str, str]]:
        """Yield what is wrong with the kept figures of a status, and an example."""
        figures = self.of(status)
        total, square = figures.totals()
        numbers: tuple[tuple[str, int | Fraction, int | Fraction], ...] = (
            ("a wrong count", int(stats.get(f"n:{status}", 0)), figures.count),
            ("a wrong sum", parts_total(stats.get(f"sum:{status}", "")), total),
            ("a wrong sum of squares", parts_total(stats.get(f"sq:{status}", "")), square),
            ("a wrong count of huge profits", int(stats.get(f"wide:{status}", 0)), figures.wide),
        )
        for kind, kept, wanted in numbers:
            # Squares of less than 1e-300 are not exact.
            if not math.isclose(kept, wanted, rel_tol=1e-12, abs_tol=1e-290):
                yield f"figures: {kind}", f"{status} ({float(kept)!r} instead of {float(wanted)!r})"

    def summary(self) -> dict[str, Any]:
        """Return the counted fields of the summary."""
        completed, last = self.of("completed"), self._last
        return {
            "runCount": self.count, "completedRuns": completed.count, "errorCount": self.of("failed").count,
            "bestProfit": self._best[0], "bestConfigHash": self._best[1], "avgProfit": _mean([completed]),
            "lastUpdate": last and last.updated, "lastConfigHash": last and last.config_hash,
            "currentProfit": last and last.profit, "currentStatus": last and last.status,
        }  # fmt: skip

    def mean_of_all(self) -> float | None:
        """Return the mean over every run with a profit: other programs' average is that of the aggregate."""
        return _mean(list(self.figures.values()))


def _mean(figures: list[Figures]) -> float | None:
    ranked = sum(one.ranked for one in figures)
    totals = [one.totals()[0] for one in figures]
    if not ranked or any(one.wide for one in figures):
        return None
    return float(sum(totals, Fraction(0)) / ranked)


def is_same(found: object, wanted: object) -> bool:
    """Tell whether two numbers of a summary are the same, but for rounding."""
    # A summary may hold a whole number where the records make a double.
    if isinstance(found, int | float) and isinstance(wanted, float):
        return math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-12)
    return found == wanted
