"""The list of sessions as its view asks for it: cut into pages by cursors, its rows ready to send."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from dashboard.api.filters import RepositoryQuery
from dashboard.api.renderers import encode
from dashboard.errors import CursorInvalid
from dashboard.store import cursor as cursors
from dashboard.structs import ready
from sessions_app.query import SessionQuery
from sessions_app.registry import SessionRegistry
from sessions_app.session_order import SessionEntry


@dataclass(frozen=True)
class SessionPage:
    """A page of the list, and cursors to its neighbours."""

    sessions: list[SessionEntry]
    next_cursor: str | None
    previous_cursor: str | None

    def body(self) -> bytes:
        """Return the JSON array."""
        return b"[" + b",".join([one.body for one in self.sessions]) + b"]"


@ready
class Position(msgspec.Struct, array_like=True, frozen=True):
    """Where a session stands: its value (None when missing) as (kind, value), its sid; and which way a cursor reads."""

    value: tuple[int, Any] | None
    sid: str
    is_back: bool = False


@dataclass(frozen=True)
class SessionListing(RepositoryQuery):
    """What a reader of the list asked for."""

    registry: SessionRegistry
    query: SessionQuery = SessionQuery()

    def narrowed(self, values: Mapping[str, Any]) -> SessionListing:
        """Return the listing under the validated parameters."""
        query = SessionQuery(
            values["symbol"] or None, values["timeframe"] or None, values["active"],
            (values["search"],) if values["search"] else (), values["ordering"],
        )  # fmt: skip
        return replace(self, query=query)

    def page(self, *, cursor: str | None, limit: int) -> SessionPage:
        """Return a page. Raises CursorInvalid."""
        start = self._position(cursor) if cursor else None
        found = self.registry.find(self.query)
        first, last = 0, limit
        if start is not None:
            # The session of the cursor itself is on the other side of the cut, or may be gone.
            before, passed = found.place(start.value, start.sid)
            first, last = (max(0, before - limit), before) if start.is_back else (passed, passed + limit)
        shown = found[first:last]
        return SessionPage(
            shown,
            self._cursor(shown[-1], is_back=False) if shown and last < len(found) else None,
            self._cursor(shown[0], is_back=True) if shown and first > 0 else None,
        )

    @property
    def _scope(self) -> str:
        """Return the list, its filters and its order as one text, which a cursor is bound to."""
        query = self.query
        return encode(["sessions", query.symbol, query.timeframe, query.active, query.words, query.ordering]).decode()

    def _cursor(self, entry: SessionEntry, *, is_back: bool) -> str:
        return cursors.encode([entry.value(self.query.by), entry.sid, is_back], scope=self._scope)

    def _position(self, cursor: str) -> Position:
        try:
            return msgspec.convert(cursors.decode(cursor, scope=self._scope), Position)
        except msgspec.ValidationError:
            raise CursorInvalid("not a cursor of this list") from None
