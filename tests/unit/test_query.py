"""What may be asked of a list of runs, and what names it."""

from __future__ import annotations

import pytest

from bots_app.planner import plan_of, plan_of_aggregate
from bots_app.query import MAX_BOUNDS, MAX_STATUSES, ORDERINGS, Bound, RunQuery
from dashboard.errors import InvalidParameter
from dashboard.store.keys import SessionKeys

KEYS = SessionKeys("BTC:1h:1:2")


@pytest.mark.parametrize(
    ("asked", "name", "says"),
    [
        ({"ordering": ""}, "ordering", "'' names no field"),
        ({"ordering": "--profit"}, "ordering", "'--profit' names no field; give one, such as -profit"),
        ({"ordering": "sharpe,"}, "ordering", "'sharpe,' names no field"),
        ({"ordering": "-sharpe,sharpe"}, "ordering", "one field or two different ones"),
        ({"ordering": "a,b,c"}, "ordering", "one field or two different ones"),
        ({"min_profit": 2.0, "max_profit": 1.0}, "minProfit", "2 lies above maxProfit, 1"),
        ({"bounds": (Bound("sharpe", 2.0, 1.0),)}, "min.sharpe", "2 lies above max.sharpe, 1"),
        ({"bounds": tuple(Bound(str(n), 1.0) for n in range(MAX_BOUNDS + 1))}, "min.20", "20 fields are the most"),
        ({"statuses": tuple(map(str, range(MAX_STATUSES + 1)))}, "status", "21 statuses; 20 are the most"),
    ],
)
def test_a_refusal_names_the_parameter(asked: dict, name: str, says: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        RunQuery(**asked)
    assert caught.value.name == name
    assert says in str(caught.value)


def test_bounds_that_meet_are_a_range() -> None:
    assert RunQuery(min_profit=1.0, max_profit=1.0).has_range
    assert RunQuery(min_profit=0.0).has_range and RunQuery(max_profit=0.0).has_range
    assert not RunQuery().has_range


def test_the_order_and_number_of_statuses_do_not_matter() -> None:
    one, two = RunQuery(("b", "a", "b")), RunQuery(("a", "b"))
    assert one == two and one.statuses == ("a", "b")
    assert one.scope("x") == two.scope("x")


def test_every_list_has_a_name_of_its_own() -> None:
    queries = [RunQuery(ordering=ordering) for ordering in ORDERINGS]
    queries += [RunQuery(("a",)), RunQuery(("a", "b")), RunQuery(("a,b",)), RunQuery(('a","b',))]
    queries += [RunQuery(min_profit=0.0), RunQuery(max_profit=0.0), RunQuery(min_profit=0.0, max_profit=0.0)]
    queries += [RunQuery(min_profit=0.1), RunQuery(min_profit=0.1 + 2**-56)]
    queries += [
        RunQuery(bounds=(Bound("a", 0.0),)),
        RunQuery(bounds=(Bound("a", None, 0.0),)),
        RunQuery(excluded=("a",)),
    ]
    queries += [RunQuery(bounds=(Bound("b", 0.0),)), RunQuery(ordering="a,b"), RunQuery(ordering="a,-b")]
    names = [query.scope(sid) for query in queries for sid in ("BTC:1h:1:2", "BTC:1h:1:3")]
    assert len(set(names)) == len(names)


def test_each_order_reads_its_own_sets() -> None:
    assert [RunQuery(ordering=name).descending for name in ORDERINGS] == [False, True, False, True]
    [source] = RunQuery().sources(KEYS)
    assert (source.ranked, source.unranked, source.fixed) == (
        "session:BTC:1h:1:2:bots:profit", "session:BTC:1h:1:2:index:unranked", "session:BTC:1h:1:2:bots",
    )  # fmt: skip
    [first, second] = RunQuery(("b", "a"), ordering="lastUpdated").sources(KEYS)
    assert first.ranked == "session:BTC:1h:1:2:index:status:a:updated"
    assert first.unranked == "session:BTC:1h:1:2:index:status:a:undated"
    assert second.fixed == "session:BTC:1h:1:2:bots:status:b"


def test_all_runs_by_time_are_merged_from_the_usual_statuses_and_the_others() -> None:
    sources = RunQuery(ordering="-lastUpdated").sources(KEYS)
    assert [source.ranked.removeprefix("session:BTC:1h:1:2:index:") for source in sources] == [
        "status:completed:updated", "status:failed:updated", "status:running:updated", "updated",
    ]  # fmt: skip
    assert [source.unranked.removesuffix("undated") for source in sources] == [
        source.ranked.removesuffix("updated") for source in sources
    ]
    assert {source.fixed for source in sources} == {KEYS.bots}


def test_an_order_of_two_fields_says_which_is_descending() -> None:
    assert RunQuery(ordering="-config.fast,sharpe").order == (("config.fast", True), ("sharpe", False))
    assert RunQuery(ordering="-config.fast,sharpe").by == "config.fast"


@pytest.mark.parametrize(
    ("asked", "is_table", "why"),
    [
        ({}, False, "kept in the order of profit"),
        ({"ordering": "lastUpdated", "statuses": ("a", "b")}, False, "kept in the order of lastUpdated"),
        ({"min_profit": 1.0, "excluded": ("a",)}, False, "kept in the order of profit"),
        ({"ordering": "lastUpdated", "min_profit": 1.0}, True, "lastUpdated do not know the profit"),
        ({"ordering": "-sharpe"}, True, "no sorted set is kept of sharpe"),
        ({"ordering": "-profit,sharpe"}, True, "of single fields"),
        ({"bounds": (Bound("config.fast", 5.0, 20.0),)}, True, "no sorted set is kept of config.fast"),
    ],
)
def test_the_sorted_sets_answer_what_they_can(asked: dict, is_table: bool, why: str) -> None:
    plan = plan_of(RunQuery(**asked))
    assert plan.is_table == is_table
    assert why in plan.why


def test_figures_over_a_range_of_profits_are_had_from_the_table() -> None:
    assert not plan_of_aggregate(RunQuery(("a",))).is_table
    assert plan_of_aggregate(RunQuery(min_profit=1.0)).is_table
    assert plan_of_aggregate(RunQuery(bounds=(Bound("sharpe", 1.0),))).is_table
