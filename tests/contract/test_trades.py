"""Pages of trades: every order, forward and back, at sizes that change on the way."""

from __future__ import annotations

import json
from typing import Any

import pytest
import redis

from bots_app.registry import BotRegistry
from bots_app.trades import FIELDS, ORDERINGS, TradeRegistry
from bots_app.writing import RunWrite
from dashboard.errors import CursorInvalid, InvalidParameter, RunNotFound
from sessions_app.records import SessionId
from tests.contract.model import SID, run, tag

sid = SessionId.parse(SID)
registry = TradeRegistry()
TRADES = [
    {"entryTime": 1_700_000_000_000 + place % 7, "exitTime": None if place % 5 else place, "profit": profit}
    for place, profit in enumerate([1.0, None, -2.0, 1.0, 0.0, -0.0, "3.5", "x", 1e300, -1e300, 1.0, None] * 2)
]


@pytest.fixture
def stored(store: redis.Redis) -> None:
    BotRegistry().put(sid, RunWrite.parse(run("a", 1.0, trades=TRADES)))


def wanted(ordering: str) -> list[int]:
    name = FIELDS[ordering.removeprefix("-")]
    trades = registry.all(sid, "a")
    values: dict[int, Any] = {trade.index: getattr(trade, name) for trade in trades}
    ranked = sorted((value, index) for index, value in values.items() if value is not None)
    ranked = ranked[::-1] if ordering.startswith("-") else ranked
    return [index for _, index in ranked] + [index for index, value in values.items() if value is None]


@pytest.mark.parametrize("ordering", ORDERINGS)
@pytest.mark.parametrize("sizes", [(1, 1), (7, 7), (50, 50), (7, 10), (10, 7), (1, 24)], ids=str)
def test_every_order_is_walked_whole_both_ways(stored: None, ordering: str, sizes: tuple[int, int]) -> None:
    forth, back = sizes
    expected, met, cursor, page = wanted(ordering), [], None, None
    for _ in range(30):
        page = registry.page(sid, "a", ordering=ordering, cursor=cursor, limit=forth)
        assert (page.count, page.first_rank) == (len(TRADES), len(met) + 1)
        met += [trade.index for trade in page.trades]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert met == expected
    last = len(page.trades)
    met, cursor = [], page.previous_cursor
    for _ in range(30):
        if cursor is None:
            break
        page = registry.page(sid, "a", ordering=ordering, cursor=cursor, limit=back)
        met = [trade.index for trade in page.trades] + met
        assert len(page.trades) == back or page.previous_cursor is None
        cursor = page.previous_cursor
    assert met == (expected[:-last] if last < len(expected) else [])


def test_a_cursor_holds_for_the_trades_as_they_were(stored: None, store: redis.Redis) -> None:
    cursor = registry.page(sid, "a", limit=5).next_cursor
    with pytest.raises(CursorInvalid):
        registry.page(sid, "a", ordering="-index", cursor=cursor, limit=5)
    assert registry.page(sid, "a", cursor=cursor, limit=3).first_rank == 6
    store.set(f"bot_registry:trades:{tag(SID)}:a", json.dumps(TRADES[1:]))
    with pytest.raises(CursorInvalid):
        registry.page(sid, "a", cursor=cursor, limit=5)


def test_a_run_without_trades_has_one_empty_page(store: redis.Redis) -> None:
    with pytest.raises(RunNotFound):
        registry.page(sid, "a")
    BotRegistry().put(sid, RunWrite.parse(run("a")))
    page = registry.page(sid, "a")
    assert (page.trades, page.count, page.first_rank) == ([], 0, None)
    assert (page.next_cursor, page.previous_cursor) == (None, None)
    with pytest.raises(InvalidParameter, match="use one of index, -index"):
        registry.page(sid, "a", ordering="size")


def test_trades_stay_when_a_record_comes_without_them_and_go_with_it(stored: None, store: redis.Redis) -> None:
    BotRegistry().put(sid, RunWrite.parse(run("a", 2.0)))
    assert len(registry.all(sid, "a")) == len(TRADES)
    BotRegistry().put(sid, RunWrite.parse(run("a", 2.0, trades=[])))
    assert registry.all(sid, "a") == []
    BotRegistry().delete(sid, "a")
    assert not store.exists(f"bot_registry:trades:{tag(SID)}:a")
