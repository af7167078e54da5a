"""Event streams of many listeners in one process: one thread reads for all, each listener keeps its own place.

The reader puts what it finds into a short window of each session that somebody listens to, and wakes those listeners.
A listener holds nothing but the id of the last event it had: it takes what follows from the window, or from Redis when
it fell behind the window. So every event reaches every listener once and in order, and nobody's slowness costs memory.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence

from dashboard.errors import SessionNotFound, StoreUnavailable
from dashboard.store.client import KeyTypeError
from dashboard.store.event_entries import EventId
from dashboard.store.events import is_all_there, is_kept, locate, wait_for_events
from dashboard.store.keys import SessionKeys
from dashboard.store.topics import AWAY_S, DELETED, StreamEnded, Subscription, Topic

#: Milliseconds the reader waits in Redis; after that at the latest it also reads what somebody has begun to listen to.
BLOCK_MS = 200
#: Seconds between two looks at whether sessions listened to have been deleted.
CHECK_S = 1.0
#: Events kept in all windows together, about half a kilobyte each, and the most and least in one.
ALL_WINDOWS, LARGEST, SMALLEST = 40_000, 4000, 64
#: Events of all sessions together that are read before they are told.
MOST_READ = 40_000
#: Seconds for which the reader lets events gather after some were read: a share for each listener, up to a limit.
GATHER_S, GATHER_EACH_S, GATHER_MOST_S = 0.02, 0.001, 0.5

STOPPING = "The server is stopping."

log = logging.getLogger(__name__)


class EventHub:
    """The sessions listened to, and the thread that reads their events; it starts with the first listener."""

    def __init__(self) -> None:
        self._topics: dict[str, Topic] = {}
        self._lock = threading.Condition()
        self._open: set[Subscription] = set()
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

    def subscribe(self, sid: str, since: EventId | None) -> Subscription:
        """Listen to a session's events after one of them, or from now on.

        Raises SessionNotFound, StoreUnavailable, StreamEnded.
        """
        keys = SessionKeys(sid)
        place = locate(keys, since)
        with self._lock:
            if self._closed.is_set():
                raise StreamEnded(STOPPING)
            topic = self._topics.setdefault(keys.events, Topic(keys, place))
            subscription = Subscription(topic, place.position if since is None else since, self.leave)
            self._open.add(subscription)
            topic.listeners += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="events-reader", daemon=True)
                self._thread.start()
            self._lock.notify()
        return subscription

    def leave(self, subscription: Subscription) -> None:
        """Forget a listener, and its session with the last one."""
        topic = subscription.topic
        with self._lock:
            if subscription not in self._open:
                return
            self._open.discard(subscription)
            topic.listeners -= 1
            if not topic.listeners and self._topics.get(topic.keys.events) is topic:
                del self._topics[topic.keys.events]

    def close(self) -> None:
        """End every stream, for good: the process is about to end."""
        self._closed.set()
        with self._lock:
            topics = list(self._topics.values())
            self._lock.notify()
        for topic in topics:
            self._end(topic, STOPPING)

    def _run(self) -> None:
        next_check, is_thorough = 0.0, False
        while not self._closed.is_set():
            with self._lock:
                while not self._topics and not self._closed.is_set():
                    self._lock.wait()
                topics = list(self._topics.values())
            if not topics:
                continue  # closed while nobody listened
            try:
                if is_thorough or time.monotonic() >= next_check:
                    self._check(topics, is_thorough=is_thorough)
                    next_check, is_thorough = time.monotonic() + CHECK_S, False
                self._read([topic for topic in topics if not topic.ended])
            except (KeyTypeError, SessionNotFound):
                is_thorough = True  # one session fails the reading of all: the check finds which
            except StoreUnavailable:
                # Listeners stay: they go on from their places once Redis is back, if it still has them.
                is_thorough = True
                self._closed.wait(AWAY_S)
            except Exception:
                # The one thread behind every open stream: whatever went wrong is logged, and it goes on.
                log.exception("events could not be read")
                is_thorough = True
                self._closed.wait(AWAY_S)

    def _read(self, topics: Sequence[Topic]) -> None:
        """Read what is new in any of the sessions, waiting for it a little."""
        by_name = {topic.keys.events: topic for topic in topics}
        if not by_name:
            return
        positions = {name: topic.position for name, topic in by_name.items()}
        found = wait_for_events(positions, most=MOST_READ, block_ms=BLOCK_MS)
        size = max(SMALLEST, min(LARGEST, ALL_WINDOWS // len(by_name)))
        listeners = 0
        for name, events in found.items():
            topic = by_name[name]
            if topic.is_anchored and not is_kept(topic.keys, topic.position):
                topic.restart(locate(topic.keys, None))
            else:
                topic.add(events, size)
            topic.wake()
            listeners += topic.listeners
        if found:
            self._closed.wait(min(GATHER_MOST_S, GATHER_S + GATHER_EACH_S * listeners))

    def _check(self, topics: Sequence[Topic], *, is_thorough: bool) -> None:
        """Find the sessions that were deleted, and the streams that were lost."""
        if not is_thorough and is_all_there(topic.witness for topic in topics):
            return
        for topic in topics:
            try:
                place = locate(topic.keys, topic.position)
            except SessionNotFound:
                self._end(topic, DELETED)
            except KeyTypeError as error:
                self._end(topic, str(error))
            else:
                topic.witness = place.witness
                if place.missed:
                    topic.restart(place)
                    topic.wake()

    def _end(self, topic: Topic, reason: str) -> None:
        with self._lock:
            topic.ended = reason
            if self._topics.get(topic.keys.events) is topic:
                del self._topics[topic.keys.events]
        topic.wake()


#: This process's hub.
hub = EventHub()
