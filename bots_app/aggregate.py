"""The aggregate over a session's runs: from kept figures where these say all, else from scores, in bounded steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from bots_app.indexing import read_scores
from bots_app.profits import ends_of, middle_of, spread_figures
from bots_app.query import RunQuery
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.store.lean import Command
from dashboard.store.pages import NotBuilt
from dashboard.store.scripts import script
from dashboard.store.shared import INDEX_VERSION
from dashboard.tolerant import from_bytes

#: Every double is a whole multiple of two to the power of minus this; whole numbers add up quicker than fractions.
UNIT_BITS = 1074


@dataclass(frozen=True)
class Figures:
    """Kept figures of one status: runs, exact sum and sum of squares of their profits; `wide` ones are in neither.

    Both sums are in units of 2 ** -UNIT_BITS.
    """

    n: int
    total: int
    squares: int
    wide: int

    @classmethod
    def read(cls, stats: dict[str, str], status: str) -> Figures:
        total, squares = (in_units(stats.get(f"{name}:{status}", "")) for name in ("sum", "sq"))
        return cls(int(stats.get(f"n:{status}", 0)), total, squares, int(stats.get(f"wide:{status}", 0)))


# A write changes the sums of one status; those of the others are read again and again.
@lru_cache(1024)
def in_units(parts: str) -> int:
    """Return a kept sum, which is stored as doubles that do not overlap, in units of 2 ** -UNIT_BITS."""
    units = 0
    for part in parts.split():
        numerator, denominator = float(part).as_integer_ratio()
        units += numerator << UNIT_BITS + 1 - denominator.bit_length()
    return units


def read_aggregate(keys: SessionKeys, query: RunQuery) -> dict[str, Any] | None:
    """Return the aggregate, None when there is no such session. Raises NotBuilt.

    Standard deviation is of the sample (n - 1). Cost: one round trip for a whole session or one whole status.
    """
    reply = script("read_figures").read(_command(keys, keys.tag, query.statuses))
    if reply[0] == b"missing":
        return None
    if reply[0] == b"unbuilt":
        raise NotBuilt(reply[1])
    _, flat, count, lowest, highest, middle, stale = reply
    stats = dict(zip(map(from_bytes, flat[::2]), map(from_bytes, flat[1::2]), strict=True))
    known = sorted(name[2:] for name in stats if name.startswith("n:"))
    statuses = [
        status for status in known if status not in query.excluded and (not query.statuses or status in query.statuses)
    ]
    figures = {status: Figures.read(stats, status) for status in statuses}
    if query.has_range or query.excluded or len(query.statuses) > 1 or any(found.wide for found in figures.values()):
        answer = _from_scores(keys, query, figures)
    else:
        total = sum(found.total for found in figures.values())
        squares = sum(found.squares for found in figures.values())
        answer = {
            "count": sum(found.n for found in figures.values()),
            "countByStatus": {status: found.n for status, found in figures.items() if found.n},
            **ends_of(lowest, highest),
            "avgProfit": total / (count << UNIT_BITS) if count else None,
            "medianProfit": middle_of([float(score) for score in middle[1::2]]),
            "stdProfit": _deviation(total, squares, count),
        }
    return answer | ({"stale": True} if stale else {})


@lru_cache(1024)
def _command(keys: SessionKeys, tag: str, statuses: tuple[str, ...]) -> Command:
    """Return the call of the script; `tag` tells keys apart that differ by the settings."""
    profits = keys.index_status(statuses[0], "profit") if len(statuses) == 1 else keys.profit
    names = [
        keys.bots, keys.index("stats"), keys.summary, profits, keys.index("rows"), keys.profit, keys.index("unranked"),
    ]  # fmt: skip
    return script("read_figures").command(names, [INDEX_VERSION])


def _from_scores(keys: SessionKeys, query: RunQuery, figures: dict[str, Figures]) -> dict[str, Any]:
    """Return the aggregate of any filter, from the scores of each status."""
    low = "-inf" if query.min_profit is None else repr(query.min_profit)
    high = "+inf" if query.max_profit is None else repr(query.max_profit)
    counts: dict[str, int] = {}
    parts: list[np.ndarray] = []
    ends: list[tuple[float, bytes]] = []
    for status in figures:
        name = keys.index_status(status, "profit")
        pipe = client().pipeline()
        pipe.zcount(name, "-inf", f"({low}" if query.min_profit is not None else "(-inf")
        pipe.zcount(name, low, high)
        pipe.zcard(keys.index_status(status, "unranked"))
        before, inside, unranked = pipe.execute()
        counts[status] = inside + (0 if query.has_range else unranked)
        if not inside:
            continue
        parts.append(read_scores(name, first=before, last=before + inside - 1))
        for rank in (before, before + inside - 1):
            ends += [(score, member) for member, score in client().zrange(name, rank, rank, withscores=True)]
    values = np.concatenate(parts) if parts else np.empty(0)
    worst, best = (min(ends), max(ends)) if ends else (None, None)
    return {
        "count": sum(counts.values()),
        "countByStatus": {status: count for status, count in counts.items() if count},
        **ends_of([worst[1], worst[0]] if worst else [], [best[1], best[0]] if best else []),
        **spread_figures(values),
    }


def _deviation(total: int, squares: int, count: int) -> float | None:
    """Return the sample deviation from exact sums in units; None below two."""
    if count < 2:
        return None
    variance = ((squares * count << UNIT_BITS) - total * total) / (count * (count - 1) << 2 * UNIT_BITS)
    return math.sqrt(max(0.0, variance))
