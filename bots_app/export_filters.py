"""Parameters of an export: those of the list of runs, and what file is wanted instead of what page."""

from __future__ import annotations

from bots_app.exports import FORMATS
from bots_app.filters import MOST_FIELDS, AggregateFilterSet, RunFilterSet
from dashboard.api.filters import IntegerFilter, OrderingFilter, QuotedNamesFilter, TextFilter

#: More runs than any session has.
ALL_RUNS = 1_000_000_000


class ExportFilterSet(AggregateFilterSet):
    """Filters, order and columns of an export, and which part of it."""

    format = OrderingFilter(
        label="Format",
        orderings=tuple(FORMATS),
        default="csv",
        help_text="`csv` (texts that a spreadsheet would take for formulas get an apostrophe), `ndjson` or `parquet`.",
    )
    ordering = RunFilterSet.base_filters["ordering"]
    fields = QuotedNamesFilter(
        label="Fields",
        most=MOST_FIELDS,
        pattern=r"[^\x00-\x1f\x7f]+",
        help_text=(
            "Columns of the file instead of those of the list, such as `profit,config.fast,notes`; configHash is "
            "always the first. `botId`, `notes` and `tags` are read run by run, which takes longer. `nextCursor` is "
            "where to go on behind each run, should the file break off; the last run of all has none."
        ),
    )
    start = RunFilterSet.base_filters["start"]
    limit = IntegerFilter(
        label="Runs",
        least=1,
        most=ALL_RUNS,
        default=ALL_RUNS,
        help_text="Runs in the file at most; default all of them.",
    )
    cursor = TextFilter(
        label="Cursor",
        help_text=(
            "Where to go on: the `nextCursor` of a run of an export under the same filters and order, or the cursor in "
            "its `Link` header; the file begins right behind that run."
        ),
    )
