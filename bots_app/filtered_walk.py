"""A list by lastUpdated under a profit range: no sorted set holds both, so one index is filtered by the other.

Few matches are fetched whole and sorted; many are met soon enough on a walk along the order. Of N runs with M matches a
walk meets a page of L after some L * N / M, so that a page costs the less of that and M: at most the root of L * N. No
single call touches more than STEP runs, and a position means the same as in any other list.
"""

from __future__ import annotations

from math import isqrt

import msgspec

from bots_app.query import RunQuery
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.store.pages import EDGE, RANKED, UNRANKED, PageReply, Position, read_page
from dashboard.store.shared import chunked

#: The most runs looked at by one call.
STEP = 1_000
#: Matches that are fetched with their count, so that nothing more is asked where there are no others.
FEW = 200
#: What a walk takes for a run it looks at, in what it takes to fetch one that matches (measured).
WALK_COST = 2
#: The fewest runs looked at by one call of a walk: fewer cost no less.
LEAST_STEP = 100
#: How much further a call of a walk looks than a page is to be expected, so that mostly no second one is needed.
RESERVE = 1.5
#: Attempts at a page whose runs are being changed while it is read; the last one is shown as it is.
ATTEMPTS = 10

Entry = tuple[bytes, str]


def read_filtered(keys: SessionKeys, query: RunQuery, *, position: Position, limit: int) -> PageReply | None:
    """Return a page, None when there is no such session. Raises NotBuilt. Cost: three round trips for few matches."""
    left = ATTEMPTS
    while True:
        reply = _read_once(keys, query, position=position, limit=limit)
        if reply is None or not reply.members:
            return reply
        rows, is_as_found = _rows(keys, query, reply)
        left -= 1
        if is_as_found or not left:
            return msgspec.structs.replace(reply, rows=rows)


def _rows(keys: SessionKeys, query: RunQuery, reply: PageReply) -> tuple[list[bytes | None], bool]:
    """Return the rows of a page, and whether each run still stands where it was found.

    One that was changed or deleted since would be shown with another's place, or with a value that does not match.
    """
    pipe = client().pipeline()
    pipe.hmget(keys.index("rows"), reply.members)
    pipe.hget(keys.index("stats"), "revision")
    pipe.zmscore(keys.profit, reply.members)
    for source in query.sources(keys):
        pipe.zmscore(source.ranked, reply.members)
        pipe.zmscore(source.unranked, reply.members)
    rows, revision, profits, *places = pipe.execute()
    if int(revision or 0) == reply.revision:
        return rows, True
    for index, (score, profit) in enumerate(zip(reply.scores, profits, strict=True)):
        found: set[float | None] = {scores[index] for scores in places[::2] if scores[index] is not None}
        found |= {None for scores in places[1::2] if scores[index] is not None}
        if found != {float(score) if score else None} or profit is None or not query.holds(profit):
            return rows, False
    return rows, True


def _read_once(keys: SessionKeys, query: RunQuery, *, position: Position, limit: int) -> PageReply | None:
    """Return a page without its rows."""
    matches = read_page(
        keys, query.sources(keys, by="profit"), position=Position(), limit=FEW, descending=True,
        least=query.min_profit, most=query.max_profit, with_rows=False,
    )  # fmt: skip
    if matches is None:
        return None
    members: list[bytes] | None = matches.members
    if matches.count > FEW:
        size, ranks = _survey(keys, query)
        is_walk = matches.count > most_fetched(size, limit)
        members = None if is_walk else _all_members(keys, query, ranks, matches.revision)
    if members is not None:
        entries = _sorted(keys, members, descending=query.descending)
        found, preceding, has_opposite, has_more = _cut(entries, position, limit, descending=query.descending)
    else:
        share = min(1.0, max(matches.count, 1) / max(size, 1))
        found = _collect(keys, query, position, limit + 1, share=share)
        has_more, found = len(found) > limit, found[:limit]
        preceding = 0 if not position.backward and position.at == EDGE else -1
        has_opposite = position.at != EDGE and bool(_collect(keys, query, _turned(position, found), 1, share=share))
        found = found[::-1] if position.backward else found
    has_previous, has_next = (has_more, has_opposite) if position.backward else (has_opposite, has_more)
    return PageReply(
        matches.revision, matches.count, preceding, has_previous, has_next, matches.stale,
        [member for member, _ in found], [score for _, score in found], [],
    )  # fmt: skip


def most_fetched(size: int, limit: int) -> int:
    """Return the number of matches up to which to fetch them all costs less than a walk along so many runs."""
    return max(STEP, isqrt(WALK_COST * (limit + 1) * size))


def _survey(keys: SessionKeys, query: RunQuery) -> tuple[int, list[range]]:
    """Return how many runs a walk along the whole order would meet, and the ranks of the matches in each source."""
    low = "-inf" if query.min_profit is None else repr(query.min_profit)
    high = "+inf" if query.max_profit is None else repr(query.max_profit)
    pipe = client().pipeline()
    for source in query.sources(keys, by="profit"):
        pipe.zcount(source.ranked, "-inf", high)
        pipe.zcount(source.ranked, low, high)
        pipe.zcard(source.ranked)
        pipe.zcard(source.unranked)
    found = pipe.execute()
    ranks = [range(end - count, end) for end, count in zip(found[::4], found[1::4], strict=True)]
    return sum(found[2::4]) + sum(found[3::4]), ranks


def _all_members(keys: SessionKeys, query: RunQuery, ranks: list[range], revision: int) -> list[bytes] | None:
    """Return every match, None when the session has changed since the revision: ranks then mean other runs."""
    members: list[bytes] = []
    for source, wanted in zip(query.sources(keys, by="profit"), ranks, strict=True):
        for chunk in chunked(wanted, STEP):
            pipe = client().pipeline()
            pipe.zrange(source.ranked, chunk[0], chunk[-1])
            pipe.hget(keys.index("stats"), "revision")
            found, now = pipe.execute()
            if int(now or 0) != revision:
                return None
            members += found
    return members


def _sorted(keys: SessionKeys, members: list[bytes], *, descending: bool) -> list[Entry]:
    """Return the runs in list order: by time, then those without one by configHash."""
    scores: list[float | None] = []
    for chunk in chunked(members, STEP):
        scores += client().zmscore(keys.index("updated"), chunk)
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


def _collect(keys: SessionKeys, query: RunQuery, position: Position, want: int, *, share: float) -> list[Entry]:
    """Return the next matches from a position on, in walking order; `share` of the runs are matches."""
    found: list[Entry] = []
    while len(found) < want:
        step = min(max(int((want - len(found)) / share * RESERVE), LEAST_STEP), STEP)
        page = read_page(
            keys, query.sources(keys), position=position, limit=step, descending=query.descending, with_rows=False
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
