"""A process's copy of the list of sessions, brought up to date on every request by asking what changed since the last.

An answer is never older than the request for whatever our scripts wrote, in any process. One round trip when nothing
changed, one or two more for each 500 sessions that did; a process that starts reads all. 10,000 sessions take about
20 MB of each process.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, field

from dashboard.errors import StoreUnavailable
from dashboard.store.session_list import Changes, read_changes
from dashboard.store.shared import chunked
from sessions_app.discovery import check_in_background, discover, discover_in_background
from sessions_app.query import SessionQuery
from sessions_app.session_index import SessionIndex
from sessions_app.session_order import SessionsFound
from sessions_app.summaries import read_summaries

#: Changes read in one step.
CHUNK = 500
#: Seconds that a request may take to catch up. What it read until then is kept for the next.
CATCH_UP_S = 10.0


@dataclass
class _Copy:
    """The list up to some change; `data_set` is which list it is a copy of."""

    data_set: bytes = b""
    since: float = -math.inf
    gone_since: float = -math.inf
    index: SessionIndex = field(default_factory=SessionIndex)

    def fits(self, changes: Changes) -> bool:
        """Tell whether the changes go on from where the copy ends."""
        return (
            changes.data_set == self.data_set
            and self.gone_since >= changes.forgotten
            and self.gone_since <= changes.number
        )


class SessionCatalogue:
    """The copy, and the turns that threads take at it."""

    def __init__(self) -> None:
        #: Held while asking Redis; what one thread learns serves all that waited for it.
        self._turn = threading.Lock()
        #: Held while the copy is read or changed, never while waiting for Redis.
        self._reading = threading.Lock()
        self._copy = _Copy()
        #: A copy that is still being read, to take the place of one of another data set.
        self._next: _Copy | None = None
        self._fresh_at = self._failed_at = -math.inf

    def find(self, query: SessionQuery, *, with_counts: bool = False) -> SessionsFound:
        """Return the sessions that match now. Raises StoreUnavailable."""
        self._refresh()
        with self._reading:
            return self._copy.index.find(query, with_counts=with_counts)

    def _refresh(self) -> None:
        asked_at = time.monotonic()
        with self._turn:
            if self._fresh_at >= asked_at:
                return
            if self._failed_at >= asked_at:
                # Waiting for the same answer again would double the time it takes to say no.
                raise StoreUnavailable()
            begun_at = time.monotonic()
            try:
                self._catch_up()
            except StoreUnavailable:
                self._failed_at = time.monotonic()
                raise
            self._fresh_at = begun_at

    def _catch_up(self) -> None:
        copy = self._next or self._copy
        deadline = time.monotonic() + CATCH_UP_S
        found: set[str] | None = None
        while True:
            changes = read_changes(copy.since, gone_since=copy.gone_since, limit=CHUNK)
            if not changes.is_searched and found is None:
                found = discover()
                deadline = time.monotonic() + CATCH_UP_S
            elif not changes.is_searched:
                copy = _unlisted(found or set())
                break
            elif not copy.fits(changes):
                copy = self._next = _Copy(changes.data_set, gone_since=changes.number)
            elif self._take(copy, changes):
                break
            if time.monotonic() > deadline:
                raise StoreUnavailable()
        with self._reading:
            self._copy, self._next = copy, None
        if not changes.is_discovered:
            discover_in_background()
        elif not changes.is_checked:
            check_in_background(len(copy.index.entries))

    def _take(self, copy: _Copy, changes: Changes) -> bool:
        """Apply the changes to the copy; tell whether these were the last."""
        found = read_summaries(sid for sid, _ in changes.changed) if changes.changed else []
        with self._reading:
            copy.index.apply([(sid, None) for sid in changes.gone] + [(one.sid, one.summary) for one in found])
            copy.gone_since = changes.number
            if changes.changed:
                copy.since = changes.changed[-1][1]
        return len(changes.changed) < CHUNK


def _unlisted(names: set[str]) -> _Copy:
    """Return a copy of a list that could not be written, for one answer: no data set goes on from it."""
    copy = _Copy()
    for chunk in chunked(names, CHUNK):
        copy.index.apply((one.sid, one.summary) for one in read_summaries(chunk))
    return copy
