"""The list of sessions: filtered, ordered and cut into pages here, as there are thousands of them, not millions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from dashboard.api.filters import RepositoryQuery
from dashboard.api.renderers import encode
from dashboard.errors import CursorInvalid
from dashboard.store import cursor as cursors
from sessions_app.filters import DEFAULT_ORDERING
from sessions_app.records import SessionSummary
from sessions_app.registry import SessionRegistry


@dataclass(frozen=True)
class SessionPage:
    """A page of the list, and cursors to its neighbours."""

    sessions: list[SessionSummary]
    next_cursor: str | None
    previous_cursor: str | None
    content: bytes

    def body(self) -> bytes:
        """Return the JSON array."""
        return self.content


class Position(msgspec.Struct, array_like=True, frozen=True):
    """Where a session stands: its value (None when missing) as (kind, value), its sid; and which way a cursor reads."""

    value: tuple[int, Any] | None
    sid: str
    is_back: bool = False


@dataclass(frozen=True)
class SessionListing(RepositoryQuery):
    """What a reader of the list asked for."""

    registry: SessionRegistry
    symbol: str = ""
    timeframe: str = ""
    active: bool | None = None
    search: str = ""
    ordering: str = DEFAULT_ORDERING

    def narrowed(self, values: Mapping[str, Any]) -> SessionListing:
        """Return the listing under the validated parameters."""
        return replace(self, **{name: values[name] for name in ("symbol", "timeframe", "active", "search", "ordering")})

    def page(self, *, cursor: str | None, limit: int) -> SessionPage:
        """Return a page. Raises CursorInvalid."""
        start = self._position(cursor) if cursor else None
        ordered = self._ordered()
        first, last = 0, limit
        if start is not None:
            # The session of the cursor itself is on the other side of the cut, or may be gone.
            cut = sum(1 for position, _ in ordered if self._is_before(position, start))
            is_there = cut < len(ordered) and ordered[cut][0].sid == start.sid and ordered[cut][0].value == start.value
            first, last = (max(0, cut - limit), cut) if start.is_back else (cut + is_there, cut + is_there + limit)
        shown = ordered[first:last]
        return SessionPage(
            [summary for _, summary in shown],
            self._cursor(shown[-1][0], is_back=False) if shown and last < len(ordered) else None,
            self._cursor(shown[0][0], is_back=True) if shown and first > 0 else None,
            encode([summary.to_dict() for _, summary in shown]),
        )

    def matches(self, summary: SessionSummary) -> bool:
        """Tell whether a session passes every filter."""
        if self.symbol and summary.symbol != self.symbol or self.timeframe and summary.timeframe != self.timeframe:
            return False
        if self.active is not None and bool(summary.active) != self.active:
            return False
        words = self.search.casefold()
        return not words or words in str(summary.sid).casefold() or words in str(summary.notes or "").casefold()

    def _ordered(self) -> list[tuple[Position, SessionSummary]]:
        """Return the matching sessions in order: those without the value last, by sid, whichever way the others run."""
        name = self.ordering.removeprefix("-")
        found = [
            (Position(_comparable(getattr(one, name)), str(one.sid)), one)
            for one in self.registry.all()
            if self.matches(one)
        ]
        valued = sorted(
            (pair for pair in found if pair[0].value is not None),
            key=lambda pair: (pair[0].value, pair[0].sid),
            reverse=self._is_descending,
        )
        return valued + sorted((pair for pair in found if pair[0].value is None), key=lambda pair: pair[0].sid)

    def _is_before(self, position: Position, start: Position) -> bool:
        if position.value is None or start.value is None:
            if (position.value is None) != (start.value is None):
                return start.value is None
            return position.sid < start.sid
        ours, theirs = (position.value, position.sid), (start.value, start.sid)
        return ours > theirs if self._is_descending else ours < theirs

    @property
    def _is_descending(self) -> bool:
        return self.ordering.startswith("-")

    @property
    def _scope(self) -> str:
        """Return the list, its filters and its order as one text, which a cursor is bound to."""
        return encode(["sessions", self.symbol, self.timeframe, self.active, self.search, self.ordering]).decode()

    def _cursor(self, position: Position, *, is_back: bool) -> str:
        return cursors.encode([position.value, position.sid, is_back], scope=self._scope)

    def _position(self, cursor: str) -> Position:
        try:
            return msgspec.convert(cursors.decode(cursor, scope=self._scope), Position)
        except msgspec.ValidationError:
            raise CursorInvalid("not a cursor of this list") from None


def _comparable(value: object) -> tuple[int, Any] | None:
    """Return a value that compares with any other: numbers first, then texts. None when missing."""
    if value is None or value == "":
        return None
    return (0, float(value)) if isinstance(value, bool | int | float) else (1, str(value))
