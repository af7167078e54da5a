"""What every view of the API shares: who may use it, how it reads and writes, and that parameters are strict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import NotFound
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from dashboard.api.authentication import TokenAuthentication
from dashboard.api.exceptions import NOT_FOUND, exception_handler
from dashboard.api.filters import Page, RepositoryFilterBackend, RepositoryFilterSet, RepositoryQuery, parameters_of
from dashboard.api.links import check_conditions, content_etag, holds
from dashboard.api.negotiation import Negotiation
from dashboard.api.pagination import CursorPagination
from dashboard.api.parsers import JSONParser, drain, receive_chunks
from dashboard.api.permissions import Rights
from dashboard.api.renderers import BrowsableRenderer, JSONRenderer, encode
from dashboard.api.throttles import UserRateThrottle

#: What is read is the reader's own, and asked for again before it is shown again.
CACHING = "private, no-cache"


#: Where the environment holds an error that `quick` has met, of a request that has been let in and counted.
MET = "dashboard.met"


class NoParameters(RepositoryFilterSet):
    """The parameters of an address that takes none."""


class ApiMixin:
    """The settings of the API, and strict parameters; put it before a view class of DRF's."""

    authentication_classes = [TokenAuthentication, SessionAuthentication]
    permission_classes = [Rights]
    throttle_classes = [UserRateThrottle]
    renderer_classes = [JSONRenderer, BrowsableRenderer]
    parser_classes = [JSONParser]
    content_negotiation_class = Negotiation
    versioning_class = None
    metadata_class = None

    request: Request
    #: The validated parameters of the request.
    parameters: Mapping[str, Any]
    #: The page of a list that is answered, and links to its neighbours.
    page: Any = None
    page_links: Mapping[str, str] = {}
    http_method_names = ["get", "post", "put", "patch", "delete", "head"]

    def get_filterset_class(self) -> type[RepositoryFilterSet]:
        """Return the set of parameters that the address takes."""
        return NoParameters

    def related(self) -> list[tuple[str, str]]:
        """Return what the browsable page leads on to, as (text, address)."""
        return []

    def get_exception_handler(self) -> Callable[..., Response]:
        """Return the handler of every error that leaves the view."""
        return exception_handler

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Let in who may come in, then validate the parameters."""
        if (met := request._request.META.get(MET)) is not None:
            raise met
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        check_conditions(request._request)
        receive_chunks(request._request)
        self.parameters = parameters_of(request, self.get_filterset_class())

    def finalize_response(
        self, request: Request, response: HttpResponseBase, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        """Finish the answer, once the whole request is in."""
        drain(request._request)
        return super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]

    def respond(
        self, data: Any, *, etag: str | None = None, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Return the answer, in JSON with an ETag: that given, else one of its content; 304 to who already has it.

        The browsable page shows more than the data, such as who is logged in, and has none.
        """
        headers = {"Cache-Control": CACHING} | dict(headers or {})
        if not isinstance(self.request.accepted_renderer, JSONRenderer):
            return Response(data, status=status, headers=headers)
        body = data if data is None or isinstance(data, bytes) else encode(data)
        etag = etag or (content_etag(body or b"") if self.request.method in SAFE_METHODS else None)
        if etag:
            headers["ETag"] = etag
            if self.has_already(etag):
                return Response(status=304, headers=headers)
        return Response(body, status=status, headers=headers)

    def has_already(self, etag: str) -> bool:
        """Tell whether the client reads and says that it has the answer of this ETag."""
        return self.request.method in SAFE_METHODS and holds(self.request.META.get("HTTP_IF_NONE_MATCH"), etag)


class ApiViewSet(ApiMixin, GenericViewSet):
    """A viewset over registries: each action names its parameters in `filtersets`."""

    filter_backends = [RepositoryFilterBackend]
    pagination_class = CursorPagination
    filtersets: ClassVar[Mapping[str, type[RepositoryFilterSet]]] = {}
    #: Actions that `quick` may answer instead, by the name of the class method that returns what reads a page or data.
    quick: ClassVar[Mapping[str, str]] = {}
    #: Returns the list that the parts of an address name: of viewsets that have one.
    listing: ClassVar[Callable[..., RepositoryQuery]]

    def get_filterset_class(self) -> type[RepositoryFilterSet]:
        """Return the set of parameters of the current action."""
        return self.filtersets.get(self.action or "", NoParameters)

    @classmethod
    def list_reader(cls, values: Mapping[str, Any], **parts: str) -> Callable[[str | None], Page]:
        """Return what reads, by its cursor, any page of the list that validated parameters name."""
        listing, limit = cls.listing(**parts).narrowed(values), values["limit"]
        return lambda cursor: listing.page(cursor=cursor, limit=limit)

    def list_page(self, query: RepositoryQuery) -> Response:
        """Return a page of the query, narrowed by the filters."""
        page = self.paginate_queryset(self.filter_queryset(query))
        return self.get_paginated_response(page)


class NotFoundView(ApiMixin, APIView):
    """Answers every address under /api/ that is none, in JSON and with every method."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    throttle_classes: list[Any] = []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse, before anything of the request is looked at."""
        raise NotFound(NOT_FOUND)


def text_response(body: bytes, *, etag: str) -> HttpResponse:
    """Return text that no browser takes for anything else."""
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": CACHING, "ETag": etag}
    return HttpResponse(body, content_type="text/plain; charset=utf-8", headers=headers)
