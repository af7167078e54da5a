"""A list by lastUpdated under a profit range: no sorted set holds both, so one index is filtered by the other.

Few matches are fetched whole and sorted; many are met soon enough on a walk along the order, a bounded step at a time.
Either way no single call touches more than STEP runs, and a position means the same as in any other list.
"""

from __future__ import annotations

from bots_app.query import RunQuery
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.store.pages import EDGE, RANKED, UNRANKED, PageReply, Position, read_page

#: Runs looked at by one step of a walk, and matches up to which they are fetched whole.
STEP = 1_000

Entry = tuple[bytes, str]


def read_filtered(keys: SessionKeys, query: RunQuery, *, position: Position, limit: int) -> PageReply | None:
    """Return a page, None when there is no such session. Raises NotBuilt."""
    matches = read_page(
        keys, query.sources(keys, by="profit"), position=Position(), limit=STEP, descending=True,
        least=query.min_profit, most=query.max_profit, with_rows=False,
    )  # fmt: skip
    if matches is None:
        return None
    if matches.count <= STEP:
        entries = _sorted(keys, matches.members, descending=query.descending)
        found, preceding, has_opposite, has_more = _cut(entries, position, limit, descending=query.descending)
    else:
        found = _collect(keys, query, position, limit + 1)
        has_more, found = len(found) > limit, found[:limit]
        preceding = 0 if not position.backward and position.at == EDGE else -1
        has_opposite = position.at != EDGE and bool(_collect(keys, query, _turned(position, found), 1))
        found = found[::-1] if position.backward else found
    has_previous, has_next = (has_more, has_opposite) if position.backward else (has_opposite, has_more)
    members = [member for member, _ in found]
    rows = client().hmget(keys.index("rows"), members) if members else []
    return PageReply(
        matches.revision, matches.count, preceding, has_previous, has_next, matches.stale, members,
        [score for _, score in found], rows,
    )  # fmt: skip


def _sorted(keys: SessionKeys, members: list[bytes], *, descending: bool) -> list[Entry]:
    """Return the runs in list order: by time, then those without one by configHash."""
    scores = client().zmscore(keys.index("updated"), members) if members else []
    dated = [(score, member) for member, score in zip(members, scores, strict=True) if score is not None]
    undated = sorted(member for member, score in zip(members, scores, strict=True) if score is None)
    entries = [(member, repr(score)) for score, member in sorted(dated, reverse=descending)]
    return entries + [(member, "") for member in undated]


def _cut(
    entries: list[Entry], position: Position, limit: int, *, descending: bool
) -> tuple[list[Entry], int, bool, bool]:
    """Return the page at a position, how many runs stand before it, and whether any are against and along its way."""
    if position.at == EDGE:
        before = passed = len(entries) if position.backward else 0
    else:
        places = [_compare(entry, position, descending=descending) for entry in entries]
        before, passed = sum(place < 0 for place in places), sum(place <= 0 for place in places)
    if position.backward:
        found = entries[max(0, before - limit) : before]
        return found, before - len(found), before < len(entries), before > len(found)
    found = entries[passed : passed + limit]
    return found, passed, passed > 0, passed + len(found) < len(entries)


def _compare(entry: Entry, position: Position, *, descending: bool) -> int:
    """Return -1, 0 or 1: the entry stands before, at or behind the position in list order."""
    member, score = entry
    is_ranked = position.at == RANKED
    if bool(score) != is_ranked:
        return -1 if score else 1
    own = (float(score or 0), member)
    other = (float(position.score or 0), position.member)
    order = (own > other) - (own < other)
    return -order if descending and is_ranked else order


def _collect(keys: SessionKeys, query: RunQuery, position: Position, want: int) -> list[Entry]:
    """Return the next matches from a position on, in walking order."""
    found: list[Entry] = []
    while len(found) < want:
        page = read_page(
            keys, query.sources(keys), position=position, limit=STEP, descending=query.descending, with_rows=False
        )
        if page is None or not page.members:
            break
        profits = client().zmscore(keys.profit, page.members)
        matching = [
            (member, score)
            for member, score, profit in zip(page.members, page.scores, profits, strict=True)
            if profit is not None and query.holds(profit)
        ]
        found += matching[::-1] if position.backward else matching
        following = page.previous() if position.backward else page.next()
        if following is None:
            break
        position = following
    return found[:want]


def _turned(position: Position, found: list[Entry]) -> Position:
    """Return where the runs against the direction of a page begin: before the first one met, or at the edge."""
    if not found:
        return Position(backward=not position.backward)
    member, score = found[0]
    return Position(RANKED if score else UNRANKED, score, member, not position.backward)
