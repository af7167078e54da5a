"""The list of ten thousand sessions, over a PING: what is asked again and what nobody has asked before."""

from __future__ import annotations

from itertools import count

import msgspec

from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.store.session_list import Notice, note
from dashboard.store.shared import chunked
from sessions_app.listing import SessionListing
from sessions_app.query import SessionQuery
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry
from tests.bench.pages import LIMIT
from tests.bench.report import Report
from tests.bench.timing import Way, interleave

SESSIONS = 10_000
TIMEFRAMES = ("1m", "5m", "1h", "4h")
#: Sessions noted in one call.
STEP = 500


def measure(report: Report, *, rounds: int) -> None:
    """Write the summaries of many sessions, then ask for pages of their list."""
    sids = write_sessions()
    report.begin(f"List of {SESSIONS:,} sessions, pages of {LIMIT}")
    registry = SessionRegistry()
    asked = {
        "newest first": SessionQuery(),
        "by best profit": SessionQuery(ordering="-bestProfit"),
        "of one symbol, by best profit": SessionQuery("BENCH7", ordering="-bestProfit"),
        "of one timeframe": SessionQuery(timeframe="1h"),
        "active ones": SessionQuery(active=True),
        "that hold a text": SessionQuery(words=("looked at",)),
    }
    ways: dict[str, Way] = {name: page(registry, query) for name, query in asked.items()}
    if not all(SessionListing(registry, query).page(cursor=None, limit=LIMIT).sessions for query in asked.values()):
        raise AssertionError("a list of sessions is empty")
    second = SessionListing(registry, asked["by best profit"]).page(cursor=None, limit=LIMIT).next_cursor
    ways["by best profit, second page"] = page(registry, asked["by best profit"], second)
    numbers = count()
    ways["a text nobody has looked for"] = lambda: page(registry, SessionQuery(words=(f"sweep {next(numbers)}",)))()
    ways["just after one has changed"] = lambda: (
        note([Notice(sids[next(numbers) % SESSIONS])]),
        ways["newest first"](),
    )
    found = interleave(ways | {"ping": client().ping}, rounds=rounds)
    for name in ways:
        report.compare(name, found[name], against="PING by the client", reference=found["ping"])


def page(registry: SessionRegistry, query: SessionQuery, cursor: str | None = None) -> Way:
    """Return the call of a page, ready to send."""
    return lambda: SessionListing(registry, query).page(cursor=cursor, limit=LIMIT).body()


def write_sessions() -> list[str]:
    """Store summaries as other programs do, and have them listed."""
    made = []
    for chunk in chunked(range(SESSIONS), STEP):
        pipe = client().pipeline()
        sids = []
        for number in chunk:
            summary = summary_of(number)
            sid = SessionId(summary["symbol"], summary["timeframe"], summary["startTimestamp"], summary["endTimestamp"])
            sids.append(str(sid))
            pipe.set(SessionKeys(str(sid)).summary, msgspec.json.encode(summary))
        pipe.execute()
        note([Notice(sid) for sid in sids])
        made += sids
    return made


def summary_of(number: int) -> dict[str, object]:
    """Return the summary of one of the sessions."""
    return {
        "symbol": f"BENCH{number % 500}", "timeframe": TIMEFRAMES[number % len(TIMEFRAMES)],
        "startTimestamp": 1_600_000_000_000 + number, "endTimestamp": 1_700_000_000_000, "runCount": number * 7 % 1000,
        "completedRuns": number * 7 % 900, "errorCount": number % 100, "lastUpdate": 1_700_000_000_000 + number * 997,
        "bestProfit": number * 7919 % 10_007 / 7, "currentProfit": number * 31 % 101 / 3, "avgProfit": number % 13 / 3,
        "currentStatus": "completed", "active": number % 10 == 0,
        "notes": f"sweep {number} looked at" if number % 3 else "",
    }  # fmt: skip
