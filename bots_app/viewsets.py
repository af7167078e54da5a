"""The runs' API: the list of a session's runs, what is said of all of them, and writing them in batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, PolymorphicProxySerializer, extend_schema
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from bots_app import examples
from bots_app.filters import AggregateFilterSet, RunFilterSet, run_query
from bots_app.listing import RunListing
from bots_app.parsers import Batch, RunLinesParser, RunsParser
from bots_app.performance import PerformanceRegistry
from bots_app.registry import BotRegistry
from bots_app.serializers import (
    AggregateSerializer,
    RunInputSerializer,
    RunPageSerializer,
    WriteResultsSerializer,
    WritesInterruptedSerializer,
)
from bots_app.writes import write_batch
from dashboard.api import schema
from dashboard.api.links import api_path
from dashboard.api.views import ApiViewSet, NoParameters
from sessions_app.records import SessionId


@extend_schema(tags=["runs"])
class RunsViewSet(ApiViewSet):
    """The runs of a session: each the backtest of one configuration."""

    registry = BotRegistry
    performance = PerformanceRegistry
    serializer_class = RunPageSerializer
    filtersets = {"list": RunFilterSet, "aggregate": AggregateFilterSet}
    quick = {"list": "list_reader", "aggregate": "aggregate_reader"}
    parser_classes = [RunsParser, RunLinesParser]

    def related(self) -> list[tuple[str, str]]:
        """Return the session, and the runs of the page."""
        sid = self.kwargs["sid"]
        around = [("Session", ()), ("Aggregate", ("bots", "aggregate")), ("All runs", ("bots",))]
        runs = [(name, ("bots", name)) for name in self.page.hashes] if self.page is not None else []
        return [(text, api_path("sessions", sid, *below)) for text, below in around + runs]

    @classmethod
    def listing(cls, *, sid: str) -> RunListing:
        """Return the list of the session's runs."""
        return RunListing(cls.registry(), SessionId.parse(sid))

    @classmethod
    def aggregate_reader(cls, values: Mapping[str, Any], *, sid: str) -> Callable[[str | None], dict[str, Any]]:
        """Return what reads the figures that validated parameters ask for; it takes no cursor."""
        session, query = SessionId.parse(sid), run_query(values)
        return lambda _cursor: cls.performance().aggregate(session, query)

    @extend_schema(
        operation_id="runs_list",
        summary="List runs",
        description=(
            "Runs that pass the filters, best first unless told otherwise. `count` is exact. A walk along `nextCursor` "
            "or `previousCursor` meets each run whose value stays the same exactly once, whoever writes meanwhile."
        ),
        parameters=[schema.SID, *schema.parameters(RunFilterSet, schema.IF_NONE_MATCH, schema.ETAG, schema.LINK)],
        responses=schema.answers(
            RunPageSerializer, 404, examples=[OpenApiExample("A page", examples.PAGE, response_only=True)]
        ),
    )
    def list(self, request: Request, sid: str) -> Response:
        """Answer a page of runs."""
        return self.list_page(self.listing(sid=sid))

    @extend_schema(
        operation_id="runs_write",
        summary="Write runs",
        description=(
            "Stores one record, an array of them, or NDJSON; for Writers. Each record is stored whole or refused "
            "alone, and replaces what its configHash had before. The first record makes the session."
        ),
        parameters=[schema.SID, *schema.parameters(NoParameters)],
        request={
            "application/json": PolymorphicProxySerializer(
                component_name="RunOrRuns",
                serializers=[RunInputSerializer, RunInputSerializer(many=True)],
                resource_type_field_name=None,
                many=False,
            ),
            "application/x-ndjson": OpenApiTypes.STR,
        },
        examples=[OpenApiExample("One record", examples.RECORD, request_only=True, media_type="application/json")],
        responses=schema.answers(
            WriteResultsSerializer, 403, 413, 415, description="Something was stored, or nothing was sent."
        )
        | {
            (422, "application/json"): OpenApiResponse(WriteResultsSerializer, description="Every record was refused."),
            (503, "application/json"): OpenApiResponse(
                WritesInterruptedSerializer,
                description="The data store does not answer; it is safe to send all records again.",
            ),
        },
    )
    def create(self, request: Request, sid: str) -> Response:
        """Store a batch of runs."""
        batch = request.data
        if not isinstance(batch, Batch):
            raise ParseError("The body is empty; send a record, an array of records, or a record a line.")
        results = write_batch(self.registry(), SessionId.parse(sid), batch.records)
        all_refused = bool(results) and all(one["result"] == "refused" for one in results)
        return self.respond({"results": results}, status=422 if all_refused else 200)

    @extend_schema(
        operation_id="runs_aggregate",
        summary="Aggregate runs",
        description="Best, worst and average profit of all runs that pass the filters, and the count of each status.",
        parameters=[schema.SID, *schema.parameters(AggregateFilterSet, schema.IF_NONE_MATCH, schema.ETAG)],
        responses=schema.answers(AggregateSerializer, 404),
    )
    def aggregate(self, request: Request, sid: str) -> Response:
        """Answer figures over all matching runs."""
        return self.respond(self.aggregate_reader(self.parameters, sid=sid)(None))
