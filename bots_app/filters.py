"""Parameters of the addresses about runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bots_app import trades
from bots_app.expressions import GRAMMAR, Expression, InvalidExpression, parse
from bots_app.query import MAX_STATUSES, Bound, RunQuery, status_filter
from dashboard.api.filters import (
    FlagFilter,
    IntegerFilter,
    NamesFilter,
    NumberFilter,
    OrderingFilter,
    QuotedNamesFilter,
    RepositoryFilterSet,
    TextFilter,
)
from dashboard.api.pagination import page_filters
from dashboard.errors import InvalidParameter

#: Runs a page holds unless told otherwise, and the most.
DEFAULT_RUNS, MOST_RUNS = 50, 500
MOST_TRADES = 10_000
#: The most fields a row may have.
MOST_FIELDS = 50
#: A curve of fewer points than two is none, and no screen shows more than some thousands.
LEAST_POINTS, MOST_POINTS, DEFAULT_POINTS = 2, 10_000, 1000


class AggregateFilterSet(RepositoryFilterSet):
    """Filters that say which runs are meant."""

    status = NamesFilter(
        label="Status",
        most=MAX_STATUSES,
        help_text=(
            "Runs in any of these statuses; may repeat or be comma-separated. An unknown one matches nothing. "
            "With `!` in front of each, as in `!failed`: runs in any other status."
        ),
    )
    minProfit = NumberFilter(
        label="Least profit", help_text="Runs with at least this profit; those without a profit are left out."
    )
    maxProfit = NumberFilter(
        label="Most profit", help_text="Runs with at most this profit; those without a profit are left out."
    )

    where = TextFilter(label="Where", help_text=GRAMMAR)
    families = {
        "min.": NumberFilter(
            help_text="Runs with at least this value in a field, as in `min.sharpe=1.5` or `min.config.fast=5`."
        ),
        "max.": NumberFilter(help_text="Runs with at most this value in a field, as in `max.maxDrawdown=0.2`."),
    }

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> dict[str, list[str]]:
        """Refuse a lower bound of the profit above the upper one."""
        low, high = values.get("minProfit"), values.get("maxProfit")
        if low is not None and high is not None and low > high:
            return {"minProfit": [f"{low:g} is above maxProfit, {high:g}: no run can match."]}
        return {}


class RunFilterSet(AggregateFilterSet):
    """Filters, order, columns and page of the list of runs."""

    ordering = TextFilter(
        label="Order",
        help_text=(
            "Any field to order by, descending with `-` in front, and after a comma a second one for its ties, as in "
            "`-sharpe,maxDrawdown`; other ties by configHash; runs without the value come last. Default `-profit`. A "
            "name with a comma stands in backquotes, behind the `-`, as in -`config.a,b`; a backquote there twice."
        ),
    )
    fields = QuotedNamesFilter(
        label="Fields",
        most=MOST_FIELDS,
        pattern=r"[^\x00-\x1f\x7f]+",
        help_text=(
            "Fields instead of the usual ones, such as `profit,config.fast`; configHash is always there. A name with a "
            "comma stands in backquotes; a backquote there twice."
        ),
    )
    start = TextFilter(
        label="Start",
        help_text=(
            "Where the list begins: at a rank from 1, such as `1000`, or at a percentile: at `99%` the first 1 % "
            "of the list are passed."
        ),
    )
    explain = FlagFilter(
        label="Explain",
        help_text="With `1` the answer says under `plan` what it is read from, sorted sets or sweep table, and why.",
    )
    limit, cursor = page_filters(default=DEFAULT_RUNS, most=MOST_RUNS)


class TradeFilterSet(RepositoryFilterSet):
    """Order and page of a run's trades."""

    ordering = OrderingFilter(
        label="Order",
        orderings=trades.ORDERINGS,
        default="index",
        help_text="`index` is the order they are stored in; descending with `-`; those without the value last.",
    )
    limit, cursor = page_filters(default=MOST_TRADES, most=MOST_TRADES)


class EquityFilterSet(RepositoryFilterSet):
    """Detail of a curve."""

    points = IntegerFilter(
        label="Points",
        least=LEAST_POINTS,
        most=MOST_POINTS,
        default=DEFAULT_POINTS,
        help_text=f"The most points to answer, {LEAST_POINTS} to {MOST_POINTS}; peaks and troughs survive.",
    )


def run_query(values: Mapping[str, Any]) -> RunQuery:
    """Return the query of validated parameters; those of an aggregate have no order. Raises InvalidParameter."""
    low, high = dict(values["min."]), dict(values["max."])
    # The profit has sorted sets, by whichever name it is bounded.
    least = _tighter(max, values["minProfit"], low.pop("profit", None))
    most = _tighter(min, values["maxProfit"], high.pop("profit", None))
    return RunQuery(
        **status_filter(values["status"]),
        min_profit=least,
        max_profit=most,
        ordering=values.get("ordering") or RunQuery.ordering,
        bounds=tuple(Bound(field, low.get(field), high.get(field)) for field in {**low, **high}),
        where=expression_of(values["where"]),
    )


def expression_of(text: str) -> Expression | None:
    """Return the expression of a text, None of an empty one. Raises InvalidParameter, which says where it is wrong."""
    if not text:
        return None
    try:
        return parse(text)
    except InvalidExpression as error:
        raise InvalidParameter("where", str(error)) from error


def _tighter(choose: Callable[..., float], *bounds: float | None) -> float | None:
    given = [bound for bound in bounds if bound is not None]
    return choose(given) if given else None
