"""Finding a run by its hash, in whatever session it is."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.store.shared import chunked
from sessions_app.discovery import listed_session_ids
from sessions_app.records import SessionId

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
    names = listed_session_ids()
    asked, found = names[-MOST_SESSIONS:][::-1], []
    for chunk in chunked(asked, CHUNK):
        pipe = client().pipeline()
        for name in chunk:
            pipe.sismember(SessionKeys(name).bots, config_hash)
        # A key of another type answers an error of its own, which is no hit.
        answers = pipe.execute(raise_on_error=False)
        found += [SessionId.parse(name) for name, answer in zip(chunk, answers, strict=True) if answer == 1]
    return RunHits(found, len(asked), len(names))
