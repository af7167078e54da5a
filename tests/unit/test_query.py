"""What may be asked of a list of runs, and what names it."""

from __future__ import annotations

import pytest

from bots_app.query import MAX_STATUSES, ORDERINGS, RunQuery
from dashboard.errors import InvalidParameter
from dashboard.store.keys import SessionKeys

KEYS = SessionKeys("BTC:1h:1:2")


@pytest.mark.parametrize(
    ("asked", "name", "says"),
    [
        ({"ordering": "sharpe"}, "ordering", "'sharpe' is not known; use one of profit, -profit, lastUpdated"),
        ({"ordering": ""}, "ordering", "use one of"),
        ({"ordering": "--profit"}, "ordering", "use one of"),
        ({"min_profit": 2.0, "max_profit": 1.0}, "minProfit", "2 lies above maxProfit 1"),
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
