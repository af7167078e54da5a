"""Parameters of the addresses about all matching runs, and about one run among them."""

from __future__ import annotations

from typing import Any, get_args

from django import forms
from django.core.exceptions import ValidationError
from django_filters import Filter

from bots_app.analysis.sweep import correlation, density, heatmap, histogram, importance, parallel, percentiles
from bots_app.analysis.sweep.quantiles import MOST_PROBABILITIES, USUAL
from bots_app.filters import AggregateFilterSet
from dashboard.api.fields import NUMBER, OrderingField
from dashboard.api.filters import IntegerFilter, OrderingFilter, QuotedNamesFilter, RepositoryFilterSet, TextFilter

#: The metric of an answer that needs one, unless another is named.
USUAL_METRIC = "profit"
#: Bins of a histogram that are asked for by no number.
CHOSEN = 0
#: Fields that may be described by name at once.
MOST_DESCRIBED = 100
_AS_IN = "such as `profit`, `sharpe` or `config.fast`"


class FieldFilter(TextFilter):
    """The name of a field, which has to be given."""

    def __init__(self, **kwargs: Any) -> None:
        words = "Missing. Give the name of a field, such as profit or config.fast; /bots/fields lists them."
        super().__init__(required=True, error_messages={"required": words}, **kwargs)


class ChoiceField(OrderingField):
    """One of some words; absent, it is `default`."""

    def to_python(self, value: Any) -> str:
        """Return the word."""
        if value in self.empty_values:
            return self.default
        if value not in self.orderings:
            raise ValidationError(f"{value[:40]!r} is none of: {', '.join(self.orderings)}.")
        return str(value)


class ChoiceFilter(OrderingFilter):
    """One of some words."""

    field_class = ChoiceField


class ProbabilitiesField(forms.Field):
    """Probabilities with commas between; absent, the usual ones."""

    def to_python(self, value: Any) -> tuple[float, ...]:
        """Return the numbers, each once, in their order."""
        if value in self.empty_values:
            return USUAL
        parts = [part for part in value.split(",") if part]
        found = [float(part) if len(part) <= 40 and NUMBER.fullmatch(part) else -1.0 for part in parts]
        if not found or len(found) > MOST_PROBABILITIES or not all(0 <= number <= 1 for number in found):
            raise ValidationError(
                f"Not 1 to {MOST_PROBABILITIES} numbers from 0 to 1 with commas between, such as 0.05,0.5,0.95."
            )
        return tuple(sorted(set(found)))


class ProbabilitiesFilter(Filter):
    """Probabilities with commas between."""

    field_class = ProbabilitiesField


def _fields(most: int, words: str) -> QuotedNamesFilter:
    return QuotedNamesFilter(label="Fields", most=most, help_text=f"{words} At most {most}.")


def _metric(words: str) -> TextFilter:
    return TextFilter(label="Metric", help_text=f"{words} Default `{USUAL_METRIC}`.")


class FieldsFilterSet(AggregateFilterSet):
    """Which fields are described, over which runs."""

    fields = _fields(MOST_DESCRIBED, "Fields to describe instead of all.")


class HistogramFilterSet(AggregateFilterSet):
    """A field and its bins."""

    field = FieldFilter(label="Field", help_text=f"A field of numbers, {_AS_IN}.")
    bins = IntegerFilter(
        label="Bins", least=CHOSEN, most=histogram.MOST_ASKED, default=CHOSEN,
        help_text=(
            "How many bins; of whole numbers there may be fewer. Absent or 0: by the rule of Freedman and Diaconis, "
            "10 to 200."
        ),
    )  # fmt: skip


class QuantilesFilterSet(AggregateFilterSet):
    """A field and its quantiles."""

    field = FieldFilter(label="Field", help_text=f"A field of numbers, {_AS_IN}.")
    at = ProbabilitiesFilter(
        label="Probabilities",
        help_text=f"Probabilities from 0 to 1, as in `0.05,0.5,0.95`; at most {MOST_PROBABILITIES}. "
        f"Default `{','.join(map(str, USUAL))}`.",
    )


class DensityFilterSet(AggregateFilterSet):
    """Two fields and their bins."""

    x = FieldFilter(label="Across", help_text=f"A field of numbers, {_AS_IN}.")
    y = FieldFilter(label="Up", help_text="Another field of numbers.")
    xBins = IntegerFilter(
        label="Bins across", least=1, most=density.MOST_BINS, default=density.USUAL_BINS, help_text="Bins of `x`."
    )
    yBins = IntegerFilter(
        label="Bins up", least=1, most=density.MOST_BINS, default=density.USUAL_BINS, help_text="Bins of `y`."
    )


class HeatmapFilterSet(AggregateFilterSet):
    """Two fields, a metric and what is said of it."""

    x = FieldFilter(label="Across", help_text="A field of numbers or texts; of many numbers bins are made.")
    y = FieldFilter(label="Up", help_text="Another one.")
    metric = _metric("The field of numbers of which a figure is made in each cell.")
    statistic = ChoiceFilter(
        label="Statistic", orderings=get_args(heatmap.Statistic), default="median",
        help_text="The figure; `count` is the number of runs and needs no metric.",
    )  # fmt: skip


class ParallelFilterSet(AggregateFilterSet):
    """Axes, the metric that says which runs are best, and how many of these are lines."""

    fields = _fields(
        parallel.MOST_AXES - 1,
        "The axes, numbers or texts; the metric is added as the last. Default: the parameters that vary, by name.",
    )
    metric = _metric("The field of numbers by which runs are best.")
    best = ChoiceFilter(
        label="Best", orderings=("highest", "lowest"), default="highest", help_text="Which values are the best."
    )
    top = IntegerFilter(
        label="Lines", least=0, most=parallel.MOST_LINES, default=100, help_text="How many of the best runs are lines."
    )


class ImportanceFilterSet(AggregateFilterSet):
    """A metric and what may explain it."""

    metric = _metric("The field of numbers to explain.")
    fields = _fields(
        importance.MOST_PARAMETERS, "Fields to weigh, numbers or texts. Default: every parameter that varies."
    )


class CorrelationFilterSet(AggregateFilterSet):
    """Fields to correlate."""

    fields = QuotedNamesFilter(
        label="Fields", most=correlation.MOST_COLUMNS, required=True,
        error_messages={"required": "Missing. Give fields of numbers with commas between, as in profit,config.fast."},
        help_text=f"Fields of numbers, as in `profit,config.fast`. At most {correlation.MOST_COLUMNS}.",
    )  # fmt: skip


class PercentilesFilterSet(AggregateFilterSet):
    """Fields of a run, and the runs it is compared with."""

    fields = _fields(percentiles.MOST_METRICS, "Fields of numbers. Default: the metrics that the session has.")


class NeighboursFilterSet(RepositoryFilterSet):
    """A metric and the grid; it takes no filters, which would take steps out of the grid."""

    metric = _metric("The field of numbers to answer of each neighbour.")
    fields = _fields(
        importance.MOST_PARAMETERS, "The parameters that make up the grid. Default: every one that varies."
    )


class RankFilterSet(AggregateFilterSet):
    """The list in which a run has its place."""

    ordering = TextFilter(
        label="Order",
        help_text=(
            "The order, as of the list of runs: `-sharpe`, or `-sharpe,maxDrawdown`; a name with a comma in backquotes."
            " Default `-profit`."
        ),
    )
