"""Three fields filtered, ordered by a fourth, counted, a page of 50: asked of the dashboard and of both peers."""

from __future__ import annotations

from itertools import count

import msgspec

from tests.bench.peers.compare import SETTLE, SLOW_SHARE, same_rows
from tests.bench.peers.orm import LIMIT
from tests.bench.peers.sides import Body, Views, WholeDjango
from tests.bench.report import Report
from tests.bench.sweep.data import NARROW, STEP_OF_SHARPE, WIDE, Limits, parameters
from tests.bench.timing import interleave

ASKED = (("few match", NARROW), ("half match", WIDE))


def peer_parameters(limits: Limits) -> dict[str, object]:
    """Return the filters as the peer's addresses have them."""
    sharpe, drawdown, trades = limits
    return {"minSharpe": repr(sharpe), "mostDrawdown": drawdown, "minTrades": trades}


def ways_of(sides: Views | WholeDjango, limits: Limits, *, is_moving: bool) -> dict[str, Body]:
    """Return the calls of the dashboard and of the peer; moving ones ask for another threshold each time."""
    mine, peer = parameters(limits), peer_parameters(limits)
    if is_moving:
        numbers = count(1)
        mine["min.sharpe"] = peer["minSharpe"] = lambda: repr(limits[0] + next(numbers) * STEP_OF_SHARPE)
    return {
        "mine": sides.way("list", limit=LIMIT, **mine),
        "peer": sides.way("peer sweep", **peer),
        "peer counted": sides.way("peer sweep counted", **peer),
    }


def measure(report: Report, views: Views, whole: WholeDjango, *, rounds: int) -> None:
    """Compare the answers, then the times, of the views alone and with all that is around them."""
    for told, sides in (("the views alone", views), ("with middleware, login and limit", whole)):
        report.begin(f"Three fields filtered, by a fourth, page of {LIMIT}, another threshold each time; {told}")
        for matching, limits in ASKED:
            same(sides, limits)
            found = interleave(
                ways_of(sides, limits, is_moving=True), rounds=max(3, rounds // SLOW_SHARE), settle=SETTLE
            )
            for key, which in (("peer", "not counted"), ("peer counted", "counted")):
                name = f"ORM by cursor, {which}: {matching}"
                report.compare(name, found[key], against="dashboard, counted", reference=found["mine"])


def same(sides: Views | WholeDjango, limits: Limits) -> None:
    """Make sure that all answer the same rows and the same count."""
    ways = ways_of(sides, limits, is_moving=False)
    same_rows("filtered", ways["mine"], ways["peer"], ways["peer counted"])
    mine, peer = (msgspec.json.decode(ways[name]())["count"] for name in ("mine", "peer counted"))
    if mine != peer:
        raise AssertionError(f"the dashboard counts {mine} runs, the peer {peer}")
