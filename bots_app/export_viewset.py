"""The export of runs as a file."""

from __future__ import annotations

import re
import threading
from collections import Counter
from typing import Any, Self
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response

from bots_app.export_filters import ExportFilterSet
from bots_app.exporting import Export, Wanted
from bots_app.exports import FORMATS, MARK
from bots_app.filters import run_query
from bots_app.query import RunQuery
from bots_app.table_lists import start_in
from dashboard.api import schema
from dashboard.api.links import api_path, at_cursors, link_header
from dashboard.api.renderers import BrowsableRenderer, JSONRenderer
from dashboard.api.views import CACHING, ApiViewSet
from dashboard.errors import InvalidParameter, Unavailable
from sessions_app.records import SessionId

#: Exports that one user, and that all users of a process, may have under way: each holds its columns in memory.
USER_EXPORTS, MOST_EXPORTS = 2, 6
#: Seconds after which it makes sense to ask again.
RETRY_S = 10
#: Parameters that do not say which runs are meant.
_OF_THE_FILE = ("format", "fields", "limit", "cursor")


class FileRenderer(JSONRenderer):
    """Stands for the file whatever a client says it takes: `format` alone decides; errors are JSON."""

    media_type = "*/*"


class ExportSlots:
    """Counts the exports that are under way in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users: Counter[Any] = Counter()

    def take(self, user: Any) -> None:
        """Count an export. Raises Throttled, Unavailable."""
        with self._lock:
            if self._users[user] >= USER_EXPORTS:
                raise Throttled(RETRY_S, f"You have {USER_EXPORTS} exports under way, the limit; let one of them end.")
            if self._users.total() >= MOST_EXPORTS:
                raise Unavailable(f"{MOST_EXPORTS} exports are under way, the limit; try again.", retry_after_s=RETRY_S)
            self._users[user] += 1

    def give_back(self, user: Any) -> None:
        """Count an export no longer."""
        with self._lock:
            self._users[user] -= 1
            if not self._users[user]:
                del self._users[user]


slots = ExportSlots()


class Body:
    """An export that holds a place among those under way until it is closed."""

    def __init__(self, export: Export, user: Any) -> None:
        self.export, self.user, self.is_closed = export, user, False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        return next(self.export)

    def close(self) -> None:
        """Let go of the disk, and of the place."""
        if not self.is_closed:
            self.is_closed = True
            self.export.close()
            slots.give_back(self.user)


class ExportResponse(StreamingHttpResponse):
    """A file that a slow reader takes minutes for: it has a thread of its own, see `dashboard/worker.py`."""

    is_endless = True


def _header(name: str, words: str, kind: type = str) -> OpenApiParameter:
    return OpenApiParameter(name, kind, OpenApiParameter.HEADER, response=[200], description=words)


HEADERS = [
    _header("Content-Disposition", "A name for the file, made of the session's id."),
    _header("X-Row-Count", "Runs in this file: one that holds fewer is not whole.", int),
    _header("X-Total-Count", "Runs that match, in this file or not.", int),
    _header("X-Filter", "The filters and the order, as parameters."),
    _header("X-Stale", "`true` when another program wrote runs that are not in the columns yet."),
    _header("Link", 'With `limit`: the rest (RFC 8288), `rel="next"`.'),
]
DESCRIPTION = (
    "All runs that pass the filters, in the order of the list, as a file: CSV, NDJSON or Parquet. Its columns are "
    "those of one moment, however long it is read; botId, notes and tags are as they are when their part is made. "
    "`X-Row-Count` says how many runs the file holds, `X-Filter` which ones; Parquet has both in its metadata, too. "
    "Should the data store fail meanwhile, the file breaks off: a CSV ends with a line that begins with `incomplete` "
    'and has a cell too many, NDJSON with an object `{"incomplete": why}`, and Parquet lacks its footer, so that it '
    "cannot be opened.\n\n"
    "To go on where a connection was lost, have the field `nextCursor` among the `fields`: it says of each run where "
    "the rest begins. Drop what came behind the last whole line, and ask with its cursor as `cursor`, the same filters "
    "and the same order: every run that was there all the while, and whose place in the order did not change, is in "
    "the parts exactly once, whatever has been written meanwhile, even if the run with that cursor is gone. Of Parquet "
    "no part of a file can be read: have it in parts, each with a `limit` of 100,000 or more, as each costs as much "
    "again as finding the order, and go on with the `Link` header."
)


def _answers() -> dict[Any, OpenApiResponse]:
    """Return the responses: a file of any format, or an error."""
    files = [one.content_type.partition(";")[0] for one in FORMATS.values()]
    errors = schema.answers(OpenApiTypes.BINARY, 404, media_type=files[0])
    return errors | {(200, one): OpenApiResponse(OpenApiTypes.BINARY, description="The file.") for one in files}


@extend_schema(tags=["runs"])
class ExportViewSet(ApiViewSet):
    """Runs as a file."""

    filtersets = {"export": ExportFilterSet}
    renderer_classes = [JSONRenderer, BrowsableRenderer, FileRenderer]

    def related(self) -> list[tuple[str, str]]:
        """Return the session and its runs."""
        sid = self.kwargs["sid"]
        return [("Session", api_path("sessions", sid)), ("Runs", api_path("sessions", sid, "bots"))]

    def finalize_response(self, request: Request, response: HttpResponseBase, *args: Any, **kwargs: Any) -> Any:
        """Say of errors that they are JSON, also to who takes the file alone."""
        response = super().finalize_response(request, response, *args, **kwargs)
        if isinstance(response, Response) and isinstance(response.accepted_renderer, FileRenderer):
            response.content_type = JSONRenderer.media_type
        return response

    @extend_schema(
        operation_id="runs_export",
        summary="Export runs",
        description=DESCRIPTION,
        parameters=[schema.SID, *schema.parameters(ExportFilterSet, *HEADERS)],
        responses=_answers(),
    )
    def export(self, request: Request, sid: str) -> HttpResponseBase:
        """Answer the file."""
        values, user = self.parameters, request.user.pk
        start = start_in(values["start"])
        if start is not None and values["cursor"]:
            raise InvalidParameter("start", "a cursor says where to go on already; leave one of them out.")
        cursor = values["cursor"].removeprefix(MARK)
        wanted = Wanted(values["format"], values["fields"], cursor or None, start, values["limit"])
        query, asked = run_query(values), filter_text(request._request)
        slots.take(user)
        try:
            found = Export(SessionId.parse(sid), query, wanted, facts={"filter": asked})
        except BaseException:
            slots.give_back(user)
            raise
        body = Body(found, user)
        headers = _headers(request._request, found, file_name(sid, found.format.suffix), asked)
        if request.method == "HEAD":
            body.close()
            return HttpResponse(content_type=found.format.content_type, headers=headers)
        return ExportResponse(body, content_type=found.format.content_type, headers=headers)


def _headers(request: HttpRequest, export: Export, name: str, asked: str) -> dict[str, str]:
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": f"{CACHING}, no-transform",
        "X-Content-Type-Options": "nosniff", "X-Row-Count": str(export.rows), "X-Total-Count": str(export.total),
        "X-Filter": asked,
    }  # fmt: skip
    if export.is_stale:
        headers["X-Stale"] = "true"
    links = at_cursors(request, {"next": export.next_cursor})
    return headers | ({"Link": link_header(links)} if links else {})


def file_name(sid: str, suffix: str) -> str:
    """Return a name that every system takes, made of a session's id."""
    return f"{re.sub(r'[^A-Za-z0-9._-]+', '_', sid).strip('._-')[:150] or 'runs'}.{suffix}"


def filter_text(request: HttpRequest) -> str:
    """Return the parameters that say which runs are meant and how they are ordered, fit for a header."""
    pairs = [(name, value) for name, values in request.GET.lists() if name not in _OF_THE_FILE for value in values]
    if not request.GET.get("ordering"):
        pairs.append(("ordering", RunQuery.ordering))
    return "&".join(f"{quote(name)}={quote(value, safe=':/,!')}" for name, value in pairs if value)
