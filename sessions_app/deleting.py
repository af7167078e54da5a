"""Deleting a session: it vanishes from every list at once, and what is left of it goes after, in small steps.

What was put aside goes first, and the records in the order of their times, which is about the order in which memory was
given to them. Where memory comes from glibc, as in the embedded server, holes of ever more sizes come about otherwise,
and it looks through thousands of them for every one it adds: 50 records in no order took it 50 ms, towards the end. So
a step also takes as many as it has time for.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import merge
from operator import itemgetter

from django.conf import settings

from dashboard.errors import SessionNotFound
from dashboard.store import keys as store_keys
from dashboard.store.client import client
from dashboard.store.dropped_tables import drop_builds, remove_dropped
from dashboard.store.keys import USUAL_STATUSES, SessionKeys
from dashboard.store.pace import Pace
from dashboard.store.scripts import script
from dashboard.store.session_list import own_list_keys
from dashboard.store.shared import chunked
from dashboard.store.trash import free
from dashboard.tolerant import from_bytes
from sessions_app.discovery import list_session
from sessions_app.records import SessionId

#: Runs whose keys one call of a script removes at most, at first, and at least; seconds beyond the quickest call that
#: have them made fewer; runs of which one command says which are next.
CHUNK, FIRST, LEAST, LONG_S, NEXT = 30, 10, 4, 0.004, 200
#: Members of the list of work looked for in one round trip: each may pass ten empty places for every member it finds.
SCANNED = 25
#: Keys a step of a walk looks at.
STEP = 250
#: How the names of sorted sets end that hold all runs by time: those of the usual statuses, and that of all others.
_BY_TIME = tuple(f":index:{name}updated".encode() for name in (*(f"status:{name}:" for name in USUAL_STATUSES), ""))


class Deletion:
    """One deletion of a session; `progress` is told how many runs have gone. May raise StoreUnavailable."""

    def __init__(self, sid: SessionId, progress: Callable[[int], None] | None) -> None:
        self.sid, self.keys, self._progress = sid, SessionKeys(str(sid)), progress
        self.removed, self._pace = 0, Pace(FIRST, least=LEAST, most=CHUNK, long_s=LONG_S)

    def run(self) -> int:
        """Delete it; return how many runs went. Raises SessionNotFound."""
        while (code := self._vanish()) < 0:
            if code == -1:
                raise SessionNotFound(self.sid)
            self._remove_listed()
        put_aside = self._put_aside()
        by_time = [name for name in put_aside if name.endswith(_BY_TIME)]
        free(put_aside.difference(by_time))
        remove_dropped(self.keys)
        self._remove_by_time(by_time)
        self._remove_listed()
        self._remove_strays()
        free(by_time)
        client().unlink(self.keys.index("deleting"))
        return self.removed

    def _vanish(self) -> int:
        """Take the session out of every list; return what the script `delete_session` says."""
        keys = self.keys
        derived = [keys.index(name) for name in ("rows", "unranked", "updated", "undated", "dirty")]
        code: int = script("delete_session")(
            [keys.bots, keys.index("deleting"), keys.index("stats"), keys.dropped_tables, *own_list_keys()],
            [str(self.sid), keys.prefix, self._aside(), keys.summary, keys.profit, keys.events, *derived],
        )
        if settings.REDIS_CLUSTER and code >= 0:
            list_session(str(self.sid))
        return code

    def _aside(self) -> str:
        """Return what the keys of the session may begin with that are put aside, another one each time."""
        return self.keys.old(secrets.token_hex(8)).prefix

    def _put_aside(self) -> set[bytes]:
        """Return what was put aside, sets of statuses nobody counted among it: one walk over the key space."""
        keys, aside = self.keys, self._aside()
        of_status = tuple(prefix.encode() for prefix in (keys.status_prefix, keys.index_status_prefix))
        put_aside, unnamed = set[bytes](), set[bytes]()
        for key in client().scan_iter(match=keys.pattern(keys.prefix), count=STEP):
            if key.startswith(keys.builds_prefix.encode()):
                put_aside.add(key)
            elif key.startswith(of_status):
                unnamed.add(key)
        for some in chunked(unnamed, CHUNK):
            # Not where the session was made again meanwhile.
            script("put_aside")([keys.bots], [keys.prefix, aside, *some])
        put_aside |= {aside.encode() + key.removeprefix(keys.prefix.encode()) for key in unnamed}
        # What a build has made is not used any more: it sees that its keys are gone.
        drop_builds(keys, put_aside)
        return put_aside

    def _remove_by_time(self, names: Iterable[bytes]) -> None:
        """Remove the runs that sorted sets name which were put aside, oldest first; what is left over is listed."""
        oldest = merge(*map(self._taken_out, names), key=itemgetter(1))
        for some in chunked(oldest, NEXT):
            self._remove([member for member, _ in some])

    def _taken_out(self, name: bytes) -> Iterator[tuple[bytes, float]]:
        """Yield the members of a sorted set and their scores, lowest first, and remove them from it."""
        is_sorted = client().type(name) == b"zset"
        while is_sorted and (found := client().zpopmin(name, NEXT)):
            yield from found

    def _remove_listed(self) -> None:
        """Remove the runs on the list of work."""
        name, cursor, members = self.keys.index("deleting"), 0, list[bytes]()
        while cursor or client().scard(name) > client().sismember(name, b""):
            # Not at random, as that takes ever longer in a set that empties.
            cursor, found = client().sscan(name, cursor, count=SCANNED)
            members += filter(None, found)
            if cursor == 0 or len(members) >= CHUNK:
                self._remove(members)
                members = []

    def _remove_strays(self) -> None:
        """Remove records that no index named."""
        for prefix in (self.keys.run_prefix, self.keys.trades_prefix):
            found = client().scan_iter(match=self.keys.pattern(prefix), count=STEP)
            members = (key[len(prefix.encode()) :] for key in found)
            for some in chunked((member for member in members if self._is_own(member)), CHUNK):
                self._remove(some, is_told=False)

    def _is_own(self, member: bytes) -> bool:
        """Tell whether a record is this session's: keys of a session whose id begins with this one begin alike."""
        owner = store_keys.session_of(self.keys.run(from_bytes(member)))
        return owner is None or owner[0] == str(self.sid)

    def _remove(self, members: Sequence[bytes], *, is_told: bool = True) -> None:
        names = [self.keys.bots, self.keys.index("deleting")]
        start = 0
        while start < len(members):
            some = members[start : start + self._pace.size]
            start += len(some)
            began = time.monotonic()
            removed: int = script("delete_runs")(names, [self.keys.run_prefix, self.keys.trades_prefix, *some])
            self._pace.took(time.monotonic() - began)
            self.removed += removed
            if is_told and removed and self._progress:
                self._progress(self.removed)
