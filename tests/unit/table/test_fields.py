"""What of a record is a field of the sweep table, and under which name."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots_app.records import BacktestRunRecord, UnreadableRun, read_run
from bots_app.table.fields import MOST_LEAVES, MOST_LETTERS, canonical_names, fields_of
from dashboard.tolerant import to_number

KEYS = st.sampled_from(["a", "b", "a.b", "b.a", "a.a.b", "", ".", "0", "1", "profit", "sharpe", "config.a", "winRate"])
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.floats(),
    st.sampled_from(["x", "1.5", "nan", ""]),
    st.just(10**400),
)
TREES = st.recursive(
    LEAVES, lambda below: st.dictionaries(KEYS, below, max_size=4) | st.lists(below, max_size=3), max_leaves=12
)


def fields(performance: Any = None, configuration: Any = None, **results: Any) -> dict[str, Any]:
    record = {"status": "done", "resultsMetadata": {"performance": performance, **results}}
    found = read_run("h", json.dumps(record | {"configuration": configuration}).encode())
    return fields_of(found)


def test_every_leaf_is_a_field_under_its_dotted_name():
    found = fields(
        {"totalProfit": 2.5, "long": {"winRate": 0.5}, "trades": [1]}, {"fast": 5, "x": {"on": True, "l": [1, "b"]}}
    )
    assert found == {
        "status": "done", "profit": 2.5, "totalProfit": 2.5, "long.winRate": 0.5, "config.fast": 5, "config.x.on": True,
        "config.x.l.0": 1, "config.x.l.1": "b",
    }  # fmt: skip


def test_the_canonical_names_come_first_and_win():
    found = fields({"sharpeRatio": "1.5", "sharpe": "none", "maxDrawdown": "n/a"}, {"a": 1}, winRate=0.25, extra="7")
    assert found == {"status": "done", "sharpe": 1.5, "winRate": 0.25, "config.a": 1, "sharpeRatio": 1.5, "extra": 7.0}
    count = sum(name in canonical_names() for name in found)
    assert set(list(found)[:count]) <= canonical_names()


def test_numbers_written_as_text_count_in_metrics_and_not_in_parameters():
    found = fields({"alpha": "2.5", "beta": "NaN", "grade": "A"}, {"alpha": "2.5"})
    assert found == {"status": "done", "alpha": 2.5, "grade": "A", "config.alpha": "2.5"}


def test_what_has_no_value_is_not_there():
    whole = {"a": None, "b": [], "c": {}, "d": math.nan, "e": math.inf, "f": 10**400}
    assert fields(dict(whole), dict(whole)) == {"status": "done"}


def test_performance_comes_before_what_stands_beside_it():
    assert fields({"alpha": 1, "gamma": {"x": 1}}, None, alpha=2, beta=3, gamma=4, list=[5]) == {
        "status": "done", "alpha": 1, "gamma.x": 1, "beta": 3,
    }  # fmt: skip


def test_a_key_with_dots_comes_before_the_same_path():
    assert fields(None, {"a": {"b": 1, "c": 2}, "a.b": 3}) == {"status": "done", "config.a.b": 3, "config.a.c": 2}
    assert fields(None, {"a.b": None, "a": {"b": 1}}) == {"status": "done"}


def test_an_unreadable_run_has_its_status_alone():
    assert fields_of(UnreadableRun("h", "no record", "failed")) == {"status": "failed"}


def test_only_so_many_leaves_and_letters_are_looked_at():
    many = fields({f"m{number}": number for number in range(600)}, {f"p{number}": number for number in range(800)})
    assert len(many) == MOST_LEAVES + 1
    assert sum(name.startswith("config.") for name in many) == 800
    assert fields(None, {"x" * MOST_LETTERS: 1, "y" * (MOST_LETTERS - 7): 2}) == {
        "status": "done", f"config.{'y' * (MOST_LETTERS - 7)}": 2,
    }  # fmt: skip


def test_a_tree_that_is_large_or_deep_is_left_after_a_while():
    deep: Any = 1
    for _ in range(150):
        deep = {"a": deep}
    assert fields(None, {"list": list(range(100_000)), "deep": deep})["config.list.900"] == 900


@pytest.mark.parametrize("name", ["config.fast", "sharpeRatio", "sharpe", "status", "long.winRate"])
def test_a_field_is_what_its_name_means_elsewhere(name: str):
    performance = {"sharpeRatio": 2, "long": {"winRate": 1}}
    whole = {"status": "x", "resultsMetadata": {"performance": performance}, "configuration": {"fast": 5}}
    run = read_run("h", json.dumps(whole).encode())
    assert isinstance(run, BacktestRunRecord)
    assert fields_of(run)[name] == run.value(name)


@given(TREES, st.dictionaries(KEYS, TREES, max_size=4), st.dictionaries(KEYS, TREES, max_size=4))
def test_every_field_is_what_its_name_means_elsewhere(beside: Any, performance: dict[str, Any], configuration: Any):
    results = (beside if isinstance(beside, dict) else {}) | {"performance": performance}
    run = read_run("h", json.dumps({"resultsMetadata": results, "configuration": configuration}).encode())
    assert isinstance(run, BacktestRunRecord)
    for name, value in fields_of(run).items():
        said = run.value(name)
        if isinstance(said, str) and not isinstance(value, str):
            said = to_number(said)
        assert (type(said), said) == (type(value), value), name
        assert not isinstance(value, float) or math.isfinite(value)
