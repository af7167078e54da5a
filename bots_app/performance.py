"""PerformanceRegistry: the door to what is computed over runs and over a run's trades."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from bots_app.aggregate import read_aggregate
from bots_app.analysis.equity import EquityCurve, equity_curve
from bots_app.analysis.report import TearSheet, tear_sheet
from bots_app.analysis.trades import TradeArrays
from bots_app.metrics import starting_balance
from bots_app.planner import plan_of_aggregate
from bots_app.query import RunQuery
from bots_app.records import BacktestRunRecord
from bots_app.registry import BotRegistry
from bots_app.table_lists import aggregate_in_table
from bots_app.trades import TradeRegistry
from bots_app.unindexed import wait_for_index
from dashboard.errors import RecordUnreadable, SessionNotFound
from dashboard.store.keys import SessionKeys
from sessions_app.records import SessionId


class PerformanceRegistry:
    """Aggregates of sessions, equity and tear sheets of runs. Every method may raise StoreUnavailable."""

    def aggregate(self, sid: SessionId, query: RunQuery) -> dict[str, Any]:
        """Return counts, best, worst, mean, median and deviation of the profits of every run that matches.

        Raises SessionNotFound, IndexBuilding. Cost: one round trip without a range and with at most one status.
        """
        if plan_of_aggregate(query).is_table:
            return aggregate_in_table(sid, query)
        keys = SessionKeys(str(sid))

        def meanwhile() -> dict[str, Any]:
            raise wait_for_index(sid, "its aggregate")

        answer = BotRegistry().when_built(sid, lambda: read_aggregate(keys, query), meanwhile)
        if answer is None:
            raise SessionNotFound(sid)
        return answer

    def equity(self, sid: SessionId, config_hash: str, *, points: int = 1000) -> dict[str, Any]:
        """Return {"time": [ms], "equity": [...], "drawdown": [...]}, at most `points` of each, peaks and troughs kept.

        Raises RunNotFound, RecordUnreadable.
        """
        return self._curve(sid, config_hash).series(points)

    def tear_sheet(self, sid: SessionId, run: BacktestRunRecord, *, periods_per_year: int = 365) -> TearSheet:
        """Return everything the run page shows of a run's trades. Raises RunNotFound, RecordUnreadable."""
        trades = TradeArrays.from_trades(TradeRegistry().all(sid, run.configHash))
        reported = {name: value for name, value in run.metrics.items() if value is not None}
        return tear_sheet(
            trades, start_ms=sid.start_ms, end_ms=sid.end_ms, starting_balance=starting_balance(run.whole),
            periods_per_year=periods_per_year, reported=reported,
        )  # fmt: skip

    def _curve(self, sid: SessionId, config_hash: str) -> EquityCurve:
        trades = TradeArrays.from_trades(TradeRegistry().all(sid, config_hash))
        try:
            balance = starting_balance(BotRegistry().get(sid, config_hash).whole)
        except RecordUnreadable:
            # Trades under a key of their own can be read all the same.
            balance = None
        return equity_curve(trades, start_ms=sid.start_ms, end_ms=sid.end_ms, starting_balance=balance)


def aggregate_etag(answer: dict[str, Any]) -> str:
    """Return the strong ETag of an aggregate."""
    return f'"{hashlib.blake2b(msgspec.json.encode(answer), digest_size=12).hexdigest()}"'
