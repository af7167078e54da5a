"""Sessions in the order of a field, and lists of them that are cut into pages. No Redis, no HTTP."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from sessions_app.query import sort_value
from sessions_app.records import SessionSummary

#: Kind and value that a session is sorted by, its id, itself. Ids are different, so that sessions are never compared.
Key = tuple[int, Any, str, "SessionEntry"]


class SessionEntry(msgspec.Struct, eq=False):
    """A session of the index; summaries are shared and must not be changed."""

    sid: str
    summary: SessionSummary
    #: What texts are searched for in: id and notes.
    texts: tuple[str, str]
    _body: bytes | None = None

    @classmethod
    def of(cls, summary: SessionSummary) -> SessionEntry:
        return cls(str(summary.sid), summary, (str(summary.sid).casefold(), summary.notes.casefold()))

    @property
    def body(self) -> bytes:
        """Return the JSON of the summary, made when it is first asked for."""
        if self._body is None:
            self._body = msgspec.json.encode(self.summary.to_dict())
        return self._body

    def value(self, name: str) -> tuple[int, Any] | None:
        return sort_value(getattr(self.summary, name))


@dataclass(frozen=True)
class Order:
    """Sessions by one field: those with a value, ascending by it and the id; those without, by id. Never changed."""

    valued: list[Key]
    missing: list[tuple[str, SessionEntry]]

    @classmethod
    def of(cls, entries: Iterable[SessionEntry], name: str) -> Order:
        valued, missing = [], []
        for entry in entries:
            value = entry.value(name)
            if value is None:
                missing.append((entry.sid, entry))
            else:
                valued.append((*value, entry.sid, entry))
        valued.sort()
        missing.sort()
        return cls(valued, missing)

    def mended(self, name: str, changes: Iterable[tuple[SessionEntry | None, SessionEntry | None]]) -> Order:
        """Return the order after changes, given as sessions before and after."""
        valued, missing = self.valued.copy(), self.missing.copy()
        for old, new in changes:
            if old is not None:
                value = old.value(name)
                if value is None:
                    del missing[bisect_left(missing, (old.sid,))]
                else:
                    del valued[bisect_left(valued, (*value, old.sid))]
            if new is not None:
                value = new.value(name)
                if value is None:
                    insort(missing, (new.sid, new))
                else:
                    insort(valued, (*value, new.sid, new))
        return Order(valued, missing)

    def within(self, sids: set[str]) -> Order:
        """Return the order of some of the sessions."""
        return Order([key for key in self.valued if key[2] in sids], [one for one in self.missing if one[0] in sids])


@dataclass(frozen=True)
class SessionsFound:
    """The sessions that match, in order, to be cut by slices; those without the value come last both ways."""

    order: Order
    is_descending: bool
    #: Sessions and runs there are, whether or not they match.
    total: int
    total_runs: int
    #: Values of each facet, with how many sessions there are of it that pass all other filters; only if asked for.
    counts: Mapping[str, Mapping[Any, int]] = field(default_factory=dict)
    #: How many sessions there would be without each filter that is set; only if asked for.
    without: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.order.valued) + len(self.order.missing)

    def __getitem__(self, wanted: slice) -> list[SessionEntry]:
        first, last, _ = wanted.indices(len(self))
        valued, count = self.order.valued, len(self.order.valued)
        is_turned = self.is_descending
        found = valued[max(0, count - last) : max(0, count - first)][::-1] if is_turned else valued[first:last]
        missing = self.order.missing[max(0, first - count) : max(0, last - count)]
        return [key[3] for key in found] + [entry for _, entry in missing]

    def place(self, value: tuple[int, Any] | None, sid: str) -> tuple[int, int]:
        """Return how many sessions stand before that value and id, and how many before or at it."""
        valued, missing = self.order.valued, self.order.missing
        if value is None:
            before = bisect_left(missing, (sid,))
            is_there = before < len(missing) and missing[before][0] == sid
            return len(valued) + before, len(valued) + before + is_there
        before = bisect_left(valued, (*value, sid))
        is_there = before < len(valued) and valued[before][:3] == (*value, sid)
        if not self.is_descending:
            return before, before + is_there
        return len(valued) - before - is_there, len(valued) - before
