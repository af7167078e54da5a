"""Lists about runs, as a view asks for them: a query, narrowed by parameters, that answers pages ready to send."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bots_app.filters import run_query
from bots_app.metrics import DEFAULT_PATHS, ROW_METRICS
from bots_app.planner import TABLE, Plan, plan_of
from bots_app.query import RunQuery
from bots_app.records import Trade
from bots_app.registry import BotRegistry, RunPage
from bots_app.table.query import TablePage
from bots_app.table_lists import Start, check_fields, start_in
from bots_app.trades import TradePage, TradeRegistry
from dashboard.api.filters import Page, RepositoryQuery
from dashboard.api.renderers import encode
from dashboard.errors import InvalidParameter
from sessions_app.records import SessionId

#: Fields that may be asked for whatever the runs of a session have.
KNOWN_FIELDS = frozenset(
    {"configHash", "status", "profit", "botId", "lastUpdated", "notes", "tags", *ROW_METRICS, *DEFAULT_PATHS}
)
#: The query of a list that has not been narrowed yet.
ALL_RUNS = RunQuery()


@dataclass(frozen=True)
class RunListing(RepositoryQuery):
    """The runs of a session."""

    registry: BotRegistry
    sid: SessionId
    query: RunQuery = ALL_RUNS
    fields: tuple[str, ...] = ()
    start: Start | None = None
    is_explained: bool = False

    def narrowed(self, values: Mapping[str, Any]) -> RunListing:
        """Return the listing under the validated parameters. Raises InvalidParameter."""
        start = start_in(values["start"])
        if start is not None and values["cursor"]:
            raise InvalidParameter("start", "a cursor says where to go on already; leave one of them out.")
        query = run_query(values)
        return RunListing(self.registry, self.sid, query, values["fields"], start, values["explain"])

    def page(self, *, cursor: str | None, limit: int) -> Page:
        """Return a page. Raises SessionNotFound, CursorInvalid, InvalidParameter."""
        if self.fields:
            check_fields(self.sid, self.fields, KNOWN_FIELDS)
        page = self.registry.page(
            self.sid, self.query, cursor=cursor, limit=limit, start=self.start, fields=self.fields
        )  # fmt: skip
        picked = PickedPage(page, self.registry.page_rows(self.sid, page, self.fields)) if self.fields else page
        return ExplainedPage(picked, self._plan(page)) if self.is_explained else picked

    def _plan(self, page: RunPage) -> Plan:
        plan = plan_of(self.query, self.fields)
        if isinstance(page.reply, TablePage) and not plan.is_table:
            return Plan(TABLE, "a rank of the list was asked for, and the walk goes on where it began")
        return plan


@dataclass(frozen=True)
class OtherBody:
    """A page of runs of which another body is made."""

    page: Any

    @property
    def hashes(self) -> list[str]:
        """Return the configHash of each row."""
        return self.page.hashes

    @property
    def next_cursor(self) -> str | None:
        """Return the cursor of the page after this one."""
        return self.page.next_cursor

    @property
    def previous_cursor(self) -> str | None:
        """Return the cursor of the page before this one."""
        return self.page.previous_cursor


@dataclass(frozen=True)
class ExplainedPage(OtherBody):
    """A page that says what it was read from."""

    plan: Plan

    def body(self) -> bytes:
        """Return the JSON of the answer."""
        return self.page.body()[:-1] + b',"plan":' + encode(self.plan._asdict()) + b"}"


@dataclass(frozen=True)
class PickedPage(OtherBody):
    """A page of runs with other fields than usual."""

    rows: list[dict[str, Any]]

    def body(self) -> bytes:
        """Return the JSON of the answer."""
        answer = {
            "bots": self.rows,
            "nextCursor": self.next_cursor,
            "previousCursor": self.previous_cursor,
            "count": self.page.count,
        }
        return encode(answer | {"stale": True} if self.page.stale else answer)


@dataclass(frozen=True)
class TradeListing(RepositoryQuery):
    """The trades of a run."""

    registry: TradeRegistry
    sid: SessionId
    config_hash: str
    ordering: str = "index"

    def narrowed(self, values: Mapping[str, Any]) -> TradeListing:
        """Return the listing under the validated parameters."""
        return replace(self, ordering=values["ordering"])

    def page(self, *, cursor: str | None, limit: int) -> Page:
        """Return a page. Raises RunNotFound, RecordUnreadable, CursorInvalid."""
        found = self.registry.page(self.sid, self.config_hash, ordering=self.ordering, cursor=cursor, limit=limit)
        return TradesBody(found, encode([trade_dict(trade) for trade in found.trades]))


@dataclass(frozen=True)
class TradesBody:
    """A page of trades as JSON."""

    page: TradePage
    content: bytes

    @property
    def next_cursor(self) -> str | None:
        """Return the cursor of the page after this one."""
        return self.page.next_cursor

    @property
    def previous_cursor(self) -> str | None:
        """Return the cursor of the page before this one."""
        return self.page.previous_cursor

    def body(self) -> bytes:
        """Return the JSON array."""
        return self.content


def trade_dict(trade: Trade) -> dict[str, Any]:
    """Return a trade as it was stored, with the fields of the common shape where the stored one lacks them."""
    common = {
        "index": trade.index,
        "side": trade.side,
        "entryTime": trade.entry_time,
        "exitTime": trade.exit_time,
        "entryPrice": trade.entry_price,
        "exitPrice": trade.exit_price,
        "size": trade.size,
        "profit": trade.profit,
        "fee": trade.fee,
        "reason": trade.reason,
    }
    return common | trade.raw
