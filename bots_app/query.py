"""What is asked of a session's runs: filters and order, as one value that also names the list for its cursors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from dashboard.errors import InvalidParameter
from dashboard.order_text import order_by, order_in
from dashboard.store.keys import USUAL_STATUSES, SessionKeys
from dashboard.store.pages import Source

if TYPE_CHECKING:
    from bots_app.expressions import Expression

#: The orders that sorted sets are kept for.
ORDERINGS = ("profit", "-profit", "lastUpdated", "-lastUpdated")
#: Statuses one query may name: each is a source that the page is merged from.
MAX_STATUSES = 20
#: Fields one query may bound, and fields it may be ordered by.
MAX_BOUNDS, MAX_ORDER = 20, 2
#: Stands before a status that is left out.
NOT = "!"
#: No run has it: where nothing is left to list.
NO_STATUS = ""


class Bound(NamedTuple):
    """A range of a field, inclusive; None where it is open."""

    field: str
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True)
class RunQuery:
    """Filters (any of some statuses, or any but those excluded; ranges of the profit and of other fields, inclusive; an
    expression) and order of a list: one field or two with a comma between, descending with `-` in front, see
    `dashboard.order_text`.
    """

    statuses: tuple[str, ...] = ()
    min_profit: float | None = None
    max_profit: float | None = None
    ordering: str = "-profit"
    excluded: tuple[str, ...] = ()
    bounds: tuple[Bound, ...] = ()
    where: Expression | None = None
    #: The sort fields, and of each whether it is descending.
    order: tuple[tuple[str, bool], ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        self._settle_order()
        if len(self.statuses) > MAX_STATUSES:
            raise InvalidParameter("status", f"{len(self.statuses)} statuses; {MAX_STATUSES} are the most.")
        if self.statuses and self.excluded:
            raise InvalidParameter("status", "statuses to list and, with `!`, others to leave out; give one kind only.")
        if len(self.bounds) > MAX_BOUNDS:
            raise InvalidParameter(f"min.{self.bounds[-1].field}", f"{MAX_BOUNDS} fields are the most to be bounded.")
        for name in ("min_profit", "max_profit"):
            object.__setattr__(self, name, _one_spelling(getattr(self, name)))
        _check_range("minProfit", "maxProfit", self.min_profit, self.max_profit)
        for name, least, most in self.bounds:
            _check_range(f"min.{name}", f"max.{name}", least, most)
        for kind, names in (("statuses", self.statuses), ("excluded", self.excluded)):
            if names:
                object.__setattr__(self, kind, tuple(sorted(set(names))))
        bounds = (Bound(name, _one_spelling(least), _one_spelling(most)) for name, least, most in self.bounds)
        object.__setattr__(self, "bounds", tuple(sorted(bounds)))

    def _settle_order(self) -> None:
        """Have one order written in one way alone. Raises InvalidParameter."""
        order = list(islice(order_in(self.ordering), MAX_ORDER + 1))
        names = [name for name, _ in order]
        if not all(names):
            message = f"{self.ordering!r} names no field; give one, such as -profit or config.fast."
            raise InvalidParameter("ordering", message)
        if len(names) > MAX_ORDER or len(set(names)) < len(names):
            message = f"{self.ordering!r}; give one field or two different ones, such as -sharpe,profit."
            raise InvalidParameter("ordering", message)
        object.__setattr__(self, "order", tuple(order))
        object.__setattr__(self, "ordering", ",".join(order_by(name, descending=down) for name, down in order))

    @property
    def descending(self) -> bool:
        return self.order[0][1]

    @property
    def by(self) -> str:
        """Return the first sort field, such as profit, lastUpdated or config.fast."""
        return self.order[0][0]

    @property
    def has_range(self) -> bool:
        return self.min_profit is not None or self.max_profit is not None

    def holds(self, profit: float) -> bool:
        """Tell whether a profit lies within the range."""
        is_enough = self.min_profit is None or profit >= self.min_profit
        return is_enough and (self.max_profit is None or profit <= self.max_profit)

    def scope(self, sid: object) -> str:
        """Return the name of this list, for its cursors."""
        parts: tuple[object, ...]
        parts = ("bots", str(sid), self.statuses, self.min_profit, self.max_profit, self.ordering)
        if self.excluded or self.bounds or self.where:
            parts = (*parts, self.excluded, self.bounds, self.where.canonical if self.where else None)
        return msgspec.json.encode(parts).decode()

    def with_others(self, known: frozenset[str]) -> RunQuery:
        """Return the query of all known statuses but those left out. Raises InvalidParameter for too many of them."""
        return _with_others(self, known)

    def sources(self, keys: SessionKeys) -> tuple[Source, ...]:
        """Return the sorted sets that hold the list, one source a status; those left out have to be others by then.

        All runs by time are merged from those of the usual statuses and one of all others.
        """
        if self.excluded:
            raise ValueError("which statuses are not left out is not known yet")
        with_value, without = ("profit", "unranked") if self.by == "profit" else ("updated", "undated")
        if not self.statuses and with_value == "profit":
            return (Source(keys.profit, keys.index(without), keys.bots),)
        sources = tuple(
            Source(
                keys.index_status(status, with_value), keys.index_status(status, without),
                keys.status(status) if self.statuses else keys.bots,
            )
            for status in self.statuses or USUAL_STATUSES
        )  # fmt: skip
        if self.statuses:
            return sources
        return (*sources, Source(keys.index(with_value), keys.index(without), keys.bots))


def status_filter(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the fields of a query for statuses as they are asked for. Raises InvalidParameter."""
    listed = tuple(name for name in names if not name.startswith(NOT))
    excluded = tuple(name.removeprefix(NOT) for name in names if name.startswith(NOT))
    if NO_STATUS in excluded:
        raise InvalidParameter("status", f"{NOT} stands before the status to leave out, as in {NOT}failed.")
    return {"statuses": listed, "excluded": excluded}


def _one_spelling(bound: float | None) -> float | None:
    """Return a bound such that equal ones are written alike: 0 and -0, 1 and 1.0 are the same in a list's name too."""
    return None if bound is None else bound + 0.0


def _check_range(low_name: str, high_name: str, low: float | None, high: float | None) -> None:
    if low is not None and high is not None and low > high:
        raise InvalidParameter(low_name, f"{low:g} lies above {high_name}, {high:g}: no run can match.")


@lru_cache(1024)
def _with_others(query: RunQuery, known: frozenset[str]) -> RunQuery:
    others = known.difference(query.excluded)
    if len(others) > MAX_STATUSES:
        raise InvalidParameter("status", f"{len(others)} statuses are left; {MAX_STATUSES} are the most.")
    return replace(query, statuses=tuple(others) or (NO_STATUS,), excluded=())
