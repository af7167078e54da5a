"""The peer's list of runs under three filters, ordered by a fourth field, each of them indexed."""

from __future__ import annotations

from typing import Any

from django.db import models
from django_filters import rest_framework as filters
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from tests.bench.peers.orm import LIMIT, Run, Runs


class SweepFilter(filters.FilterSet):
    """The filters of the list."""

    minSharpe = filters.NumberFilter(field_name="sharpe", lookup_expr="gte")
    mostDrawdown = filters.NumberFilter(field_name="maxDrawdown", lookup_expr="lte")
    minTrades = filters.NumberFilter(field_name="numTrades", lookup_expr="gte")

    class Meta:
        model = Run
        fields = ["minSharpe", "mostDrawdown", "minTrades"]


class SweepRuns(Runs):
    """The list by cursor."""

    class Pagination(CursorPagination):
        page_size = LIMIT
        ordering = ("-calmar", "-configHash")

    filterset_class = SweepFilter
    pagination_class = Pagination

    def get_queryset(self) -> models.QuerySet[Run]:
        """Return the session's runs, without the records."""
        return Run.objects.filter(session=self.kwargs["sid"]).defer("record").order_by("-calmar", "-configHash")


class CountedSweepRuns(SweepRuns):
    """The list by cursor, and how many runs it holds, as the dashboard's answer says."""

    class Pagination(SweepRuns.Pagination):
        def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> Any:
            """Return the page; count the whole."""
            self.count = queryset.count()
            return super().paginate_queryset(queryset, request, view)

        def get_paginated_response(self, data: Any) -> Response:
            """Answer the page and the count."""
            answer = super().get_paginated_response(data)
            answer.data["count"] = self.count
            return answer

    pagination_class = Pagination
