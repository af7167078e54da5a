"""Server-sent events: how a session's events travel, who may have how many streams, and for how long.

A stream has a thread of the worker for itself, which waits for the hub's reader; see `dashboard/store/hub.py`.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Self

import msgspec
from django.conf import settings
from django.db import connections
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.api.renderers import BrowsableRenderer, JSONRenderer
from dashboard.api.views import ApiMixin
from dashboard.errors import DashboardError, InvalidParameter, SessionNotFound, Unavailable
from dashboard.store.event_entries import Event, EventId
from dashboard.store.events import TRIMMED
from dashboard.store.topics import Gap, Subscription

#: Seconds after which a stream ends, so that rights are looked at again; its client comes back by itself.
LIFE_S = 600
#: Seconds without anything to say after which a comment is sent, so that nothing on the way takes the stream for dead.
KEEP_ALIVE_S = 15
#: Seconds between two looks at whether the client is still there.
PROBE_S = 5
#: Milliseconds after which a client comes back when a stream has ended.
RETRY_MS = 3000

HEADER = "Last-Event-ID"
MEDIA_TYPE = "text/event-stream"
HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}
MISSED = {
    TRIMMED: "Events after {since} are no longer kept; what came before the next event has to be read again.",
}
LOST = "Events after {since} were lost with the store, or the session was made anew; it has to be read again."


class EventStreamRenderer(JSONRenderer):
    """Stands for the stream when a client says what it takes; errors are JSON."""

    media_type = MEDIA_TYPE


class Slots:
    """Counts the streams that are open in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users: Counter[Any] = Counter()

    def take(self, user: Any) -> None:
        """Count a stream. Raises Throttled, Unavailable."""
        with self._lock:
            if self._users.total() >= settings.STREAMS:
                raise Unavailable(f"All {settings.STREAMS} event streams of this server are taken; try again.")
            if self._users[user] >= settings.USER_STREAMS:
                raise Throttled(PROBE_S, f"You have {settings.USER_STREAMS} event streams open, the limit; close some.")
            self._users[user] += 1

    def give_back(self, user: Any) -> None:
        """Count a stream no longer."""
        with self._lock:
            self._users[user] -= 1
            if not self._users[user]:
                del self._users[user]


slots = Slots()


class EventStream:
    """The body of an answer: what a subscription brings, as text; closed by the server whatever happens."""

    def __init__(self, subscription: Subscription, user: Any, life_s: float) -> None:
        self.subscription = subscription
        self.user = user
        self.ends_at = time.monotonic() + life_s
        self.sent_at = 0.0
        self.is_over = self.is_closed = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        """Return what there is to send; nothing, now and then, which shows the server whether the client is there."""
        if not self.sent_at:
            # The thread belongs to this stream from now on: it has no more to ask the database.
            connections.close_all()
            return self._sent(f"retry: {RETRY_MS}\nid: {self.subscription.position}\n\n".encode())
        if self.is_over or time.monotonic() >= self.ends_at:
            raise StopIteration
        try:
            found = self.subscription.read(random.uniform(0.5, 1) * PROBE_S)
        except SessionNotFound:
            self.is_over = True
            return self._sent(DELETED)
        except DashboardError:
            raise StopIteration from None
        if found:
            return self._sent(b"".join(map(message, found)))
        if time.monotonic() >= self.sent_at + KEEP_ALIVE_S:
            return self._sent(b": still here\n\n")
        return b""

    def _sent(self, text: bytes) -> bytes:
        self.sent_at = time.monotonic()
        return text

    def close(self) -> None:
        """Give back what the stream holds."""
        if not self.is_closed:
            self.is_closed = True
            self.subscription.close()
            slots.give_back(self.user)


@lru_cache(4096)
def message(found: Event | Gap) -> bytes:
    """Return the text of an event; the same for all who listen to its session."""
    if isinstance(found, Event):
        return b"id: %b\nevent: %b\ndata: %b\n\n" % (str(found.id).encode(), found.name.encode(), found.data)
    detail = MISSED.get(found.reason, LOST).format(since=found.since)
    data = msgspec.json.encode({"reason": found.reason, "since": str(found.since), "detail": detail})
    place = b"id: %b\n" % str(found.position).encode() if found.position else b""
    return b"%bevent: gap\ndata: %b\n\n" % (place, data)


#: The last thing said of a session: a run that is deleted has a configHash.
DELETED = b'event: deleted\ndata: {"configHash":null,"status":null,"profit":null,"revision":null}\n\n'


def last_event_id(request: Request) -> EventId | None:
    """Return the id of the last event that the client had, None when it names none. Raises InvalidParameter."""
    text = request.META.get("HTTP_LAST_EVENT_ID", "").strip()
    if not text:
        return None
    try:
        return EventId.parse(text)
    except ValueError:
        raise InvalidParameter(
            HEADER, "Not the id of an event. Accepted is what a stream sent as id, such as 1700000000000-0."
        ) from None


class EventStreamResponse(StreamingHttpResponse):
    """A stream that lasts for minutes; see `dashboard/worker.py`."""

    is_endless = True


class StreamMixin(ApiMixin):
    """What a view needs to answer a stream; put it before the class of the view."""

    renderer_classes = [EventStreamRenderer, BrowsableRenderer]

    def finalize_response(self, request: Request, response: HttpResponseBase, *args: Any, **kwargs: Any) -> Any:
        """Say of errors that they are JSON, also to who takes the stream alone."""
        response = super().finalize_response(request, response, *args, **kwargs)
        if isinstance(response, Response) and isinstance(response.accepted_renderer, EventStreamRenderer):
            response.content_type = JSONRenderer.media_type
        return response

    def stream(self, subscribe: Callable[[EventId | None], Subscription]) -> HttpResponseBase:
        """Return the stream of a subscription, which is made once there is room for it."""
        user, since = self.request.user.pk, last_event_id(self.request)
        slots.take(user)
        try:
            stream = EventStream(subscribe(since), user, life_of(self.request))
        except BaseException:
            slots.give_back(user)
            raise
        if self.request.method == "HEAD":
            stream.close()
            return HttpResponse(content_type=MEDIA_TYPE, headers=HEADERS)
        return EventStreamResponse(stream, content_type=MEDIA_TYPE, headers=HEADERS)


def life_of(request: Request) -> float:
    """Return for how many seconds a stream may last: not beyond its token, and not all as long."""
    life = LIFE_S * random.uniform(0.9, 1)
    expires = request.auth.get("exp") if request.auth is not None else None
    return life if expires is None else min(life, max(0, expires - time.time()))
