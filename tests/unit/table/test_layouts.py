"""Fields read object by object, held against the slow and plain way."""

from __future__ import annotations

import json
import math
from itertools import islice
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots_app.metrics import metric_paths
from bots_app.records import BacktestRunRecord, read_run
from bots_app.synthetic import records
from bots_app.table import layouts
from bots_app.table.fields import MOST_LEAVES, fields_of, fields_one_by_one
from bots_app.table.layouts import MOST_KEYS, MOST_KNOWN, MOST_OBJECTS, quick_fields
from sessions_app.records import SessionId

SID = SessionId.parse("LAYOUTS:1h:0:1")
KEYS = st.sampled_from(["a", "b", "0", "", "profit", "sharpe", "config", "winRate", "performance", "status", "x" * 199])
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.floats(),
    st.sampled_from(["x", "1.5", "nan", "", "in", " 2", "٣", 10**400, 2**63, 2**53 + 1, 1e308, -1e308]),
)  # fmt: skip
TREES = st.recursive(
    LEAVES, lambda below: st.dictionaries(KEYS, below, max_size=4) | st.lists(below, max_size=3), max_leaves=12
)
OBJECTS = st.dictionaries(KEYS | st.just("a.b"), TREES, max_size=4)


def run_with(performance: Any, configuration: Any, beside: dict[str, Any] | None = None) -> BacktestRunRecord:
    whole = {"status": "done", "resultsMetadata": (beside or {}) | {"performance": performance}}
    found = read_run("h", json.dumps(whole | {"configuration": configuration}).encode())
    assert isinstance(found, BacktestRunRecord)
    return found


def exact(fields: Any) -> dict[str, Any]:
    """Return fields in a form that tells 1 from 1.0 and True, and 0.0 from -0.0."""
    return {name: (type(value), repr(value)) for name, value in fields.items()}


@given(OBJECTS, OBJECTS | TREES, OBJECTS | TREES, st.none() | st.integers(0, 5))
def test_both_ways_say_the_same(beside: dict[str, Any], performance: Any, configuration: Any, updated: int | None):
    run = run_with(performance, configuration, beside)
    run.lastUpdated = updated
    wanted = exact(fields_one_by_one(run))
    assert exact(fields_of(run)) == wanted
    quick = quick_fields(run)
    assert quick is None or exact(quick) == wanted


@given(st.lists(st.fixed_dictionaries({"a": LEAVES, "b": LEAVES, "c": st.fixed_dictionaries({"d": LEAVES})})))
def test_what_was_learned_of_one_record_is_not_said_of_another(trees: list[dict[str, Any]]):
    for tree in trees:
        for run in (run_with(tree, tree, {"e": tree["a"]}), run_with({"e": 1}, tree, {"e": tree["b"]})):
            assert exact(fields_of(run)) == exact(fields_one_by_one(run))


@given(st.lists(st.sampled_from([math.inf, -math.inf, math.nan, 1e308, -1e308, 10**308, 10**400, -(10**400), 1.5, 3])))
def test_no_number_is_let_through_that_no_double_is_near_to(numbers: list[float]):
    tree = {f"n{place}": number for place, number in enumerate(numbers)}
    run = BacktestRunRecord(configHash="h", configuration=tree, whole={"resultsMetadata": {"performance": tree}})
    assert exact(fields_of(run)) == exact(fields_one_by_one(run))


def test_usual_records_are_read_the_quick_way():
    for text in islice(records(SID, 2_000), 0, 2_000, 7):
        run = read_run("h", text)
        quick = quick_fields(run)
        assert quick is not None
        assert exact(quick) == exact(fields_one_by_one(run))


@pytest.mark.parametrize(
    ("performance", "configuration", "is_quick"),
    [
        ({"a": None, "note": "fine", "list": [1], "p": {"q": True}}, {"l": [1, {"x": "1"}], "e": {}, "n": None}, True),
        ({"a": "1.5"}, {}, False),
        ({}, {"a.b": 1}, False),
        ({}, {"a": list(range(MOST_KEYS))}, True),
        ({}, {"a": list(range(MOST_KEYS + 1))}, False),
        ({}, {f"a{number}": {"x": number} for number in range(MOST_OBJECTS)}, False),
        ({f"a{number}": {f"b{other}": 1 for other in range(250)} for number in range(5)}, {}, False),
    ],
)
def test_which_records_are_read_the_quick_way(performance: Any, configuration: Any, is_quick: bool):
    run = run_with(performance, configuration)
    assert (quick_fields(run) is not None) == is_quick
    assert exact(fields_of(run)) == exact(fields_one_by_one(run))
    assert len(fields_of(run)) <= MOST_LEAVES + 1


def test_a_value_of_another_program_is_read_leaf_by_leaf():
    class Price(float):
        pass

    run = BacktestRunRecord(configHash="h", configuration={"a": Price(2), "b": object()})
    assert quick_fields(run) is None
    assert dict(fields_of(run)) == {"status": "unknown", "config.a": 2}


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(layouts, "_known", None)
    for number in range(2 * MOST_KNOWN):
        assert quick_fields(run_with({f"m{number}": number}, {f"p{number}": {"x": number}})) is not None
        known = layouts._known
        assert known is not None
        assert known.count <= MOST_KNOWN + 10
        assert len(known._shapes) + len(known._places) <= known.count + 5


def test_other_paths_of_metrics_are_another_meaning_of_names(settings: Any):
    run = run_with({"gain": 1, "profit": 5}, {"a": 1})
    assert "gain" in fields_of(run)
    settings.METRIC_PATHS = {"gain": ("configuration.a",), "status": ("configuration.a",), "config.a": ("x",)}
    metric_paths.cache_clear()
    try:
        again = msgspec.convert(msgspec.to_builtins(run_with({"gain": 1, "profit": 5}, {"a": 7})), BacktestRunRecord)
        assert exact(fields_of(again)) == exact(fields_one_by_one(again))
        assert fields_of(again)["gain"] == 7
    finally:
        settings.METRIC_PATHS = {}
        metric_paths.cache_clear()
