"""One run among the others of its session: its rank, its percentiles, its neighbours."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from bots_app import analysis_filters as filters
from bots_app.analysis_run import Rank, RunAnalysisRegistry, RunNeighbours, Standings
from bots_app.analysis_schema import answering
from bots_app.filters import run_query
from dashboard.api.links import api_path
from dashboard.api.views import ApiViewSet
from sessions_app.records import SessionId


@extend_schema(tags=["analysis"])
class RunAnalysisViewSet(ApiViewSet):
    """Where one run stands among the others; no answer is larger than 256 KiB."""

    registry = RunAnalysisRegistry
    serializer_class = Serializer
    filtersets = {
        "percentiles": filters.PercentilesFilterSet,
        "neighbours": filters.NeighboursFilterSet,
        "rank": filters.RankFilterSet,
    }

    def related(self) -> list[tuple[str, str]]:
        """Return the session and the run."""
        sid = self.kwargs["sid"]
        run = api_path("sessions", sid, "bots", self.kwargs["config_hash"])
        return [("Session", api_path("sessions", sid)), ("Run", run)]

    @answering(
        "run_percentiles",
        "Rank a run in its metrics",
        "The share of the runs that pass the filters with a lower value than this run, field by field. A run that "
        "does not pass itself is compared with those that do.",
        filterset=filters.PercentilesFilterSet,
        answer=Standings,
    )
    def percentiles(self, request: Request, sid: str, config_hash: str) -> Response:
        """Answer the run's percentiles."""
        given = self.parameters
        return self.respond(
            self.registry().percentiles(SessionId.parse(sid), config_hash, run_query(given), fields=given["fields"])
        )

    @answering(
        "run_neighbours",
        "Find a run's neighbours",
        "The runs one step away: the same but for one parameter, which has its next value up or down among all "
        "runs, or another text where there are at most 20. `plateau` is the median of their metric: is this run on "
        "a plateau, or on a spike? It looks at all runs of the session, and so takes no filters.",
        filterset=filters.NeighboursFilterSet,
        answer=RunNeighbours,
    )
    def neighbours(self, request: Request, sid: str, config_hash: str) -> Response:
        """Answer the neighbours."""
        metric, fields = self.parameters["metric"] or filters.USUAL_METRIC, self.parameters["fields"]
        return self.respond(self.registry().neighbours(SessionId.parse(sid), config_hash, metric=metric, fields=fields))

    @answering(
        "run_rank",
        "Rank a run in the list",
        "The place of a run, from 1, in the list of the runs that pass the filters, in any order.",
        filterset=filters.RankFilterSet,
        answer=Rank,
    )
    def rank(self, request: Request, sid: str, config_hash: str) -> Response:
        """Answer the run's rank."""
        return self.respond(self.registry().rank(SessionId.parse(sid), config_hash, run_query(self.parameters)))
