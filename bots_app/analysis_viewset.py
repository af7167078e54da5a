"""The analysis of a session: figures over all runs that pass the filters, each bounded in size."""

from __future__ import annotations

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
from bots_app.analysis_schema import answers_of
from bots_app.filters import run_query
from bots_app.query import RunQuery
from dashboard.api import schema
from dashboard.api.links import api_path
from dashboard.api.views import ApiViewSet
from sessions_app.records import SessionId

FIELDS, HISTOGRAM, QUANTILES = filters.FieldsFilterSet, filters.HistogramFilterSet, filters.QuantilesFilterSet
DENSITY, HEATMAP, PARALLEL = filters.DensityFilterSet, filters.HeatmapFilterSet, filters.ParallelFilterSet
IMPORTANCE, CORRELATION = filters.ImportanceFilterSet, filters.CorrelationFilterSet
MORE = (schema.IF_NONE_MATCH, schema.ETAG)


@extend_schema(tags=["analysis"])
class AnalysisViewSet(ApiViewSet):
    """Figures over all runs of a session that pass the filters; no answer is larger than 256 KiB."""

    registry = AnalysisRegistry
    serializer_class = Serializer
    filtersets = {
        "fields": FIELDS, "histogram": HISTOGRAM, "quantiles": QUANTILES, "density": DENSITY, "heatmap": HEATMAP,
        "parallel": PARALLEL, "importance": IMPORTANCE, "correlation": CORRELATION,
    }  # fmt: skip

    def related(self) -> list[tuple[str, str]]:
        """Return the session, its runs and its fields."""
        sid = self.kwargs["sid"]
        around = (("Session", ()), ("All runs", ("bots",)), ("Fields", ("bots", "fields")))
        return [(text, api_path("sessions", sid, *below)) for text, below in around]

    @property
    def query(self) -> RunQuery:
        """Return which runs are meant."""
        return run_query(self.parameters)

    @property
    def metric(self) -> str:
        """Return the metric that is asked for."""
        return self.parameters["metric"] or filters.USUAL_METRIC

    @extend_schema(
        operation_id="runs_fields",
        summary="List the fields of runs",
        description=(
            "Every numeric, text or boolean field of performance and configuration that some run has: its kind, how "
            "many of the matching runs have it, and how its values are spread. Their names are what `ordering`, "
            "`fields`, `where`, `min.` and `max.` take."
        ),
        parameters=[schema.SID, *schema.parameters(FIELDS, *MORE)],
        responses=answers_of(FieldList),
    )
    def fields(self, request: Request, sid: str) -> Response:
        """Answer what the fields are."""
        return self.respond(field_list(SessionId.parse(sid), self.query, fields=self.parameters["fields"]))

    @extend_schema(
        operation_id="runs_histogram",
        summary="Make a histogram",
        description="How many runs have a value of the field in each bin; bins have one width.",
        parameters=[schema.SID, *schema.parameters(HISTOGRAM, *MORE)],
        responses=answers_of(Histogram),
    )
    def histogram(self, request: Request, sid: str) -> Response:
        """Answer counts in bins."""
        given = self.parameters
        return self.respond(
            self.registry().histogram(
                SessionId.parse(sid), self.query, field=given["field"], bins=given["bins"] or None
            )
        )

    @extend_schema(
        operation_id="runs_quantiles",
        summary="Sum a field up",
        description="Count, least and greatest value, mean, deviation and exact quantiles of a field.",
        parameters=[schema.SID, *schema.parameters(QUANTILES, *MORE)],
        responses=answers_of(Summary),
    )
    def quantiles(self, request: Request, sid: str) -> Response:
        """Answer the quantiles."""
        given = self.parameters
        return self.respond(
            self.registry().quantiles(SessionId.parse(sid), self.query, field=given["field"], probabilities=given["at"])
        )

    @extend_schema(
        operation_id="runs_density",
        summary="Count runs in two fields",
        description="How many runs lie in each cell of a grid of bins over two fields.",
        parameters=[schema.SID, *schema.parameters(DENSITY, *MORE)],
        responses=answers_of(Density),
    )
    def density(self, request: Request, sid: str) -> Response:
        """Answer counts in cells."""
        given = self.parameters
        return self.respond(
            self.registry().density(
                SessionId.parse(sid), self.query, x=given["x"], y=given["y"],
                x_bins=given["xBins"], y_bins=given["yBins"],
            )
        )  # fmt: skip

    @extend_schema(
        operation_id="runs_heatmap",
        summary="Make a heat map",
        description=(
            "A figure of a metric for each pair of values of two fields; of a field with more than 60 values 30 bins "
            "are made, of a text with more the rarest are put together."
        ),
        parameters=[schema.SID, *schema.parameters(HEATMAP, *MORE)],
        responses=answers_of(Heatmap),
    )
    def heatmap(self, request: Request, sid: str) -> Response:
        """Answer figures in cells."""
        given = self.parameters
        return self.respond(
            self.registry().heatmap(
                SessionId.parse(sid), self.query, x=given["x"], y=given["y"], metric=self.metric,
                statistic=given["statistic"],
            )
        )  # fmt: skip

    @extend_schema(
        operation_id="runs_parallel",
        summary="Draw runs over several fields",
        description="The best runs exactly, as lines over parallel axes; all others as counts between two axes.",
        parameters=[schema.SID, *schema.parameters(PARALLEL, *MORE)],
        responses=answers_of(Lines),
    )
    def parallel(self, request: Request, sid: str) -> Response:
        """Answer lines and counts."""
        given = self.parameters
        return self.respond(
            self.registry().parallel(
                SessionId.parse(sid), self.query, metric=self.metric, fields=given["fields"], top=given["top"],
                lowest=given["best"] == "lowest",
            )
        )  # fmt: skip

    @extend_schema(
        operation_id="runs_importance",
        summary="Weigh parameters",
        description="The share of a metric's variance that each parameter explains, and pairs of those that matter.",
        parameters=[schema.SID, *schema.parameters(IMPORTANCE, *MORE)],
        responses=answers_of(Importance),
    )
    def importance(self, request: Request, sid: str) -> Response:
        """Answer the shares."""
        return self.respond(
            self.registry().importance(
                SessionId.parse(sid), self.query, metric=self.metric, fields=self.parameters["fields"]
            )
        )

    @extend_schema(
        operation_id="runs_correlation",
        summary="Correlate fields",
        description="Spearman's rank correlation of every two of some fields.",
        parameters=[schema.SID, *schema.parameters(CORRELATION, *MORE)],
        responses=answers_of(Correlation),
    )
    def correlation(self, request: Request, sid: str) -> Response:
        """Answer the coefficients."""
        return self.respond(
            self.registry().correlation(SessionId.parse(sid), self.query, fields=self.parameters["fields"])
        )
