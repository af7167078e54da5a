"""The records that their session's set of runs does not name, of all sessions, found by one walk over the key space.

For commands over many sessions: each of these would have to walk over all keys for itself. What is written after the
walk is heard of by tracking; where that cannot be, or is too much, each session is searched by itself after all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from dashboard.store import keys as store_keys
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.store.shared import chunked
from dashboard.store.tracking import Tracker, TrackingRefused
from dashboard.tolerant import from_bytes
from sessions_app.records import SessionId

#: Keys a step of the walk looks at.
STEP = 250
#: Records that are kept in mind at most, some 0.2 kB each.
MOST = 250_000


class Strays:
    """Knows, from when it is made, which records of a session have to be looked for beside its set of runs.

    Raises StoreUnavailable. To be closed, as it holds connections.
    """

    def __init__(self) -> None:
        self._found: defaultdict[str, set[str]] = defaultdict(set)
        self._left: set[str] = set()
        self._tracker: Tracker | None = None
        try:
            self._tracker = Tracker(store_keys.RECORDS.removesuffix("*"))
        except TrackingRefused:
            return
        for keys in chunked(client().scan_iter(match=store_keys.RECORDS, count=STEP), STEP):
            self._add_unnamed(_pairs(map(from_bytes, keys)))
        for key in client().scan_iter(match="session:*:next:*", count=STEP):
            self._left |= set(store_keys.builds_of(from_bytes(key)))

    def of(self, sid: SessionId) -> list[str] | None:
        """Return the hashes of a session, None where it has to be searched by itself."""
        if self._tracker is None:
            return None
        for owner, config_hash in _pairs(self._tracker.heard_all()):
            self._found[owner].add(config_hash)
        if not self._tracker.is_whole or sum(map(len, self._found.values())) > MOST:
            self.close()
            return None
        return list(self._found.get(str(sid), ()))

    def has_leftovers(self, sid: SessionId) -> bool:
        """Tell whether a build that was killed may have left keys of a session."""
        return self._tracker is None or str(sid) in self._left

    def _add_unnamed(self, pairs: list[tuple[str, str]]) -> None:
        by_session: defaultdict[str, list[str]] = defaultdict(list)
        for sid, config_hash in pairs:
            by_session[sid].append(config_hash)
        pipe = client().pipeline()
        for sid, hashes in by_session.items():
            pipe.smismember(SessionKeys(sid).bots, hashes)
        for (sid, hashes), answer in zip(by_session.items(), pipe.answers() if by_session else (), strict=True):
            is_member = [0] * len(hashes) if isinstance(answer, Exception) else answer
            self._found[sid].update(name for name, known in zip(hashes, is_member, strict=True) if not known)

    def __enter__(self) -> Strays:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Hear of nothing more."""
        if self._tracker is not None:
            self._tracker.close()
            self._tracker = None


def _pairs(keys: Iterable[str]) -> list[tuple[str, str]]:
    found = (store_keys.session_of(key) for key in keys)
    return [(one[0], one[1]) for one in found if one is not None and one[1] is not None]
