"""Single trades arranged for the run page: their histogram, their duration against their result, groups by exit."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from bots_app.analysis.groups import GroupRow
from bots_app.analysis.report import TearSheet
from bots_app.records import Trade
from dashboard.web import numbers

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
#: Spans, in seconds, that the table of durations is cut at.
SPANS_S = (
    MINUTE_S,
    5 * MINUTE_S,
    15 * MINUTE_S,
    HOUR_S,
    4 * HOUR_S,
    12 * HOUR_S,
    *(days * DAY_S for days in (1, 2, 4, 7, 14, 30, 90, 180, 365)),
)


def price_places(trades: list[Trade]) -> int:
    """Return the decimals that the prices of these trades are quoted with, so that they stand under each other."""
    texts = [numbers.price(price) for trade in trades for price in (trade.entry_price, trade.exit_price)]
    return max((len(text.partition(".")[2]) for text in texts if "e" not in text), default=0)


def histogram(sheet: TearSheet) -> dict[str, Any]:
    """Return the histogram of trade results as the chart's script takes it."""
    found = sheet.histogram
    return {"edges": found.edges, "counts": found.counts, "mean": found.mean.value, "unit": found.unit}


def histogram_rows(sheet: TearSheet) -> list[tuple[float, float, int]]:
    """Return the bars of the histogram that hold trades: from, to, how many."""
    edges, counts = sheet.histogram.edges, sheet.histogram.counts
    return [bar for bar in zip(edges[:-1], edges[1:], counts, strict=True) if bar[2]]


def durations(sheet: TearSheet) -> dict[str, Any]:
    """Return duration against result as the chart's script takes it: one point a trade."""
    found = sheet.durations
    return {
        "ms": found.duration_ms,
        "result": found.result,
        "side": found.side,
        "number": [place + 1 for place in found.index],
        "unit": found.unit,
    }


def duration_rows(sheet: TearSheet) -> list[dict[str, Any]]:
    """Return the same points as a table: trades by how long they were held, spans without any left out."""
    found = sheet.durations
    spans: dict[int, list[float]] = {}
    for held_ms, result in zip(found.duration_ms, found.result, strict=True):
        spans.setdefault(bisect_right(SPANS_S, held_ms / 1000), []).append(result)
    return [
        {
            "span": span_words(place),
            "trades": len(results),
            "won": sum(result > 0 for result in results) / len(results),
            "mean": sum(result / len(results) for result in results),
            "worst": min(results),
            "best": max(results),
        }
        for place, results in sorted(spans.items())
    ]


def span_words(place: int) -> str:
    """Return a span of the table in words, by its place."""
    ends = [numbers.duration(seconds) for seconds in SPANS_S]
    if place == 0:
        return f"under {ends[0]}"
    return f"{ends[place - 1]} and more" if place == len(ends) else f"{ends[place - 1]} to under {ends[place]}"


def exit_groups(sheet: TearSheet) -> list[tuple[str, tuple[GroupRow, ...]]]:
    """Return the groups by time of exit that tell anything: heading and rows; one hour alone is a daily session."""
    hours = tuple(row for row in sheet.by_hour if row.trades)
    found = [("Exit weekday", sheet.by_weekday), ("Exit month", sheet.by_month)]
    return [*found, ("Exit hour", hours)] if len(hours) > 1 else found
