"""One run's API: its record and the parts of it."""

from __future__ import annotations

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from bots_app import examples
from bots_app.filters import EquityFilterSet, TradeFilterSet
from bots_app.listing import TradeListing
from bots_app.parsers import RunsParser
from bots_app.performance import PerformanceRegistry
from bots_app.records import BotConfiguration
from bots_app.registry import BotRegistry, run_etag
from bots_app.serializers import (
    EquitySerializer,
    RunInputSerializer,
    RunPatchSerializer,
    RunRecordSerializer,
    TradeSerializer,
)
from bots_app.trades import TradeRegistry
from bots_app.writes import write_one
from dashboard.api import schema
from dashboard.api.links import api_path, content_etag, expected_etag
from dashboard.api.parsers import JSONParser
from dashboard.api.views import ApiViewSet, NoParameters, text_response
from sessions_app.records import SessionId

PATH = (schema.SID, schema.CONFIG_HASH)


@extend_schema(tags=["run"])
class RunViewSet(ApiViewSet):
    """One run: its record, its configuration, its trades, its equity curve."""

    registry = BotRegistry
    trade_registry = TradeRegistry
    performance = PerformanceRegistry
    serializer_class = RunRecordSerializer
    filtersets = {"trades": TradeFilterSet, "equity": EquityFilterSet}

    def get_parsers(self) -> list:
        """Return the parsers: a record to be stored stays the text it is."""
        return [RunsParser()] if self.request is not None and self.request.method == "PUT" else [JSONParser()]

    def related(self) -> list[tuple[str, str]]:
        """Return the run and its parts."""
        sid, config_hash = self.kwargs["sid"], self.kwargs["config_hash"]
        run = api_path("sessions", sid, "bots", config_hash)
        parts = [(name.capitalize(), f"{run}/{name}") for name in ("config", "trades", "equity", "raw")]
        return [("Session", api_path("sessions", sid)), ("Run", run), *parts]

    @extend_schema(
        operation_id="run_read",
        summary="Read a run",
        description="The record as it was written, fields of other programs included.",
        parameters=[*PATH, *schema.parameters(NoParameters, schema.IF_NONE_MATCH, schema.ETAG)],
        responses=schema.answers(
            RunRecordSerializer, 404, 422, examples=[OpenApiExample("A run", examples.RECORD, response_only=True)]
        ),
    )
    def retrieve(self, request: Request, sid: str, config_hash: str) -> Response:
        """Answer the record."""
        record = self.registry().get(SessionId.parse(sid), config_hash)
        return self.respond(record.to_dict(), etag=run_etag(record.raw))

    @extend_schema(
        operation_id="run_write",
        summary="Write a run",
        description="Stores the record under the configHash of the address, which it may leave out; for Writers.",
        parameters=[*PATH, *schema.parameters(NoParameters, schema.ETAG)],
        request=RunInputSerializer,
        examples=[OpenApiExample("A record", examples.RECORD, request_only=True)],
        responses=schema.answers(
            RunRecordSerializer, 403, 413, 415, 422, description="It replaced the run, or was the same."
        )
        | {
            (201, "application/json"): OpenApiResponse(RunRecordSerializer, description="There was no such run before.")
        },
    )
    def update(self, request: Request, sid: str, config_hash: str) -> Response:
        """Store the record."""
        records = getattr(request.data, "records", [])
        if len(records) != 1:
            raise ParseError("Send exactly one record, as a JSON object; several go to the address of the list.")
        registry, session_id = self.registry(), SessionId.parse(sid)
        is_new = write_one(registry, session_id, config_hash, records[0])
        record = registry.get(session_id, config_hash)
        return self.respond(record.to_dict(), etag=run_etag(record.raw), status=201 if is_new else 200)

    @extend_schema(
        operation_id="run_annotate",
        summary="Annotate a run",
        description="Changes notes and tags, and nothing else; for Operators.",
        parameters=[*PATH, *schema.parameters(NoParameters, schema.IF_MATCH, schema.ETAG)],
        request=RunPatchSerializer,
        responses=schema.answers(RunRecordSerializer, 403, 404, 412, 413, 415, 422),
    )
    def partial_update(self, request: Request, sid: str, config_hash: str) -> Response:
        """Change notes and tags."""
        patch = RunPatchSerializer(data=request.data)
        patch.is_valid(raise_exception=True)
        changes = patch.validated_data
        record = self.registry().annotate(
            SessionId.parse(sid), config_hash, **changes, if_match=expected_etag(request._request)
        )
        return self.respond(record.to_dict(), etag=run_etag(record.raw))

    @extend_schema(
        operation_id="run_delete",
        summary="Delete a run",
        description="Deletes the run with its trades; for Operators.",
        parameters=[*PATH, *schema.parameters(NoParameters)],
        responses=schema.answers(None, 403, 404, status=204, description="It is gone."),
    )
    def destroy(self, request: Request, sid: str, config_hash: str) -> Response:
        """Delete the run."""
        self.registry().delete(SessionId.parse(sid), config_hash)
        return Response(status=204)

    @extend_schema(
        operation_id="run_config",
        summary="Read a configuration",
        description="The configuration alone, in the nesting it was written in.",
        parameters=[*PATH, *schema.parameters(NoParameters)],
        responses=schema.answers(OpenApiTypes.OBJECT, 404, 422),
    )
    def config(self, request: Request, sid: str, config_hash: str) -> Response:
        """Answer the configuration."""
        record = self.registry().get(SessionId.parse(sid), config_hash)
        return self.respond(BotConfiguration(record.configuration).to_dict())

    @extend_schema(
        operation_id="run_trades",
        summary="List trades",
        description="The run's trades as an array, in stored order; longer lists are paged by the `Link` header.",
        parameters=[*PATH, *schema.parameters(TradeFilterSet, schema.IF_NONE_MATCH, schema.ETAG, schema.LINK)],
        responses=schema.answers(TradeSerializer(many=True), 404, 422),
    )
    def trades(self, request: Request, sid: str, config_hash: str) -> Response:
        """Answer a page of trades."""
        return self.list_page(TradeListing(self.trade_registry(), SessionId.parse(sid), config_hash))

    @extend_schema(
        operation_id="run_equity",
        summary="Read an equity curve",
        description="Equity and drawdown over time, from the trades, thinned out so that peaks and troughs survive.",
        parameters=[*PATH, *schema.parameters(EquityFilterSet)],
        responses=schema.answers(EquitySerializer, 404, 422),
    )
    def equity(self, request: Request, sid: str, config_hash: str) -> Response:
        """Answer the curve."""
        return self.respond(
            self.performance().equity(SessionId.parse(sid), config_hash, points=self.parameters["points"])
        )

    @extend_schema(
        operation_id="run_raw",
        summary="Read the stored text",
        description="What is stored under the run's key, letter for letter, also when it cannot be read as a record.",
        parameters=[*PATH, *schema.parameters(NoParameters, schema.IF_NONE_MATCH, schema.ETAG)],
        responses=schema.answers(OpenApiTypes.STR, 404, 422, media_type="text/plain"),
    )
    def raw(self, request: Request, sid: str, config_hash: str) -> HttpResponse | Response:
        """Answer the text."""
        text = self.registry().raw(SessionId.parse(sid), config_hash)
        etag = content_etag(text)
        return self.respond(None, etag=etag) if self.has_already(etag) else text_response(text, etag=etag)
