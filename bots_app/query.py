"""What is asked of a session's runs: filters and order, as one value that also names the list for its cursors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import msgspec

from dashboard.errors import InvalidParameter
from dashboard.store.keys import SessionKeys
from dashboard.store.pages import Source

#: The orders that indexes are kept for.
ORDERINGS = ("profit", "-profit", "lastUpdated", "-lastUpdated")
#: Statuses one query may name: each is a source that the page is merged from.
MAX_STATUSES = 20


@dataclass(frozen=True)
class RunQuery:
    """Filters (statuses: any of them; profit range: inclusive) and order of a list of runs."""

    statuses: tuple[str, ...] = ()
    min_profit: float | None = None
    max_profit: float | None = None
    ordering: str = "-profit"

    def __post_init__(self) -> None:
        if self.ordering not in ORDERINGS:
            raise InvalidParameter("ordering", f"{self.ordering!r} is not known; use one of {', '.join(ORDERINGS)}.")
        if len(self.statuses) > MAX_STATUSES:
            raise InvalidParameter("status", f"{len(self.statuses)} statuses; {MAX_STATUSES} are the most.")
        if self.has_range and None not in (self.min_profit, self.max_profit) and self.min_profit > self.max_profit:  # type: ignore[operator]
            raise InvalidParameter("minProfit", f"{self.min_profit:g} lies above maxProfit {self.max_profit:g}.")
        object.__setattr__(self, "statuses", tuple(sorted(set(self.statuses))))

    @property
    def descending(self) -> bool:
        return self.ordering.startswith("-")

    @property
    def by(self) -> str:
        """Return the sort field: profit or lastUpdated."""
        return self.ordering.removeprefix("-")

    @property
    def has_range(self) -> bool:
        return self.min_profit is not None or self.max_profit is not None

    def holds(self, profit: float) -> bool:
        """Tell whether a profit lies within the range."""
        is_enough = self.min_profit is None or profit >= self.min_profit
        return is_enough and (self.max_profit is None or profit <= self.max_profit)

    def scope(self, sid: object) -> str:
        """Return the name of this list, for its cursors."""
        parts = ("bots", str(sid), self.statuses, self.min_profit, self.max_profit, self.ordering)
        return msgspec.json.encode(parts).decode()

    def sources(self, keys: SessionKeys, *, by: str | None = None) -> tuple[Source, ...]:
        """Return the sorted sets that hold the list, one source a status."""
        return _sources(keys, keys.tag, self.statuses, by or self.by)


@lru_cache(4096)
def _sources(keys: SessionKeys, tag: str, statuses: tuple[str, ...], by: str) -> tuple[Source, ...]:
    """Return the sorted sets; `tag` tells keys apart that differ by the settings."""
    with_value, without = ("profit", "unranked") if by == "profit" else ("updated", "undated")
    if not statuses:
        ranked = keys.profit if by == "profit" else keys.index("updated")
        return (Source(ranked, keys.index(without), keys.bots),)
    return tuple(
        Source(keys.index_status(status, with_value), keys.index_status(status, without), keys.status(status))
        for status in statuses
    )
