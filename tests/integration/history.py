"""What happened to each run of a session and when, and what that lets a list of them hold: for tests of concurrency.

Times are of the clock that all processes share. A change happened at some moment between its two times: what holds
before it and after it may both be seen in between.
"""

from __future__ import annotations

import json
import math
import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bots_app.query import RunQuery
from bots_app.registry import BotRegistry
from bots_app.table.ordering import TablePosition, is_of_table
from dashboard.store import cursor as cursors
from dashboard.store.pages import EDGE, RANKED, Position
from dashboard.tolerant import from_bytes
from sessions_app.records import SessionId


class State(NamedTuple):
    """A run as it was written."""

    status: str
    profit: float | None
    updated: int | None


class Change(NamedTuple):
    """Something done to a run, between two moments; a state of None is its deletion."""

    config_hash: str
    state: State | None
    before: float
    after: float


class Page(NamedTuple):
    """A page as it was answered between two moments."""

    began: float
    ended: float
    rows: list[dict[str, Any]]
    count: int
    is_stale: bool
    is_last: bool


@dataclass
class Walk:
    """Pages one after another, forward from the start or back from the end."""

    query: RunQuery
    limit: int
    is_backward: bool
    #: Where it began: only runs before it can be met going back.
    start: tuple[Any, ...] | None = None
    pages: list[Page] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{'back' if self.is_backward else 'forward'} by {self.limit} through {self.query}"


def walks(sid: SessionId, query: RunQuery, *, limit: int) -> Iterator[Walk]:
    """Walk from the first page to the last, and back from there."""
    forward = Walk(query, limit, False)
    cursor: str | None = None
    while True:
        page, answer = read(sid, query, cursor, limit=limit)
        cursor = answer["nextCursor"]
        forward.pages.append(page._replace(is_last=cursor is None))
        if cursor is None:
            break
    yield forward
    cursor = answer["previousCursor"]
    back = Walk(query, limit, True, cursor and place_before(sid, query, cursor))
    while cursor is not None:
        page, answer = read(sid, query, cursor, limit=limit)
        cursor = answer["previousCursor"]
        back.pages.append(page._replace(is_last=cursor is None))
    yield back


def read(sid: SessionId, query: RunQuery, cursor: str | None, *, limit: int) -> tuple[Page, dict[str, Any]]:
    """Return a page and the whole of the answer."""
    began = time.monotonic()
    answer = json.loads(BotRegistry().page(sid, query, cursor=cursor, limit=limit).body())
    return Page(began, time.monotonic(), answer["bots"], answer["count"], "stale" in answer, False), answer


def place_before(sid: SessionId, query: RunQuery, cursor: str) -> tuple[Any, ...] | None:
    """Return the place that a cursor leads back from, None for the list's end.

    The row that stands there may say something else: that of another program's run is filed after its score.
    """
    packed = cursors.decode(cursor, scope=query.scope(sid))
    if is_of_table(packed):
        of_table = TablePosition.unpack(packed)
        return place_of(query, of_table.values[0], from_bytes(of_table.hash)) if of_table.values else None
    position = Position.unpack(packed)
    if position.at == EDGE:
        return None
    return place_of(query, float(position.score) if position.at == RANKED else None, from_bytes(position.member))


def place(query: RunQuery, row: dict[str, Any]) -> tuple[Any, ...]:
    """Return what a row sorts by: ascending places are list order."""
    value = row["profit"] if query.by == "profit" else row["lastUpdated"]
    return place_of(query, value, row["configHash"])


def place_of(query: RunQuery, value: float | None, config_hash: str) -> tuple[Any, ...]:
    letters = config_hash.encode()
    if value is None:
        return (1, 0.0, tuple(letters))
    if query.descending:
        return (0, -value, (*(255 - letter for letter in letters), 256))
    return (0, value, tuple(letters))


class History:
    """Every change of every run, oldest first; each run is written by one writer only.

    Runs of `foreign` (beginnings of their names) are written key after key, by programs that know nothing of ours.
    """

    def __init__(self, changes: list[Change], *, foreign: tuple[str, ...] = ()) -> None:
        self.foreign = foreign
        self.of: dict[str, list[Change]] = defaultdict(list)
        for change in sorted(changes, key=lambda change: change.before):
            self.of[change.config_hash].append(change)
        self._ends = {config_hash: [change.after for change in found] for config_hash, found in self.of.items()}

    def possible(self, config_hash: str, began: float, ended: float) -> set[State | None]:
        """Return every state that the run may have been seen in at some moment of a span."""
        changes = self.of[config_hash]
        first = bisect_right(self._ends.get(config_hash, []), began)
        found: set[State | None] = {changes[first - 1].state if first else None}
        for change in changes[first:]:
            if change.before >= ended:
                break
            found.add(change.state)
        return found

    def problems(self, walk: Walk) -> Iterator[str]:
        """Yield each promise that a walk does not keep."""
        yield from self._wrong_pages(walk)
        yield from self._wrong_order(walk)
        began, ended = walk.pages[0].began, walk.pages[-1].ended
        seen = [row["configHash"] for page in walk.pages for row in page.rows]
        for config_hash in self.of:
            states = self.possible(config_hash, began, ended)
            places = {self._place(walk.query, config_hash, state) for state in states}
            if len(places) > 1:
                continue
            [fixed] = places
            is_due = fixed is not None and (not walk.is_backward or walk.start is None or fixed < walk.start)
            if (times := seen.count(config_hash)) != is_due:
                yield f"{config_hash} is there {times} times and should be {int(is_due)} times: {states}"

    def _place(self, query: RunQuery, config_hash: str, state: State | None) -> tuple[Any, ...] | None:
        """Return where a run in a state stands in the list, None when it is not in it."""
        if state is None or (query.statuses and state.status not in query.statuses):
            return None
        low = -math.inf if query.min_profit is None else query.min_profit
        high = math.inf if query.max_profit is None else query.max_profit
        if query.has_range and (state.profit is None or not low <= state.profit <= high):
            return None
        return place_of(query, state.profit if query.by == "profit" else state.updated, config_hash)

    def _wrong_pages(self, walk: Walk) -> Iterator[str]:
        for number, page in enumerate(walk.pages):
            if len(page.rows) != walk.limit and not (page.is_last and len(page.rows) < walk.limit):
                yield f"page {number} of {len(walk.pages)} holds {len(page.rows)} runs"
            least, most = self._bounds(walk.query, page)
            if not page.is_stale and not least <= page.count <= most:
                yield f"page {number} counts {page.count} runs, of {least} to {most}"
            for row in page.rows:
                found = State(row["status"], row["profit"], row["lastUpdated"])
                states = self.possible(row["configHash"], page.began, page.ended)
                if found not in states:
                    yield f"page {number} shows {row['configHash']} as {found}, which was {states}"
                elif all(self._place(walk.query, row["configHash"], state) is None for state in states):
                    yield f"page {number} shows {row['configHash']}, which never matched: {states}"

    def _bounds(self, query: RunQuery, page: Page) -> tuple[int, int]:
        """Return how many runs have matched all the time while a page was read, and how many at any time."""
        least = most = 0
        for config_hash in self.of:
            states = self.possible(config_hash, page.began, page.ended)
            matches = [self._place(query, config_hash, state) is not None for state in states]
            least, most = least + all(matches), most + any(matches)
        return least, most

    def _wrong_order(self, walk: Walk) -> Iterator[str]:
        pages = reversed(walk.pages) if walk.is_backward else walk.pages
        rows = [row for page in pages for row in page.rows if not row["configHash"].startswith(self.foreign)]
        places = [place(walk.query, row) for row in rows]
        if any(first >= second for first, second in zip(places, places[1:], strict=False)):
            yield "the runs are not in order"
