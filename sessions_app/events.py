"""EventRegistry: the door to what changes in a session."""

from __future__ import annotations

from typing import Any

import msgspec

from dashboard.store import events
from dashboard.store.client import KeyTypeError
from dashboard.store.event_entries import START, EventId
from dashboard.store.hub import hub
from dashboard.store.keys import SessionKeys
from dashboard.store.topics import Subscription
from sessions_app.records import SessionId


class EventRegistry:
    """Reads and follows the events of sessions. Every method may raise StoreUnavailable."""

    def subscribe(self, sid: SessionId, since: EventId | None) -> Subscription:
        """Listen to what changes after an event, from now on without one; to be closed. Raises SessionNotFound."""
        return hub.subscribe(str(sid), since)

    def position(self, sid: SessionId) -> str:
        """Return the id of the newest event: who reads the session after this and listens from there misses nothing."""
        try:
            return str(events.newest_id(SessionKeys(str(sid))))
        except KeyTypeError:
            # Only following the session needs the key; the stream itself says what is wrong with it.
            return str(START)

    def newest(self, sid: SessionId, count: int) -> list[dict[str, Any]]:
        """Return the newest events, oldest first. Raises SessionNotFound."""
        keys = SessionKeys(str(sid))
        events.locate(keys, None)
        found = events.read_newest(keys, count)
        return [{"id": str(one.id), "event": one.name, "data": msgspec.Raw(one.data)} for one in found]
