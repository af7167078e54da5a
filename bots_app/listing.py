"""Lists about runs, as a view asks for them: a query, narrowed by parameters, that answers pages ready to send."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bots_app.filters import run_query
from bots_app.query import RunQuery
from bots_app.records import Trade
from bots_app.registry import BotRegistry, RunPage
from bots_app.trades import TradePage, TradeRegistry
from dashboard.api.filters import Page, RepositoryQuery
from dashboard.api.renderers import encode
from sessions_app.records import SessionId


@dataclass(frozen=True)
class RunListing(RepositoryQuery):
    """The runs of a session."""

    registry: BotRegistry
    sid: SessionId
    query: RunQuery = field(default_factory=RunQuery)
    fields: tuple[str, ...] = ()

    def narrowed(self, values: Mapping[str, Any]) -> RunListing:
        """Return the listing under the validated parameters."""
        return RunListing(self.registry, self.sid, run_query(values), values["fields"])

    def page(self, *, cursor: str | None, limit: int) -> Page:
        """Return a page. Raises SessionNotFound, CursorInvalid."""
        page = self.registry.page(self.sid, self.query, cursor=cursor, limit=limit)
        if not self.fields:
            return page
        return PickedPage(page, self.registry.rows(self.sid, page.hashes, self.fields))


@dataclass(frozen=True)
class PickedPage:
    """A page of runs with other fields than usual."""

    page: RunPage
    rows: list[dict[str, Any]]

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
