"""Parameters of the list of sessions."""

from __future__ import annotations

from dashboard.api.filters import BooleanFilter, OrderingFilter, RepositoryFilterSet, TextFilter
from dashboard.api.pagination import page_filters
from sessions_app.query import DEFAULT_ORDERING
from sessions_app.records import SUMMARY_FIELDS

#: The most sessions a page holds, and how many it holds unless told otherwise.
MOST_SESSIONS = 1000
ORDERINGS = tuple(ordering for name in SUMMARY_FIELDS for ordering in (name, f"-{name}"))


class SessionFilterSet(RepositoryFilterSet):
    """Filters of the list of sessions; all given ones have to hold."""

    symbol = TextFilter(label="Symbol", help_text="Sessions of exactly this symbol.")
    timeframe = TextFilter(label="Timeframe", help_text="Sessions of exactly this timeframe.")
    active = BooleanFilter(label="Active", help_text="Sessions that are active (`true`) or not (`false`).")
    search = TextFilter(label="Search", help_text="Sessions whose id or notes hold this text, in capitals or not.")
    ordering = OrderingFilter(
        label="Order",
        orderings=ORDERINGS,
        default=DEFAULT_ORDERING,
        help_text="Field to order by, with `-` in front for descending; sessions without it come last either way.",
    )
    limit, cursor = page_filters(default=MOST_SESSIONS, most=MOST_SESSIONS)
