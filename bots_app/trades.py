"""TradeRegistry: the door to the trades of a run."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import msgspec

from bots_app.records import BacktestRunRecord, Trade, embedded_trades, read_run, read_trade
from dashboard.errors import InvalidParameter, RecordUnreadable, RunNotFound
from dashboard.store import cursor as cursors
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.tolerant import NotJsonError, parse_json
from sessions_app.records import SessionId

#: Sort fields, by the attribute that holds their value; index is the order in which the trades are stored.
FIELDS = {"index": "index", "entryTime": "entry_time", "exitTime": "exit_time", "profit": "profit"}
ORDERINGS = tuple(sign + name for name in FIELDS for sign in ("", "-"))


@dataclass(frozen=True)
class TradePage:
    """One page of trades; `first_rank` counts from 1."""

    trades: list[Trade]
    next_cursor: str | None
    previous_cursor: str | None
    count: int
    first_rank: int | None


class TradeRegistry:
    """Reads the trades of runs. Every method may raise StoreUnavailable."""

    def all(self, sid: SessionId, config_hash: str) -> list[Trade]:
        """Return every trade as stored: under the key of its own, else inside the record; none is an empty list.

        Raises RunNotFound, RecordUnreadable. Cost: one round trip.
        """
        return _read(sid, config_hash)[0]

    def page(
        self, sid: SessionId, config_hash: str, *, ordering: str = "index", cursor: str | None = None,
        limit: int = 10_000,
    ) -> TradePage:  # fmt: skip
        """Return one page of trades; those without the sort value come last. Raises as `all` does, and CursorInvalid.

        A cursor holds for the trades as they were stored: once they are written anew, it is refused.
        """
        if ordering not in ORDERINGS:
            raise InvalidParameter("ordering", f"{ordering!r} is not known; use one of {', '.join(ORDERINGS)}.")
        trades, digest = _read(sid, config_hash)
        scope = msgspec.json.encode(("trades", str(sid), config_hash, ordering, digest)).decode()
        # A cursor is a place between two trades, and whether the page ends there instead of beginning.
        place, is_end = cursors.decode(cursor, scope=scope) if cursor else (0, False)
        first = max(0, place - limit) if is_end else place
        last = place if is_end else min(place + limit, len(trades))
        return TradePage(
            in_order(trades, ordering)[first:last],
            cursors.encode((last, False), scope=scope) if last < len(trades) else None,
            cursors.encode((first, True), scope=scope) if first > 0 else None,
            len(trades), first + 1 if trades else None,
        )  # fmt: skip


def in_order(trades: list[Trade], ordering: str) -> list[Trade]:
    """Return the trades sorted, ties as stored (mirrored when descending), those without the value last."""
    name = FIELDS[ordering.removeprefix("-")]
    present = [trade for trade in trades if getattr(trade, name) is not None]
    present.sort(key=lambda trade: (getattr(trade, name), trade.index), reverse=ordering.startswith("-"))
    return present + [trade for trade in trades if getattr(trade, name) is None]


def _read(sid: SessionId, config_hash: str) -> tuple[list[Trade], str]:
    """Return the trades and a digest of the text they were read from."""
    keys = SessionKeys(str(sid))
    pipe = client().pipeline()
    pipe.get(keys.trades(config_hash))
    pipe.get(keys.run(config_hash))
    pipe.sismember(keys.bots, config_hash)
    text, record, is_listed = pipe.answers()
    if isinstance(text, Exception):
        raise RecordUnreadable(f"The trades of run {config_hash}", "they are not stored as text")
    if text is None:
        if record is None and is_listed != 1:
            raise RunNotFound(sid, config_hash)
        run = read_run(config_hash, record if isinstance(record, bytes) else None)
        values = embedded_trades(run) if isinstance(run, BacktestRunRecord) else []
        return _trades(values), hashlib.sha256(record if isinstance(record, bytes) else b"").hexdigest()[:16]
    try:
        stored = parse_json(text)
    except NotJsonError as error:
        raise RecordUnreadable(f"The trades of run {config_hash}", str(error)) from None
    if not isinstance(stored, list):
        raise RecordUnreadable(f"The trades of run {config_hash}", "they are no JSON array")
    return _trades(stored), hashlib.sha256(text).hexdigest()[:16]


def _trades(values: list[Any]) -> list[Trade]:
    return [read_trade(index, value) for index, value in enumerate(values)]
