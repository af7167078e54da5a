"""The events of a session over HTTP."""

from __future__ import annotations

from functools import partial

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request

from dashboard.api import schema
from dashboard.api.links import api_path
from dashboard.api.renderers import BrowsableRenderer
from dashboard.api.streams import HEADER, LIFE_S, MEDIA_TYPE, StreamMixin
from dashboard.api.views import ApiViewSet, NoParameters
from sessions_app.events import EventRegistry
from sessions_app.records import SessionId

#: Events that the page for people shows.
SHOWN = 50
LAST_EVENT_ID = OpenApiParameter(
    HEADER,
    str,
    OpenApiParameter.HEADER,
    description="Id of the last event had; what changed since is sent first. Without it the stream begins now.",
)
DESCRIPTION = f"""Every change of the session once and in order, as server-sent events: `run` when a run was written,
`deleted` when one was deleted, `session` when notes or the like were changed. `deleted` without a `configHash` says
that the session itself is gone, and ends the stream.

A client that comes back with the id of its last event gets what happened meanwhile. `gap` tells that this can no longer
be known: its JSON says `reason` (`trimmed`: only the newest 10,000 events are kept; `lost`: the store lost them, or the
session was made anew), `since`, and `detail` in words.

A stream ends after {LIFE_S // 60} minutes, or when its token runs out, so that rights are looked at again; clients are
expected to come back. A browser that asks for HTML gets the newest {SHOWN} events on a page."""
EXAMPLE = OpenApiExample(
    "A run was written",
    value="id: 1700000000000-0\nevent: run\n"
    'data: {"configHash":"4f2a","status":"completed","profit":12.5,"revision":1700000000000042}\n\n',
)


@extend_schema(tags=["sessions"])
class EventsViewSet(StreamMixin, ApiViewSet):
    """Events: what changes in a session, as it changes."""

    registry = EventRegistry

    def related(self) -> list[tuple[str, str]]:
        """Return the session."""
        return [("Session", api_path("sessions", self.kwargs["sid"]))]

    @extend_schema(
        operation_id="sessions_events",
        summary="Watch a session",
        description=DESCRIPTION,
        parameters=[schema.SID, *schema.parameters(NoParameters, LAST_EVENT_ID)],
        responses=schema.answers(OpenApiTypes.STR, 404, examples=[EXAMPLE], media_type=MEDIA_TYPE),
    )
    def events(self, request: Request, sid: str) -> HttpResponseBase:
        """Answer the stream."""
        session = SessionId.parse(sid)
        if isinstance(request.accepted_renderer, BrowsableRenderer):
            return self.respond(self.registry().newest(session, SHOWN))
        return self.stream(partial(self.registry().subscribe, session))
