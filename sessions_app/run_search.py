"""Finding a run by its hash, in whatever session it is."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.store.answers import answers
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.store.shared import chunked
from sessions_app.query import SessionQuery
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry

#: Sessions that one search looks into, and those asked in one round trip.
MOST_SESSIONS, CHUNK = 10_000, 500


@dataclass(frozen=True)
class RunHits:
    """The sessions that hold a run of that hash, latest first; of `total` sessions the latest `searched` were asked."""

    sids: list[SessionId]
    searched: int
    total: int

    @property
    def is_cut(self) -> bool:
        """Tell whether there are sessions that were not asked."""
        return self.searched < self.total


def sessions_with_run(config_hash: str) -> RunHits:
    """Return the sessions that hold a run with exactly this hash.

    Cost: one set lookup a session, in a round trip for each 500, and at most 10,000 sessions.
    """
    sessions = SessionRegistry().find(SessionQuery(ordering="-lastUpdate"))
    asked, found = sessions[:MOST_SESSIONS], []
    for chunk in chunked(asked, CHUNK):
        pipe = client().pipeline()
        for one in chunk:
            pipe.sismember(SessionKeys(one.sid).bots, config_hash)
        found += [one.summary.sid for one, is_there in zip(chunk, answers(pipe), strict=True) if is_there]
    return RunHits(found, len(asked), len(sessions))
