"""The sessions in memory: filtered through sets, kept in order by the fields asked for. No Redis, no HTTP, no locks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sessions_app.query import SessionQuery
from sessions_app.records import SessionSummary
from sessions_app.session_order import Order, SessionEntry, SessionsFound

#: Filters that are answered from sets.
FACETS = ("symbol", "timeframe", "active")
#: Changes at once beyond which orders are made anew instead of being mended.
MENDED = 100
#: Answers kept until the next change.
ANSWERS = 32


class SessionIndex:
    """Every session, by id, by the values of each facet, and by the fields that were asked for."""

    def __init__(self) -> None:
        self.entries: dict[str, SessionEntry] = {}
        self.total_runs = 0
        self._sets: dict[str, dict[Any, set[str]]] = {name: {} for name in FACETS}
        self._orders: dict[str, Order] = {}
        self._searched: tuple[tuple[str, ...], set[str]] = ((), set())
        self._found: dict[tuple[SessionQuery, bool], SessionsFound] = {}

    def apply(self, changes: Iterable[tuple[str, SessionSummary | None]]) -> None:
        """Put sessions in, replace them, or (None) take them out."""
        changed = []
        for sid, summary in changes:
            old = self.entries.get(sid)
            new = SessionEntry.of(summary) if summary else None
            if old or new:
                changed.append((old, new))
            if old:
                self._leave(old)
            if new:
                self._enter(new)
        if not changed:
            return
        self._searched = ((), set())
        self._found.clear()
        if len(changed) > MENDED:
            self._orders.clear()
        self._orders = {name: order.mended(name, changed) for name, order in self._orders.items()}

    def _enter(self, entry: SessionEntry) -> None:
        self.entries[entry.sid] = entry
        self.total_runs += entry.summary.runCount or 0
        for name, sets in self._sets.items():
            sets.setdefault(getattr(entry.summary, name), set()).add(entry.sid)

    def _leave(self, entry: SessionEntry) -> None:
        del self.entries[entry.sid]
        self.total_runs -= entry.summary.runCount or 0
        for name, sets in self._sets.items():
            value = getattr(entry.summary, name)
            sets[value].discard(entry.sid)
            if not sets[value]:
                del sets[value]

    def find(self, query: SessionQuery, *, with_counts: bool = False) -> SessionsFound:
        """Return the sessions that match."""
        found = self._found.get((query, with_counts))
        if found is None:
            if len(self._found) >= ANSWERS:
                self._found.clear()
            found = self._found[query, with_counts] = SessionsFound(
                self._ordered(query), query.is_descending, len(self.entries), self.total_runs,
                {name: self._counts(name, query) for name in FACETS} if with_counts else {},
                self._without(query) if with_counts else {},
            )  # fmt: skip
        return found

    def _ordered(self, query: SessionQuery) -> Order:
        sids = self._matching(query)
        if sids is not None and len(sids) * 8 < len(self.entries):
            return Order.of((self.entries[sid] for sid in sids), query.by)
        order = self._orders.get(query.by)
        if order is None:
            order = self._orders[query.by] = Order.of(self.entries.values(), query.by)
        return order if sids is None else order.within(sids)

    def _matching(self, query: SessionQuery) -> set[str] | None:
        """Return the ids of the sessions that pass the filters, None for all."""
        wanted = [(name, getattr(query, name)) for name in FACETS]
        sets = [self._sets[name].get(value, set()) for name, value in wanted if value is not None]
        if query.words:
            sets.append(self._holding(query.words))
        if not sets:
            return None
        smallest, *others = sorted(sets, key=len)
        return smallest.intersection(*others)

    def _holding(self, words: tuple[str, ...]) -> set[str]:
        """Return the ids of the sessions that hold every word; the last answer is kept, as counts ask for it again."""
        if self._searched[0] != words:
            found = list(self.entries.values())
            for word in map(str.casefold, words):
                found = [entry for entry in found if word in entry.texts[0] or word in entry.texts[1]]
            self._searched = (words, {entry.sid for entry in found})
        return self._searched[1]

    def _counts(self, name: str, query: SessionQuery) -> Mapping[Any, int]:
        others: dict[str, Any] = {name: None}
        sids = self._matching(replace(query, **others))
        if sids is None:
            return {value: len(found) for value, found in self._sets[name].items()}
        return Counter(getattr(self.entries[sid].summary, name) for sid in sids)

    def _without(self, query: SessionQuery) -> dict[str, int]:
        result = {}
        for name in query.filters():
            others: dict[str, Any] = {name: () if name == "words" else None}
            sids = self._matching(replace(query, **others))
            result[name] = len(self.entries if sids is None else sids)
        return result
