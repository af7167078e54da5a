"""Addresses of the runs' API, under /api/; the longer ones first, as a hash of another program's may hold slashes."""

from __future__ import annotations

from django.urls import path

from bots_app.analysis_viewset import AnalysisViewSet
from bots_app.export_viewset import ExportViewSet
from bots_app.run_analysis_viewset import RunAnalysisViewSet
from bots_app.run_viewset import RunViewSet
from bots_app.viewsets import RunsViewSet
from dashboard import converters  # noqa: F401 - registers <sid:...> and <confighash:...>

RUNS = "sessions/<sid:sid>/bots"
RUN = f"{RUNS}/<confighash:config_hash>"
ONE = {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}
ANALYSES = {
    "fields": "Fields", "histogram": "Histogram", "quantiles": "Quantiles", "density": "Density", "heatmap": "Heat map",
    "parallel": "Parallel coordinates", "importance": "Importance", "correlation": "Correlation",
}  # fmt: skip
RUN_ANALYSES = {"percentiles": "Percentiles", "neighbours": "Neighbours", "rank": "Rank"}

urlpatterns = [
    path(RUNS, RunsViewSet.as_view({"get": "list", "post": "create"}, name="Runs"), name="api-runs"),
    path(f"{RUNS}/aggregate", RunsViewSet.as_view({"get": "aggregate"}, name="Aggregate"), name="api-aggregate"),
    path(f"{RUNS}/export", ExportViewSet.as_view({"get": "export"}, name="Export"), name="api-export"),
    *(
        path(f"{RUNS}/{action}", AnalysisViewSet.as_view({"get": action}, name=name), name=f"api-{action}")
        for action, name in ANALYSES.items()
    ),
    *(
        path(f"{RUN}/{action}", RunAnalysisViewSet.as_view({"get": action}, name=name), name=f"api-run-{action}")
        for action, name in RUN_ANALYSES.items()
    ),
    path(f"{RUN}/trades", RunViewSet.as_view({"get": "trades"}, name="Trades"), name="api-trades"),
    path(f"{RUN}/config", RunViewSet.as_view({"get": "config"}, name="Configuration"), name="api-config"),
    path(f"{RUN}/equity", RunViewSet.as_view({"get": "equity"}, name="Equity"), name="api-equity"),
    path(f"{RUN}/raw", RunViewSet.as_view({"get": "raw"}, name="Stored text"), name="api-raw"),
    path(RUN, RunViewSet.as_view(ONE, name="Run"), name="api-run"),
]
