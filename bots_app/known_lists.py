"""What is known of a list before anything is read: its name for cursors, its way, and the call for its pages."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from django.conf import settings

from bots_app.planner import plan_of
from bots_app.query import RunQuery
from dashboard.store.keys import SessionKeys
from dashboard.store.pages import RankedList
from sessions_app.records import SessionId


class KnownList(NamedTuple):
    """The list of a query in a session."""

    sid: SessionId
    query: RunQuery
    keys: SessionKeys
    #: Name of the list, which its cursors are bound to.
    scope: str
    #: What its pages are read from; None if that is the sweep table, or depends on the statuses that there are.
    ranked: RankedList | None
    is_of_table: bool


def known_list(sid: SessionId, query: RunQuery) -> KnownList:
    """Return what is known of a list."""
    # By its text: ids that compare equal may be written differently, and have other keys.
    return _known_list(sid.text or str(sid), query, settings.REDIS_CLUSTER)


@lru_cache(1024)
def _known_list(sid: str, query: RunQuery, is_cluster: bool) -> KnownList:
    keys, is_of_table, ranked = SessionKeys(sid), plan_of(query).is_table, None
    if not is_of_table and not query.excluded:
        ranked = RankedList(
            keys, query.sources(keys), descending=query.descending, least=query.min_profit, most=query.max_profit
        )
    return KnownList(SessionId.parse(sid), query, keys, query.scope(sid), ranked, is_of_table)
