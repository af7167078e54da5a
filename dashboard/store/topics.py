"""One session's events in this process: the window that the reader fills, and the listeners' places in it."""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import NamedTuple

from dashboard.errors import DashboardError, SessionNotFound, StoreUnavailable
from dashboard.store.event_entries import Event, EventId
from dashboard.store.events import Place, locate, read_after
from dashboard.store.keys import SessionKeys

#: Events a listener reads at once that fell behind the window.
BATCH = 1000
#: Seconds before a listener asks again a Redis that did not answer.
AWAY_S = 1.0
#: Listeners woken at a time: the threads of requests get their turn between two such groups.
GROUP, GROUP_PAUSE_S = 16, 0.001
#: Why a topic has ended, when its session is gone.
DELETED = "deleted"


class Gap(NamedTuple):
    """Told in place of events that a listener missed."""

    #: `trimmed` or `lost`, see `dashboard.store.events`.
    reason: str
    since: EventId
    #: Where the listener goes on, None when events follow.
    position: EventId | None


class StreamEnded(DashboardError):
    """Raised when a listener is to come again later: the process ends, or the stream cannot be read."""

    code = "stream_ended"
    status = 503


class Window(NamedTuple):
    """What the reader holds of a session: the events after `start`. Another epoch means that places must be checked."""

    epoch: int
    start: EventId
    events: tuple[Event, ...]


class Topic:
    """A session that somebody in this process listens to."""

    def __init__(self, keys: SessionKeys, place: Place) -> None:
        self.keys = keys
        self.window = Window(0, place.newest, ())
        self.settle(place)
        #: Why there will be nothing more: DELETED, or words.
        self.ended: str | None = None
        self.listeners = 0
        self.changed = threading.Condition()

    def add(self, events: Sequence[Event], size: int) -> None:
        """Put new events into the window; the oldest leave it."""
        kept = (*self.window.events, *events)
        start = self.window.start if len(kept) <= size else kept[-size - 1].id
        self.window = Window(self.window.epoch, start, kept[-size:])
        self.position, self.witness, self.is_anchored = events[-1].id, self.keys.events, True

    def settle(self, place: Place) -> None:
        """Read on from the newest event, whose being there shows later that nothing was missed in between."""
        self.position, self.witness, self.is_anchored = place.newest, place.witness, place.is_newest_kept

    def restart(self, place: Place) -> None:
        """Have every listener check its place: what the window held does not continue there."""
        self.window = Window(self.window.epoch + 1, place.newest, ())
        self.settle(place)

    def wake(self) -> None:
        """Wake every listener, a few at a time."""
        with self.changed:
            waiting = self.listeners
        while waiting > 0:
            with self.changed:
                self.changed.notify(GROUP)
            waiting -= GROUP
            if waiting > 0:
                time.sleep(GROUP_PAUSE_S)


class Subscription:
    """One listener's place in a session's events; for one thread."""

    def __init__(self, topic: Topic, position: EventId, leave: Callable[[Subscription], None]) -> None:
        self.topic = topic
        self.position = position
        self._leave = leave
        self._epoch = -1  # the first read checks the place, as every read after a restart of the window does

    def read(self, timeout_s: float) -> Sequence[Event | Gap]:
        """Return what came after the last event had, empty when nothing did within the time.

        Raises SessionNotFound when the session was deleted, StreamEnded.
        """
        topic, window = self.topic, self.topic.window
        if window.epoch != self._epoch or self.position < window.start:
            try:
                return self._catch_up(window)
            except StoreUnavailable:
                return self._wait(window, min(timeout_s, AWAY_S))
        first = bisect_right(window.events, self.position, key=itemgetter(0))
        if found := window.events[first:]:
            self.position = found[-1].id
            return found
        if topic.ended:
            raise SessionNotFound(topic.keys.sid) if topic.ended == DELETED else StreamEnded(topic.ended)
        return self._wait(window, timeout_s)

    def _wait(self, window: Window, timeout_s: float) -> Sequence[Event | Gap]:
        topic = self.topic
        with topic.changed:
            if topic.window is window and not topic.ended:
                topic.changed.wait(timeout_s)
        return ()

    def _catch_up(self, window: Window) -> Sequence[Event | Gap]:
        """Return what Redis has after the place, a gap before it if something was missed."""
        keys, since = self.topic.keys, self.position
        place = locate(keys, since)
        events = read_after(keys, place.position, BATCH)
        self._epoch = window.epoch
        if events:
            self.position = events[-1].id
        else:
            self.position = place.newest if place.missed else max(place.position, window.start)
        if not place.missed:
            return events
        return [Gap(place.missed, since, None if events else self.position), *events]

    def close(self) -> None:
        """Stop listening; again does nothing."""
        self._leave(self)
