"""Which of the two ways answers a query of runs: the sorted sets that each session keeps, or its sweep table.

Both give the same answer; they differ in cost. The sorted sets answer in the time of one page whatever the size of the
session, but know nothing but status, profit and lastUpdated. The table knows every field, and looks at all runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bots_app.query import ORDERINGS, RunQuery
from bots_app.table.plateaus import is_plateau

SORTED_SETS, TABLE = "sorted sets", "sweep table"


class Plan(NamedTuple):
    """The way that is taken, and why."""

    uses: str
    why: str

    @property
    def is_table(self) -> bool:
        return self.uses == TABLE


def plan_of(query: RunQuery, fields: Sequence[str] = ()) -> Plan:
    """Return how the list of a query is read, whose rows are to have these fields."""
    why = _needs_table(query)
    if not why and any(map(is_plateau, fields)):
        why = "plateau scores are worked out over columns"
    if why:
        return Plan(TABLE, why)
    return Plan(SORTED_SETS, f"they are kept in the order of {query.by}, for each status")


def plan_of_aggregate(query: RunQuery) -> Plan:
    """Return how the figures over the runs of a query, which have no order, are had."""
    if query.has_range:
        return Plan(TABLE, "figures are kept of whole statuses, not of a range of the profit")
    why = _needs_table(query)
    return Plan(TABLE, why) if why else Plan(SORTED_SETS, "the figures of each status are kept beside them")


def _needs_table(query: RunQuery) -> str:
    """Return why the sorted sets cannot answer, '' when they can."""
    if query.where is not None:
        return "an expression is evaluated over columns"
    if query.bounds:
        return f"no sorted set is kept of {query.bounds[0].field}"
    if len(query.order) > 1:
        return "sorted sets are kept of single fields"
    if query.ordering not in ORDERINGS:
        return f"no sorted set is kept of {query.by}"
    if query.has_range and query.by != "profit":
        return f"the sorted sets of {query.by} do not know the profit"
    return ""
