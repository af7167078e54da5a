"""Reading a large session that another program wrote, while its derived keys are still being built: right, and slower.

Only the fixed keys are read, in steps that never hold Redis for long: the members, the scores, the status sets asked
for. What only the records tell (the order by lastUpdated) has to wait for the indexes.
"""

from __future__ import annotations

from math import ceil

from bots_app.query import RunQuery
from dashboard.errors import IndexBuilding
from dashboard.store.client import KeyTypeError, client
from dashboard.store.keys import SessionKeys
from dashboard.store.lease import current_builder
from dashboard.store.pages import EDGE, RANKED, PageReply, Position

#: Members or scores fetched in one step.
STEP = 1_000
#: Seconds after which a client may ask again for what only the indexes can answer: where it is not known how long they
#: take, at least and at most.
ASK_AGAIN_S, SOONEST_S, LATEST_S = 5, 1, 30


def wait_for_index(sid: object, what: str) -> IndexBuilding:
    """Return the error that says that an answer has to wait, how far the indexes are, and when to ask again."""
    try:
        facts = current_builder(SessionKeys(str(sid)).index("builder"))
    except KeyTypeError:
        facts = None
    share, left_s = (facts.share(), facts.left_s()) if facts else (0.0, None)
    again_s = ASK_AGAIN_S if left_s is None else max(SOONEST_S, min(LATEST_S, ceil(left_s)))
    so_far = f", {share:.0%} so far" if share else ""
    return IndexBuilding(
        f"The indexes of this session are being built{so_far}; {what} has to wait for them.",
        retry_after_s=again_s, share=share,
    )  # fmt: skip


def read_unindexed(keys: SessionKeys, query: RunQuery, *, position: Position, limit: int) -> PageReply:
    """Return a page from the fixed keys alone, its rows left open. Raises IndexBuilding.

    Cost: the whole session, in steps.
    """
    if query.by != "profit":
        raise wait_for_index(keys.sid, "this order")
    ranked, unranked = _split(keys, query)
    ranked.sort(reverse=query.descending)
    unranked.sort()
    entries = [(member, repr(score)) for score, member in ranked] + [(member, "") for member in unranked]
    before, passed = _places(entries, len(ranked), position, descending=query.descending)
    first = max(0, before - limit) if position.backward else passed
    last = before if position.backward else min(passed + limit, len(entries))
    found = entries[first:last]
    return PageReply(
        0, len(entries), first, first > 0, last < len(entries), True, [member for member, _ in found],
        [score for _, score in found], [None] * len(found),
    )  # fmt: skip


def _split(keys: SessionKeys, query: RunQuery) -> tuple[list[tuple[float, bytes]], list[bytes]]:
    """Return the matching runs with a profit, as (profit, hash), and those without."""
    wanted: set[bytes] = set()
    for name in map(keys.status, query.statuses) if query.statuses else [keys.bots]:
        wanted.update(client().sscan_iter(name, count=STEP))
    for name in map(keys.status, query.excluded):
        wanted.difference_update(client().sscan_iter(name, count=STEP))
    ranked: list[tuple[float, bytes]] = []
    seen: set[bytes] = set()
    for start in range(0, client().zcard(keys.profit), STEP):
        for member, score in client().zrange(keys.profit, start, start + STEP - 1, withscores=True):
            # A score may move while we read: the first sight of a run counts.
            if member not in wanted or member in seen:
                continue
            seen.add(member)
            if query.min_profit is not None and score < query.min_profit:
                continue
            if query.max_profit is None or score <= query.max_profit:
                ranked.append((score, member))
    return ranked, [] if query.has_range else list(wanted - seen)


def _places(entries: list[tuple[bytes, str]], count: int, position: Position, *, descending: bool) -> tuple[int, int]:
    """Return how many entries stand strictly before the position, and how many before or at it, in list order."""
    if position.at == EDGE:
        return (len(entries), len(entries)) if position.backward else (0, 0)
    if position.at == RANKED:
        other = (float(position.score), position.member)
        own = [(float(score), member) for member, score in entries[:count]]
        behind = sum(pair < other for pair in own) if not descending else sum(pair > other for pair in own)
        return behind, behind + (other in own)
    members = [member for member, _ in entries[count:]]
    behind = count + sum(member < position.member for member in members)
    return behind, behind + (position.member in members)
