"""The peer: runs as a table, as Django's and Django REST framework's own documentation would have it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
from django.db import connection, models
from django.db.models import Avg, Count, Max, Min
from django_filters import rest_framework as filters
from rest_framework import generics, serializers
from rest_framework.pagination import Cursor, CursorPagination, LimitOffsetPagination
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

LIMIT = 50
COLUMNS = (
    "session", "configHash", "botId", "status", "lastUpdated", "profit", "sharpe", "maxDrawdown", "winRate",
    "profitFactor", "numTrades", "calmar", "record",
)  # fmt: skip
#: Those of a row of the list.
ROW = tuple(name for name in COLUMNS if name not in ("session", "calmar", "record"))


class Run(models.Model):
    """A run with the columns of the list, and the whole record beside them. The indexes match what is asked."""

    session = models.TextField()
    configHash = models.TextField()
    botId = models.TextField()
    status = models.TextField()
    lastUpdated = models.BigIntegerField(null=True)
    profit = models.FloatField(null=True)
    sharpe = models.FloatField(null=True)
    maxDrawdown = models.FloatField(null=True)
    winRate = models.FloatField(null=True)
    profitFactor = models.FloatField(null=True)
    numTrades = models.IntegerField(null=True)
    calmar = models.FloatField(null=True)
    record = models.TextField()

    class Meta:
        app_label = "bench_peers"
        indexes = [
            models.Index(fields=["session", "status", "-profit", "-configHash"], name="bench_status_profit"),
            models.Index(fields=["session", "-profit", "-configHash"], name="bench_profit"),
            models.Index(fields=["session", "-calmar", "-configHash"], name="bench_calmar"),
            models.Index(fields=["session", "sharpe"], name="bench_sharpe"),
            models.Index(fields=["session", "maxDrawdown"], name="bench_drawdown"),
            models.Index(fields=["session", "numTrades"], name="bench_trades"),
        ]

    def __str__(self) -> str:
        return self.configHash


class RunSerializer(serializers.ModelSerializer):
    """A row of the list."""

    class Meta:
        model = Run
        fields = ROW


class RunFilter(filters.FilterSet):
    """The filters of the list."""

    minProfit = filters.NumberFilter(field_name="profit", lookup_expr="gte")

    class Meta:
        model = Run
        fields = ["status", "minProfit"]


class Runs(generics.ListAPIView):
    """The list by cursor; who may read it and how often is as in the dashboard."""

    class Pagination(CursorPagination):
        page_size = LIMIT
        ordering = ("-profit", "-configHash")

    serializer_class = RunSerializer
    renderer_classes = [JSONRenderer]
    filter_backends = [filters.DjangoFilterBackend]
    filterset_class = RunFilter
    pagination_class = Pagination

    def get_queryset(self) -> models.QuerySet[Run]:
        """Return the session's runs, without the records."""
        return Run.objects.filter(session=self.kwargs["sid"]).defer("record").order_by("-profit", "-configHash")


class CountedRuns(Runs):
    """The list by offset, which counts what it holds, as the dashboard's does."""

    class Pagination(LimitOffsetPagination):
        default_limit = LIMIT

    pagination_class = Pagination


class Aggregate(APIView):
    """Count, best, worst and mean of each status."""

    renderer_classes = [JSONRenderer]

    def get(self, request: Request, sid: str) -> Response:
        """Answer the figures."""
        found = Run.objects.filter(session=sid).values("status").order_by("status")
        return Response(found.annotate(n=Count("id"), mean=Avg("profit"), best=Max("profit"), worst=Min("profit")))


def create_table() -> None:
    """Make the table and its indexes."""
    with connection.schema_editor() as editor:
        editor.create_model(Run)


def load(sid: str, texts: Iterable[bytes]) -> None:
    """Store runs the quickest way there is, then let Postgres learn what it holds."""
    names = ", ".join(f'"{name}"' for name in COLUMNS)
    with connection.cursor() as cursor:
        with cursor.copy(f'COPY "{Run._meta.db_table}" ({names}) FROM STDIN') as copy:
            for text in texts:
                copy.write_row(values(sid, text))
        cursor.execute(f'VACUUM (ANALYZE) "{Run._meta.db_table}"')


def values(sid: str, text: bytes) -> tuple[Any, ...]:
    """Return the columns of a record."""
    record = msgspec.json.decode(text)
    found = record["resultsMetadata"]["performance"]
    return (
        sid, record["configHash"], record["botId"], record["status"], record["lastUpdated"], found["totalProfit"],
        found["sharpeRatio"], found["maxDrawdown"], found["winRate"], found["profitFactor"], found["numTrades"],
        found["calmarRatio"], text.decode(),
    )  # fmt: skip


def cursor_behind(profit: float) -> str:
    """Return the cursor, as it stands in an address, of the page that follows a profit."""
    paginator = Runs.Pagination()
    paginator.base_url = ""
    link = paginator.encode_cursor(Cursor(offset=0, reverse=False, position=repr(profit)))
    return parse_qs(urlsplit(link).query)["cursor"][0]
