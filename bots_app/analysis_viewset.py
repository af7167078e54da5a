"""The analysis of a session: figures over all runs that pass the filters, each bounded in size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from bots_app import analysis_filters as filters
from bots_app.analysis.sweep.correlation import Correlation
from bots_app.analysis.sweep.density import Density
from bots_app.analysis.sweep.heatmap import Heatmap
from bots_app.analysis.sweep.histogram import Histogram
from bots_app.analysis.sweep.importance import Importance
from bots_app.analysis.sweep.quantiles import Summary
from bots_app.analysis_fields import FieldList, field_list
from bots_app.analysis_reading import AnalysisRegistry, Lines
from bots_app.analysis_schema import answering
from bots_app.filters import run_query
from dashboard.api.links import api_path
from dashboard.api.views import ApiViewSet
from sessions_app.records import SessionId


@extend_schema(tags=["analysis"])
class AnalysisViewSet(ApiViewSet):
    """Figures over all runs of a session that pass the filters; no answer is larger than 256 KiB."""

    registry = AnalysisRegistry
    serializer_class = Serializer
    filtersets = {
        "fields": filters.FieldsFilterSet,
        "histogram": filters.HistogramFilterSet,
        "quantiles": filters.QuantilesFilterSet,
        "density": filters.DensityFilterSet,
        "heatmap": filters.HeatmapFilterSet,
        "parallel": filters.ParallelFilterSet,
        "importance": filters.ImportanceFilterSet,
        "correlation": filters.CorrelationFilterSet,
    }

    def related(self) -> list[tuple[str, str]]:
        """Return the session, its runs and its fields."""
        sid = self.kwargs["sid"]
        around = (("Session", ()), ("All runs", ("bots",)), ("Fields", ("bots", "fields")))
        return [(text, api_path("sessions", sid, *below)) for text, below in around]

    @property
    def metric(self) -> str:
        """Return the metric that is asked for."""
        return self.parameters["metric"] or filters.USUAL_METRIC

    def figures(self, compute: Callable[..., Any], **given: Any) -> Response:
        """Answer what is computed over the runs that are meant."""
        return self.respond(compute(SessionId.parse(self.kwargs["sid"]), run_query(self.parameters), **given))

    @answering(
        "runs_fields",
        "List the fields of runs",
        "Every numeric, text or boolean field of performance and configuration that some run has: its kind, how "
        "many of the matching runs have it, and how its values are spread. Their names are what `ordering`, "
        "`fields`, `where`, `min.` and `max.` take. `plateau.<metric>`, as in `plateau.sharpe`, is worked out: the "
        "median of a metric over the runs one step away in the grid of the parameters that vary, of all runs of the "
        "session. Those of the usual metrics are listed (of more than 200,000 runs that of the profit alone), and any "
        "metric may be named so; what a record holds under such a name is no field.",
        filterset=filters.FieldsFilterSet,
        answer=FieldList,
    )
    def fields(self, request: Request, sid: str) -> Response:
        """Answer what the fields are."""
        return self.figures(field_list, fields=self.parameters["fields"])

    @answering(
        "runs_histogram",
        "Make a histogram",
        "How many runs have a value of the field in each bin; bins have one width.",
        filterset=filters.HistogramFilterSet,
        answer=Histogram,
    )
    def histogram(self, request: Request, sid: str) -> Response:
        """Answer counts in bins."""
        given = self.parameters
        return self.figures(self.registry().histogram, field=given["field"], bins=given["bins"] or None)

    @answering(
        "runs_quantiles",
        "Sum a field up",
        "Count, least and greatest value, mean, deviation and exact quantiles of a field.",
        filterset=filters.QuantilesFilterSet,
        answer=Summary,
    )
    def quantiles(self, request: Request, sid: str) -> Response:
        """Answer the quantiles."""
        given = self.parameters
        return self.figures(self.registry().quantiles, field=given["field"], probabilities=given["at"])

    @answering(
        "runs_density",
        "Count runs in two fields",
        "How many runs lie in each cell of a grid of bins over two fields.",
        filterset=filters.DensityFilterSet,
        answer=Density,
    )
    def density(self, request: Request, sid: str) -> Response:
        """Answer counts in cells."""
        given = self.parameters
        bins = {"x_bins": given["xBins"], "y_bins": given["yBins"]}
        return self.figures(self.registry().density, x=given["x"], y=given["y"], **bins)

    @answering(
        "runs_heatmap",
        "Make a heat map",
        "A figure of a metric for each pair of values of two fields; of a field with more than 60 values 30 bins "
        "are made, of a text with more the rarest are put together.",
        filterset=filters.HeatmapFilterSet,
        answer=Heatmap,
    )
    def heatmap(self, request: Request, sid: str) -> Response:
        """Answer figures in cells."""
        given = self.parameters
        return self.figures(
            self.registry().heatmap, x=given["x"], y=given["y"], metric=self.metric, statistic=given["statistic"]
        )

    @answering(
        "runs_parallel",
        "Draw runs over several fields",
        "The best runs exactly, as lines over parallel axes; all others as counts between two axes.",
        filterset=filters.ParallelFilterSet,
        answer=Lines,
    )
    def parallel(self, request: Request, sid: str) -> Response:
        """Answer lines and counts."""
        given, is_lowest = self.parameters, self.parameters["best"] == "lowest"
        return self.figures(
            self.registry().parallel, metric=self.metric, fields=given["fields"], top=given["top"], lowest=is_lowest
        )

    @answering(
        "runs_importance",
        "Weigh parameters",
        "The share of a metric's variance that each parameter explains, and pairs of those that matter.",
        filterset=filters.ImportanceFilterSet,
        answer=Importance,
    )
    def importance(self, request: Request, sid: str) -> Response:
        """Answer the shares."""
        return self.figures(self.registry().importance, metric=self.metric, fields=self.parameters["fields"])

    @answering(
        "runs_correlation",
        "Correlate fields",
        "Spearman's rank correlation of every two of some fields.",
        filterset=filters.CorrelationFilterSet,
        answer=Correlation,
    )
    def correlation(self, request: Request, sid: str) -> Response:
        """Answer the coefficients."""
        return self.figures(self.registry().correlation, fields=self.parameters["fields"])
