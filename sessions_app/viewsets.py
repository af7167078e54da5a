"""The sessions' API."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.api import schema
from dashboard.api.links import api_path, expected_etag
from dashboard.api.views import ApiViewSet, NoParameters
from sessions_app.filters import SessionFilterSet
from sessions_app.listing import SessionListing
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry, summary_etag
from sessions_app.serializers import SessionPatchSerializer, SessionSummarySerializer


@extend_schema(tags=["sessions"])
class SessionViewSet(ApiViewSet):
    """Sessions: each one sweep of a symbol, a timeframe and a period."""

    registry = SessionRegistry
    serializer_class = SessionSummarySerializer
    filtersets = {"list": SessionFilterSet}
    quick = {"list": "list_reader"}

    @classmethod
    def listing(cls) -> SessionListing:
        """Return the list of sessions."""
        return SessionListing(cls.registry())

    def related(self) -> list[tuple[str, str]]:
        """Return the sessions of the list, or the runs of the session."""
        if self.page is not None:
            return [(one.sid, api_path("sessions", one.sid)) for one in self.page.sessions]
        runs = api_path("sessions", self.kwargs["sid"], "bots")
        return [("Runs", runs), ("Aggregate", f"{runs}/aggregate")]

    @extend_schema(
        operation_id="sessions_list",
        summary="List sessions",
        description="Every session that passes the filters, as an array; longer lists are paged by the `Link` header.",
        parameters=schema.parameters(SessionFilterSet, schema.IF_NONE_MATCH, schema.ETAG, schema.LINK),
        responses=schema.answers(SessionSummarySerializer(many=True)),
    )
    def list(self, request: Request) -> Response:
        """Answer a page of sessions."""
        return self.list_page(self.listing())

    @extend_schema(
        operation_id="sessions_read",
        summary="Read a session",
        description="The session's summary. One that no program has written is made from the indexes of its runs.",
        parameters=[schema.SID, *schema.parameters(NoParameters, schema.IF_NONE_MATCH, schema.ETAG)],
        responses=schema.answers(SessionSummarySerializer, 404),
    )
    def retrieve(self, request: Request, sid: str) -> Response:
        """Answer one session."""
        summary = self.registry().get(SessionId.parse(sid))
        return self.respond(summary.to_dict(), etag=summary_etag(summary))

    @extend_schema(
        operation_id="sessions_annotate",
        summary="Annotate a session",
        description="Changes the notes, or whether the session is active; for Operators. All else comes from its runs.",
        parameters=[schema.SID, *schema.parameters(NoParameters, schema.IF_MATCH, schema.ETAG)],
        request=SessionPatchSerializer,
        responses=schema.answers(SessionSummarySerializer, 403, 404, 412, 413, 415),
    )
    def partial_update(self, request: Request, sid: str) -> Response:
        """Change notes and active."""
        patch = SessionPatchSerializer(data=request.data)
        patch.is_valid(raise_exception=True)
        changes, if_match = patch.validated_data, expected_etag(request._request)
        summary = self.registry().annotate(SessionId.parse(sid), **changes, if_match=if_match)
        return self.respond(summary.to_dict(), etag=summary_etag(summary))

    @extend_schema(
        operation_id="sessions_delete",
        summary="Delete a session",
        description="Deletes the session with all its runs, trades and indexes; for Operators.",
        parameters=[schema.SID, *schema.parameters(NoParameters)],
        responses=schema.answers(None, 403, 404, status=204, description="It is gone."),
    )
    def destroy(self, request: Request, sid: str) -> Response:
        """Delete one session."""
        self.registry().delete(SessionId.parse(sid))
        return Response(status=204)
