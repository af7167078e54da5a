"""Paging by cursor, as DRF asks for it; where a cursor leads is known to the registry alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.api.filters import IntegerFilter, Page, RepositoryQuery, TextFilter
from dashboard.api.links import at_cursors, link_header

if TYPE_CHECKING:
    # DRF's views read the settings that name this module.
    from rest_framework.views import APIView


class CursorPagination(BasePagination):
    """Maps `cursor` and `limit` to a page of a RepositoryQuery, and its neighbours to a Link header.

    Both parameters are part of the view's filter set (see `page_filters`), which has validated them.
    """

    def paginate_queryset(self, queryset: RepositoryQuery, request: Request, view: APIView | None = None) -> Page:
        """Return the page that the parameters name. Raises CursorInvalid."""
        self.request, self.view = request, view
        return queryset.page(cursor=view.parameters["cursor"] or None, limit=view.parameters["limit"])

    def get_paginated_response(self, data: Page) -> Response:
        """Return the answer: the page's body as it is, its neighbours in the Link header."""
        links = at_cursors(self.request._request, {"next": data.next_cursor, "prev": data.previous_cursor})
        self.view.page, self.view.page_links = data, links
        return self.view.respond(data.body(), headers={"Link": link_header(links)} if links else None)


def page_filters(*, default: int, most: int) -> tuple[IntegerFilter, TextFilter]:
    """Return the filters `limit` and `cursor` of a list."""
    limit = IntegerFilter(
        label="Entries a page",
        least=1,
        most=most,
        default=default,
        help_text=f"Entries a page, 1 to {most}; default {default}.",
    )
    cursor = TextFilter(
        label="Cursor", help_text="Where to go on: a cursor that a page of this list answered, under the same filters."
    )
    return limit, cursor
