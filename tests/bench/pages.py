"""Pages and aggregates in the service layer, over raw script calls and over each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec

from bots_app.performance import PerformanceRegistry
from bots_app.query import RunQuery
from bots_app.registry import BotRegistry
from dashboard.store import cursor as cursors
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.store.pages import RANKED, Position
from dashboard.tolerant import from_bytes
from sessions_app.records import SessionId
from tests.bench.data import Sessions
from tests.bench.raw import RawConnection, join, pack, pack_script
from tests.bench.report import Report, at_most
from tests.bench.timing import Samples, Way, interleave

LIMIT = 50
#: The range of profits that is filtered by: a third of the runs.
LOW, HIGH = 5.0, 30.0
#: How far into a tie its cursor stands.
DEPTH_IN_TIE = 0.98
STATUSES = {"completed": "90 %", "failed": "9.9 %", "running": "0.1 %"}
TWO = ("completed", "failed")


def page(sid: SessionId, query: RunQuery, cursor: str | None = None) -> Way:
    """Return the call of a page, ready to send."""
    registry = BotRegistry()
    return lambda: registry.page(sid, query, cursor=cursor, limit=LIMIT).body()


def cursor_at(sid: SessionId, query: RunQuery, rank: int) -> tuple[str, str]:
    """Return the cursor that goes on behind the run of a rank from the best, and that run's hash."""
    [(member, score)] = client().zrevrange(SessionKeys(str(sid)).profit, rank, rank, withscores=True)
    position = Position(RANKED, repr(score), member, offset=rank)
    return cursors.encode(position.pack(), scope=query.scope(sid)), from_bytes(member)


class Floors:
    """Raw calls that answer the same rows as pages of a session."""

    def __init__(self, raw: RawConnection, sid: SessionId) -> None:
        self.raw, self.keys = raw, SessionKeys(str(sid))
        self.page_sha, self.range_sha = raw.load("floor_page"), raw.load("floor_range")

    def page_command(self, first: int = 0) -> bytes:
        names = [self.keys.profit, self.keys.index("rows")]
        return pack_script(self.page_sha, names, [first, first + LIMIT - 1])

    def range_command(self, *statuses: str) -> bytes:
        names = [self.keys.index_status(status, "profit") for status in statuses] or [self.keys.profit]
        return pack_script(self.range_sha, [self.keys.index("rows"), *names], [LOW, HIGH, LIMIT])

    def joined(self, command: bytes) -> Way:
        return lambda: join(self.raw.call(command))

    def decoded(self, command: bytes) -> Way:
        return lambda: msgspec.json.decode(join(self.raw.call(command)))


def measure(report: Report, sessions: Sessions, raw: RawConnection, *, rounds: int) -> None:
    """Measure everything a list and an aggregate ask of the registries."""
    first_page(report, sessions, raw, rounds)
    filters(report, sessions, raw, rounds)
    depth(report, sessions, raw, rounds)
    by_time(report, sessions, rounds)
    aggregates(report, sessions, rounds)


def first_page(report: Report, sessions: Sessions, raw: RawConnection, rounds: int) -> None:
    report.begin(f"Page of {LIMIT} by profit, best first")
    floors, registry, query = Floors(raw, sessions.main), BotRegistry(), RunQuery()
    command, ping = floors.page_command(), pack("PING")
    same_rows(page(sessions.main, query), floors.joined(command))
    found = interleave(
        {
            "page": page(sessions.main, query),
            "floor": floors.joined(command),
            "decoded": lambda: registry.page(sessions.main, query, limit=LIMIT).decoded(),
            "decoded floor": floors.decoded(command),
            "small": page(sessions.small, query),
            "ping": client().ping,
            "raw ping": lambda: raw.call(ping),
        },
        rounds=rounds,
    )
    report.compare("ready to send", found["page"], against="raw script", reference=found["floor"], goal=at_most(1.5))
    tails = {name: Samples([found[name].p95]) for name in ("page", "floor")}
    report.compare("  its p95", tails["page"], against="raw p95", reference=tails["floor"], goal=at_most(2))
    report.compare(
        "rows as values", found["decoded"], against="raw + msgspec", reference=found["decoded floor"], goal=at_most(1.5)
    )
    report.compare(
        f"of {sessions.runs:,} runs", found["page"], against=f"of {sessions.runs // 10:,}", reference=found["small"],
        goal=at_most(1.2),
    )  # fmt: skip
    report.compare("PING by the store's client", found["ping"], against="raw PING", reference=found["raw ping"])


def filters(report: Report, sessions: Sessions, raw: RawConnection, rounds: int) -> None:
    report.begin(f"Status and profit {LOW:g} to {HIGH:g}, exact count")
    floors, sid = Floors(raw, sessions.main), sessions.main
    ranged = RunQuery(min_profit=LOW, max_profit=HIGH)
    asked = {f"{name} ({share})": (replace(ranged, statuses=(name,)), (name,)) for name, share in STATUSES.items()}
    asked |= {
        "completed or failed": (replace(ranged, statuses=TWO), TWO),
        "not completed (10 %)": (replace(ranged, excluded=("completed",)), ("failed", "running")),
        "not running (99.9 %)": (replace(ranged, excluded=("running",)), TWO),
        "any status": (ranged, ()),
    }
    ways: dict[str, Way] = {"unfiltered": page(sid, RunQuery())}
    for name, (query, statuses) in asked.items():
        ways |= {name: page(sid, query), f"raw {name}": floors.joined(floors.range_command(*statuses))}
        same_rows(ways[name], ways[f"raw {name}"])
    found = interleave(ways, rounds=rounds)
    for name in asked:
        report.compare(name, found[name], against="raw script", reference=found[f"raw {name}"])
        goal = at_most(1.5)
        report.compare("", found[name], against="own unfiltered", reference=found["unfiltered"], goal=goal)


def depth(report: Report, sessions: Sessions, raw: RawConnection, rounds: int) -> None:
    """Measure late pages; the runs that two of the cursors stand on are deleted first."""
    report.begin("Deep pages")
    query, floors = RunQuery(), Floors(raw, sessions.main)
    runs = client().zcard(SessionKeys(str(sessions.main)).profit)
    deepest, _ = cursor_at(sessions.main, query, runs - LIMIT - 1)
    gone, gone_hash = cursor_at(sessions.main, query, runs // 2)
    BotRegistry().delete(sessions.main, gone_hash)
    ranks = tied_ranks(sessions.tied)
    in_tie, _ = cursor_at(sessions.tied, query, ranks.start + int(len(ranks) * DEPTH_IN_TIE))
    gone_in_tie, tied_hash = cursor_at(sessions.tied, query, ranks.start + len(ranks) // 2)
    BotRegistry().delete(sessions.tied, tied_hash)
    last = BotRegistry().page(sessions.main, query, limit=LIMIT).last_cursor
    main, tied = sessions.main, sessions.tied
    deepest_raw = floors.joined(floors.page_command(runs - 1 - LIMIT))
    same_rows(page(main, query, deepest), deepest_raw)
    found = interleave(
        {
            "first": page(main, query),
            "deepest": page(main, query, deepest),
            "raw": deepest_raw,
            "last": page(main, query, last),
            "gone": page(main, query, gone),
            "first of tied": page(tied, query),
            "in tie": page(tied, query, in_tie),
            "gone in tie": page(tied, query, gone_in_tie),
        },
        rounds=rounds,
    )
    goal = at_most(1.3)
    report.compare("deepest", found["deepest"], against="raw script", reference=found["raw"])
    report.compare("", found["deepest"], against="own first page", reference=found["first"], goal=goal)
    report.compare("last, from the end", found["last"], against="own first page", reference=found["first"], goal=goal)
    name = f"{DEPTH_IN_TIE:.0%} into a tie of {len(ranks):,}"
    report.compare(name, found["in tie"], against="own first page", reference=found["first of tied"], goal=goal)
    report.compare("cursor's run deleted", found["gone"], against="own first page", reference=found["first"], goal=goal)
    name = "cursor's run deleted, in the tie"
    reference = found["first of tied"]
    report.compare(name, found["gone in tie"], against="own first page", reference=reference, goal=goal)


def tied_ranks(sid: SessionId) -> range:
    """Return the ranks, from the best, of the largest tie."""
    from tests.bench.data import TIED_PROFIT

    profits = SessionKeys(str(sid)).profit
    first = client().zcount(profits, f"({TIED_PROFIT}", "+inf")
    return range(first, first + client().zcount(profits, TIED_PROFIT, TIED_PROFIT))


def by_time(report: Report, sessions: Sessions, rounds: int) -> None:
    report.begin("By lastUpdated, newest first")
    sid, late = sessions.main, RunQuery(ordering="-lastUpdated")
    found = interleave(
        {
            "profit": page(sid, RunQuery()),
            "time": page(sid, late),
            "range": page(sid, RunQuery(ordering="-lastUpdated", min_profit=LOW, max_profit=HIGH)),
            "rare": page(sid, RunQuery(ordering="-lastUpdated", min_profit=HIGH * 2)),
            "status": page(sid, RunQuery(ordering="-lastUpdated", statuses=("failed",))),
        },
        rounds=rounds,
    )
    names = {
        "whole session": "time", "one status": "status",
        f"profit {LOW:g} to {HIGH:g} (a walk)": "range", f"profit from {HIGH * 2:g} (few)": "rare",
    }  # fmt: skip
    for name, key in names.items():
        goal = at_most(1.5) if key in ("time", "status") else None
        report.compare(name, found[key], against="own page by profit", reference=found["profit"], goal=goal)


def aggregates(report: Report, sessions: Sessions, rounds: int) -> None:
    report.begin("Aggregate")
    asked: dict[str, RunQuery] = {"whole session": RunQuery(), "one status": RunQuery(statuses=("completed",))}

    def aggregate(query: RunQuery) -> Callable[[], object]:
        return lambda: PerformanceRegistry().aggregate(sessions.main, query)

    ways: dict[str, Way] = {name: aggregate(query) for name, query in asked.items()}
    found = interleave(ways | {"ping": client().ping}, rounds=rounds)
    for name in asked:
        report.compare(name, found[name], against="PING by the client", reference=found["ping"], goal=at_most(2))
    scanned = RunQuery(statuses=("failed",), min_profit=LOW, max_profit=HIGH)
    rare = interleave({"range": aggregate(scanned), "ping": client().ping}, rounds=max(3, rounds // 10))
    report.compare("failed, in a profit range", rare["range"], against="PING by the client", reference=rare["ping"])


def same_rows(mine: Way, floor: Way) -> None:
    """Make sure that the floor answers what the product answers: otherwise it would be none."""
    answers = [msgspec.json.decode(way()) for way in (mine, floor)]  # type: ignore[arg-type]
    first, second = ([row["configHash"] for row in answer["bots"]] for answer in answers)
    if first != second:
        raise AssertionError("the floor script answers other rows than the page")
