"""Runs, configurations and trades as other programs wrote them: every shape is read, and nothing raises."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bots_app import metrics
from bots_app.metrics import ROW_METRICS, metric_paths, metrics_of, starting_balance, value_at
from bots_app.records import (
    BacktestRunRecord,
    BotConfiguration,
    UnreadableRun,
    embedded_trades,
    read_run,
    read_trade,
)
from dashboard.tolerant import to_number

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)
NAMES = st.sampled_from([
    "configHash", "status", "lastUpdated", "resultsMetadata", "performance", "marketHistory", "configuration", "trades",
    "profit", "totalProfit", "tags", "notes", "botId", "sharpe", "numTrades", "initialBalance",
])  # fmt: skip
RECORDS = st.recursive(
    TREES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=6), max_leaves=20
)
FIELDS = (
    "configHash", "status", "profit", "sharpe", "notes", "tags", "config.fast", "config.", "config.a.b", "sharpeRatio",
    "", ".", "a.b.c", "trades", "botId", "lastUpdated", "avgTradeDuration",
)  # fmt: skip


def record(**more: Any) -> BacktestRunRecord:
    run = read_run("a1", json.dumps({"status": "completed"} | more).encode())
    assert isinstance(run, BacktestRunRecord)
    return run


@pytest.mark.parametrize(
    ("results", "profit"),
    [
        ({"performance": {"profit": 1.5}}, 1.5),
        ({"performance": {"totalProfit": 2}}, 2),
        ({"performance": {"netProfit": "3.5"}}, 3.5),
        ({"performance": {"pnl": -4}}, -4),
        ({"profit": 5}, 5),
        ({"performance": {"profit": 1, "totalProfit": 2}, "profit": 5}, 1),
        ({"performance": {"profit": None, "totalProfit": 2}}, 2),
        ({"performance": {"profit": "n/a", "netProfit": 3}}, 3),
        ({"performance": {"profit": True, "pnl": 3}}, 3),
        ({"performance": {"profit": float("nan"), "totalProfit": float("inf")}}, None),
        ({"performance": [1], "profit": 5}, 5),
        ({"performance": {"profit": {"value": 3}}}, None),
        ({"performance": {"profit": 10**400}}, None),
        ([], None),
        (None, None),
    ],
)
def test_the_profit_is_the_first_number_on_its_paths(results: Any, profit: float | None) -> None:
    run = record(resultsMetadata=results)
    assert run.profit == profit
    assert run.row()["profit"] == profit


def test_metrics_are_found_under_performance_and_directly() -> None:
    values = {"maxDrawdown": 0.2, "winRate": 0.5, "profitFactor": 1.4, "avgTradeDuration": 60}
    new = record(resultsMetadata={"performance": values | {"sharpeRatio": 1.1, "totalTrades": 12}})
    early = record(resultsMetadata=values | {"sharpeRatio": 1.1, "trades": 12})
    for run in (new, early):
        assert run.metrics == values | {"profit": None, "sharpe": 1.1, "numTrades": 12}
        assert list(run.row()) == ["configHash", "status", "profit", "botId", "lastUpdated", *ROW_METRICS]
    assert record(resultsMetadata={"trades": [{}, {}]}).metrics["numTrades"] is None


def test_a_setting_moves_the_paths(settings: Any) -> None:
    settings.METRIC_PATHS = {"profit": ("deep.er.gain",)}
    metrics.metric_paths.cache_clear()
    try:
        assert record(deep={"er": {"gain": 7}}, resultsMetadata={"profit": 5}).profit == 7
    finally:
        metrics.metric_paths.cache_clear()


@pytest.mark.parametrize(
    ("value", "balance"),
    [
        ({"resultsMetadata": {"initialBalance": 1000}}, 1000.0),
        ({"resultsMetadata": {"performance": {"startingCapital": "2500"}}}, 2500.0),
        ({"configuration": {"positionSizing": {"initialCapital": 5}}}, 5.0),
        ({"resultsMetadata": {"initialBalance": 0}, "configuration": {"startingBalance": 7}}, 7.0),
        ({"resultsMetadata": {"initialBalance": -3}}, None),
        ({}, None),
    ],
)
def test_the_starting_balance(value: dict[str, Any], balance: float | None) -> None:
    assert starting_balance(value) == balance


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "no record is stored under its key"),
        (b"", "the text is empty"),
        (b"not JSON", "not JSON at character 0"),
        (b'{"a":"\xff"}', "not UTF-8 at byte 6"),
        (b"[1]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"[" * 100_000, "nested too deep"),
    ],
)
def test_an_unreadable_record_is_a_value_with_its_reason(text: bytes | None, reason: str) -> None:
    run = read_run("a1", text)
    assert isinstance(run, UnreadableRun)
    assert run.reason.startswith(reason)
    row = run.row()
    assert row["configHash"] == "a1" and row["status"] == "unreadable" and row["unreadable"] == run.reason
    assert [row[name] for name in ("profit", "botId", "lastUpdated", *ROW_METRICS)] == [None] * 8


def test_what_is_stored_comes_back_with_the_fields_of_the_contract() -> None:
    run = record(theirs={"x": [1, None]}, botId=7, configHash="another", notes=None)
    assert run.to_dict() == {
        "configHash": "a1", "status": "completed", "botId": 7, "lastUpdated": None, "resultsMetadata": None,
        "configuration": None, "notes": None, "tags": [], "theirs": {"x": [1, None]},
    }  # fmt: skip
    assert run.botId == "7"
    assert record(status=None).status == "unknown"
    assert record(status="").status == "unknown"
    assert record(status=404).status == "404"
    assert record(tags=["a", 1, None, "b"]).tags == ["a", "b"]
    assert record(tags="a").tags == [] and record(configuration=[1]).configuration == {}


def test_fields_are_found_by_flat_names() -> None:
    run = record(
        configuration={"fast": 5, "strategy": {"params": {"slow": 20}}, "a.b": 1, "a": {"c.d": 2}},
        resultsMetadata={"performance": {"sharpeRatio": 1.5, "ulcer": 3, "deep": {"er": 4}}, "only": 6},
        notes="good",
        tags=["x"],
    )
    expected = {
        "config.fast": 5, "config.strategy.params.slow": 20, "config.a.b": 1, "config.a.c.d": 2, "sharpeRatio": 1.5,
        "sharpe": 1.5, "ulcer": 3, "deep.er": 4, "only": 6, "notes": "good", "tags": ["x"], "status": "completed",
        "config.strategy": None, "config.none": None, "none": None, "deep": None, "deep.none": None, "deep.er.x": None,
    }  # fmt: skip
    assert {name: run.value(name) for name in expected} == expected


def test_every_leaf_of_a_configuration_is_a_parameter() -> None:
    tree = {"a": 1, "b": {"c": [2, {"d": 3}], "e": {}, "f": []}, "": 4, "g": None}
    assert BotConfiguration(tree).parameters() == {
        "a": 1, "b.c.0": 2, "b.c.1.d": 3, "b.e": {}, "b.f": [], "g": None,
    }  # fmt: skip
    assert BotConfiguration({}).parameters() == {}


def test_trades_of_both_shapes_are_read_alike() -> None:
    one = {
        "entryTimestamp": 1_700_000_000, "entryPrice": "100.5", "entrySize": 2, "exitTimestamp": "2023-11-14T23:13:20Z",
        "exitPrice": 101, "exitSize": 2, "realizedPnl": 1.0, "type": "LONG",
    }  # fmt: skip
    two = {
        "id": 1, "type": "buy", "entryTime": 1_700_000_000_000, "exitTime": 1_700_003_600_000_000, "entryPrice": 100.5,
        "exitPrice": 101, "profitLoss": 1.0, "size": 2, "fee": 0.1, "reason": "stop",
    }  # fmt: skip
    first, second = read_trade(0, one), read_trade(0, two)
    for trade in (first, second):
        assert (trade.side, trade.entry_price, trade.exit_price, trade.size, trade.profit) == ("long", 100.5, 101, 2, 1)
        assert (trade.entry_time, trade.exit_time) == (1_700_000_000_000, 1_700_003_600_000)
    assert (first.fee, first.reason, second.fee, second.reason) == (None, None, 0.1, "stop")
    assert first.raw == one and second.raw == two
    assert read_trade(3, {"side": "Sell"}).side == "short" and read_trade(3, {"type": "hedge"}).side is None
    assert read_trade(5, "text").raw == {"value": "text"} and read_trade(5, "text").index == 5


def test_trades_inside_a_record_are_found() -> None:
    trades = [{"profit": 1}]
    for place in ("performance", "marketHistory"):
        assert embedded_trades(record(resultsMetadata={place: {"trades": trades}})) == trades
    assert embedded_trades(record(resultsMetadata={"performance": {"trades": 3}})) == []
    assert embedded_trades(record(resultsMetadata=[])) == [] == embedded_trades(record())


@given(RECORDS.filter(lambda value: isinstance(value, dict)))
def test_a_metric_is_the_first_number_on_its_paths(value: Any) -> None:
    for name, number in metrics_of(value).items():
        found = (to_number(value_at(value, steps)) for steps in metric_paths()[name])
        assert number == next((one for one in found if one is not None), None)


@given(RECORDS)
@example({"lastUpdated": 1e300, "resultsMetadata": {"profit": 10**30}})
def test_no_record_makes_anything_raise(value: Any) -> None:
    run = read_run("a1", json.dumps(value).encode())
    assert isinstance(run, BacktestRunRecord if isinstance(value, dict) else UnreadableRun)
    assert msgspec.json.decode(msgspec.json.encode(run.row()))["configHash"] == "a1"
    assert run.row_text() == msgspec.json.encode(run.row())
    if isinstance(run, BacktestRunRecord):
        msgspec.json.encode(run.to_dict())
        msgspec.json.encode([run.value(name) for name in FIELDS])
        BotConfiguration(run.configuration).parameters()
        balance = starting_balance(run.whole)
        assert balance is None or balance > 0
        for index, trade in enumerate(embedded_trades(run)):
            assert read_trade(index, trade).index == index


@given(st.binary(max_size=50) | st.text(max_size=30).map(str.encode))
def test_no_bytes_make_reading_raise(text: bytes) -> None:
    assert read_run("a1", text).row()["configHash"] == "a1"


@given(TREES)
def test_no_trade_makes_reading_raise(value: Any) -> None:
    read_trade(0, value)
    read_trade(0, dict.fromkeys(("type", "side", "entryTime", "entryPrice", "size", "profit", "reason"), value))
