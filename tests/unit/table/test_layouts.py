"""Fields read object by object, held against the slow and plain way."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
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
from bots_app.table.layouts import MOST_KNOWN, MOST_LAYOUTS, ODD_FOR, quick_fields
from bots_app.table.sketches import MOST_HOLDERS
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
OBJECTS = st.dictionaries(KEYS | st.just("a.b") | st.text(st.characters(codec="utf-8"), max_size=3), TREES, max_size=4)


@pytest.fixture(autouse=True, scope="module")
def at_once() -> Iterator[None]:
    """Have a layout made for the first record of a kind: few that hypothesis makes up are alike."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layouts, "LEARNED_AFTER", 1)
        yield


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
        (
            {"a": None, "note": "fine", "list": [1], "p": {"q": True}},
            {"l": [1, 2.5], "e": {}, "n": None, "o": []},
            True,
        ),
        ({}, {"a": [{"x": 1, "y": "z"}, [True]]}, True),
        ({}, {"a": [1, "b"]}, False),
        ({"a": "1.5"}, {}, False),
        ({}, {"a.b": 1}, False),
        ({}, {"a": list(range(900))}, True),
        ({}, {"a": list(range(1_000))}, False),
        ({}, {f"a{number}": {"x": number} for number in range(MOST_HOLDERS)}, False),
        ({f"a{number}": {f"b{other}": 1 for other in range(250)} for number in range(5)}, {}, False),
    ],
)
def test_which_records_are_read_the_quick_way(
    performance: Any, configuration: Any, is_quick: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(layouts, "_known", None)
    run = run_with(performance, configuration)
    for _ in range(2):
        assert (quick_fields(run) is not None) == is_quick
    assert exact(fields_of(run)) == exact(fields_one_by_one(run))
    assert len(fields_of(run)) <= MOST_LEAVES + 1


@given(st.characters(codec="utf-8") | st.sampled_from('."\\\n'))
def test_any_letter_may_be_in_a_key(letter: str):
    for tree in ({f"k{letter}": 1}, {f"k{letter}": {"x": 1}}):
        performance = {"resultsMetadata": {"performance": tree}}
        run = BacktestRunRecord(configHash="h", configuration=tree, whole=performance)
        for _ in range(2):
            assert exact(fields_of(run)) == exact(fields_one_by_one(run))


def test_a_record_that_can_have_no_layout_keeps_others_from_none_for_long(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(layouts, "_known", None)
    odd, usual = run_with({}, {"a.b": 1}), run_with({}, {"a": 1})
    assert quick_fields(odd) is None
    assert [quick_fields(usual) is None for _ in range(ODD_FOR + 1)] == [True] * ODD_FOR + [False]
    assert quick_fields(odd) is None
    assert quick_fields(usual) is not None


def test_what_a_performance_has_as_an_object_is_no_field_beside_it():
    for beside in ({"a": 1}, {"a": 1, "b": 2}):
        run = run_with({"a": {"x": 1}}, {}, beside)
        assert exact(fields_of(run)) == exact(fields_one_by_one(run))
        assert "a" not in fields_of(run)


def test_what_some_records_have_no_value_of_makes_no_other_layout(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(layouts, "_known", None)
    for number in range(64):
        tree = {f"p{bit}": (number + bit if number >> bit & 1 else None) for bit in range(6)}
        run = run_with(tree | {"text": "x" if number % 3 else None}, tree | {"sure": 1})
        quick = quick_fields(run)
        assert number == 0 or quick is not None
        assert exact(fields_of(run)) == exact(fields_one_by_one(run))
    assert layouts._known is not None
    assert len(layouts._known._layouts) <= 2


def test_a_value_of_another_program_is_read_leaf_by_leaf():
    class Price(float):
        pass

    run = BacktestRunRecord(configHash="h", configuration={"a": Price(2), "b": object()})
    assert quick_fields(run) is None
    assert dict(fields_of(run)) == {"status": "unknown", "config.a": 2}


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(layouts, "_known", None)
    for number in range(2 * MOST_LAYOUTS):
        assert quick_fields(run_with({f"m{number}": number}, {f"p{number}": {"x": number}})) is not None
        known = layouts._known
        assert known is not None
        assert len(known._layouts) <= MOST_LAYOUTS + 1


def test_a_layout_is_made_when_more_records_look_alike(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(layouts, "_known", None)
    monkeypatch.setattr(layouts, "LEARNED_AFTER", 3)
    found = [quick_fields(run_with({}, {"a": number})) for number in range(4)]
    assert [one is None for one in found] == [True, True, False, False]
    for number in range(2 * MOST_KNOWN):
        assert quick_fields(run_with({}, {f"p{number}": 1})) is None
        known = layouts._known
        assert known is not None
        assert len(known._seen) <= MOST_KNOWN + 1


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
