"""The same runs and the same question, asked of the dashboard and of the peer, call by call in the same rounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from django.db import connection

from bots_app.query import RunQuery
from bots_app.registry import BotRegistry
from bots_app.synthetic import records
from dashboard.store import cursor as cursors
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.store.pages import RANKED, Position
from tests.bench import data
from tests.bench.peers import orm
from tests.bench.peers.sides import Body, Views, WholeDjango
from tests.bench.report import Goal, Report, at_least
from tests.bench.timing import interleave, timed

LIMIT = orm.LIMIT
STATUS, LEAST = "completed", 5.0
#: How deep the deep page is.
DEPTH = 0.95
SID = data.session("PEERS")
QUERY = RunQuery(statuses=(STATUS,), min_profit=LEAST)
#: Calls before the one that counts: the garbage of a page of the peer's falls on whoever is called next.
SETTLE = 1
#: Rounds of a way that takes a tenth of a second.
SLOW_SHARE = 10


def load(runs: int) -> dict[str, object]:
    """Store the runs in both; return the seconds each took."""
    orm.create_table()
    mine = data.load(SID, records(SID, runs))
    peer = timed(lambda: orm.load(str(SID), records(SID, runs)))
    return {"loaded into redis in": f"{mine:.0f} s", "into postgres by COPY in": f"{peer:.0f} s"}


def measure(report: Report, views: Views, whole: WholeDjango, *, rounds: int) -> None:
    """Compare the answers, then the times."""
    place = deep_place()
    for sides in (views, whole):
        mine, peer, offset = pages_of(sides, place)
        for name in mine:
            same_rows(name, mine[name], peer[name], offset[name])
        if (counted := msgspec.json.decode(offset["first"]())["count"]) != place.matches:
            raise AssertionError(f"the peer counts {counted} runs, the dashboard {place.matches}")
        same_aggregate(sides.way("aggregate"), sides.way("peer aggregate"))
    asked = f"{STATUS}, profit from {LEAST:g}, best first"
    report.begin(f"Page of {LIMIT}: {asked}; the views alone")
    pages(report, views, place, rounds=rounds, goal=at_least(4))
    report.begin("The same with middleware, login by token and rate limit on both sides")
    pages(report, whole, place, rounds=rounds)
    report.begin("The same, the data alone")
    calls(report, rounds=rounds)
    slow = max(3, rounds // SLOW_SHARE)
    report.begin("Aggregate of the whole session")
    aggregates(report, views, "the views alone", rounds=slow, goal=at_least(30))
    aggregates(report, whole, "with login and limit", rounds=slow)


@dataclass(frozen=True)
class Place:
    """Where the deep page begins: how many runs match, how many stand before it, and its cursor on each side."""

    matches: int
    before: int
    mine: str
    peer: str


def deep_place() -> Place:
    """Return where the deep page begins."""
    name = SessionKeys(str(SID)).index_status(STATUS, "profit")
    matches = client().zcount(name, LEAST, "+inf")
    before = int(matches * DEPTH)
    [(member, profit)] = client().zrevrange(name, before - 1, before - 1, withscores=True)
    position = Position(RANKED, repr(profit), member).pack()
    return Place(matches, before, cursors.encode(position, scope=QUERY.scope(SID)), orm.cursor_behind(profit))


def pages_of(sides: Views | WholeDjango, place: Place) -> tuple[dict[str, Body], dict[str, Body], dict[str, Body]]:
    """Return the first and the deep page of the dashboard, of the peer by cursor, and of the peer by offset."""
    asked = {"status": STATUS, "minProfit": LEAST}
    mine = {
        "first": sides.way("list", limit=LIMIT, **asked),
        "deep": sides.way("list", limit=LIMIT, cursor=place.mine, **asked),
    }
    peer = {
        "first": sides.way("peer cursor", **asked),
        "deep": sides.way("peer cursor", cursor=place.peer, **asked),
    }
    offset = {
        "first": sides.way("peer offset", **asked),
        "deep": sides.way("peer offset", offset=place.before, **asked),
    }
    return mine, peer, offset


def same_rows(name: str, mine: Body, *others: Body) -> None:
    """Make sure that both sides answer the same rows, field by field."""
    rows = msgspec.json.decode(mine())["bots"]
    for other in others:
        found = msgspec.json.decode(other())["results"]
        if not rows or len(rows) != len(found):
            raise AssertionError(f"the {name} page has {len(rows)} rows here and {len(found)} there")
        for row, its in zip(rows, found, strict=True):
            if any(not equal(row[field], value) for field, value in its.items()):
                raise AssertionError(f"the {name} page has another row here and there: {row} and {its}")


def equal(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9)
    return bool(one == other)


def same_aggregate(mine: Body, peer: Body) -> None:
    """Make sure that both sides answer the same figures."""
    answer, groups = msgspec.json.decode(mine()), msgspec.json.decode(peer())
    total = sum(group["n"] for group in groups)
    theirs = {
        "countByStatus": {group["status"]: group["n"] for group in groups},
        "bestProfit": max(group["best"] for group in groups),
        "worstProfit": min(group["worst"] for group in groups),
        "avgProfit": sum(group["mean"] * group["n"] for group in groups) / total,
    }
    for name, value in theirs.items():
        if not equal(answer[name], value):
            raise AssertionError(f"{name} is {answer[name]} here and {value} there")


def pages(report: Report, sides: Views | WholeDjango, place: Place, *, rounds: int, goal: Goal | None = None) -> None:
    """Measure the peer's pages over the dashboard's; those by offset, which are slow, in fewer rounds."""
    mine, peer, offset = pages_of(sides, place)
    for told, theirs, turns, bound in (
        ("by cursor, not counted", peer, rounds, goal),
        ("by offset, counted", offset, max(3, rounds // SLOW_SHARE), None),
    ):
        found = interleave(mine | {f"peer {name}": way for name, way in theirs.items()}, rounds=turns, settle=SETTLE)
        for name, where in (("first", "first page"), ("deep", f"{DEPTH:.0%} deep")):
            report.compare(
                f"ORM {told}: {where}", found[f"peer {name}"], against="dashboard", reference=found[name], goal=bound
            )


def calls(report: Report, *, rounds: int) -> None:
    """Measure what fetches the rows on either side, as values."""
    ordered = orm.Run.objects.filter(session=str(SID), status=STATUS, profit__gte=LEAST)
    query = ordered.order_by("-profit", "-configHash").values(*orm.ROW)[:LIMIT]
    statement, parameters = query.query.sql_with_params()
    registry = BotRegistry()

    def by_cursor() -> Sequence[Any]:
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall()

    found = interleave(
        {
            "registry": lambda: registry.page(SID, QUERY, limit=LIMIT).decoded(),
            "values": lambda: list(query.all()),
            "statement": by_cursor,
        },
        rounds=rounds,
        settle=SETTLE,
    )
    for name, told in (("values", "ORM, values()"), ("statement", "SQL")):
        report.compare(f"{told}: first page, not counted", found[name], against="registry", reference=found["registry"])


def aggregates(report: Report, sides: Views | WholeDjango, told: str, *, rounds: int, goal: Goal | None = None) -> None:
    """Measure the peer's aggregate over the dashboard's."""
    found = interleave(
        {"mine": sides.way("aggregate"), "peer": sides.way("peer aggregate")}, rounds=rounds, settle=SETTLE
    )
    report.compare(
        f"ORM, GROUP BY status: {told}", found["peer"], against="dashboard", reference=found["mine"], goal=goal
    )
