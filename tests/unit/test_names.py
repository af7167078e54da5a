"""Names in a parameter: repeated or with commas between; those that hold a comma in backquotes."""

from __future__ import annotations

import pytest

from bots_app.query import RunQuery
from dashboard.api.fields import NamesField, QuotedNamesField
from dashboard.errors import InvalidParameter
from dashboard.order_text import order_by, order_in


@pytest.mark.parametrize(
    "given, names",
    [
        (["profit,config.fast"], ("profit", "config.fast")),
        (["profit", "config.fast,profit"], ("profit", "config.fast")),
        (["`a,b`,c"], ("a,b", "c")),
        (["c,`a,b`"], ("c", "a,b")),
        (["`a``b,`"], ("a`b,",)),
        (["x`y,`z"], ("x`y", "`z")),
        (["`a`b,c"], ("`a`b", "c")),
        ([",,profit,"], ("profit",)),
        (["`,`,``"], (",",)),
    ],
)
def test_names_are_read_as_they_were_meant(given: list[str], names: tuple[str, ...]) -> None:
    assert QuotedNamesField(most=9, required=False).clean(given) == names


def test_other_names_hold_no_commas() -> None:
    assert NamesField(most=9, required=False).clean(["`a,b`"]) == ("`a", "b`")


@pytest.mark.parametrize(
    "text, order, written",
    [
        ("-sharpe,maxDrawdown", (("sharpe", True), ("maxDrawdown", False)), "-sharpe,maxDrawdown"),
        ("-`config.a,b`", (("config.a,b", True),), "-`config.a,b`"),
        ("profit,-`a``b,`", (("profit", False), ("a`b,", True)), "profit,-`a``b,`"),
        ("`profit`", (("profit", False),), "profit"),
        ("`-x`,x`y", (("-x", False), ("x`y", False)), "`-x`,x`y"),
        ("-````", (("`", True),), "-````"),
    ],
)
def test_an_order_names_any_field_and_is_written_in_one_way(
    text: str, order: tuple[tuple[str, bool], ...], written: str
) -> None:
    query = RunQuery(ordering=text)
    assert (query.order, query.ordering) == (order, written)
    assert (query.by, query.descending) == order[0]
    assert tuple(order_in(written)) == order
    assert ",".join(order_by(name, descending=down) for name, down in order) == written
    assert RunQuery(ordering=written) == query


@pytest.mark.parametrize("text", ["", "-", "a,", ",a", "--a", "``", "a,a", "-a,a", "`a`,a", "a,b,c", "`,`,`,`"])
def test_what_is_no_order_is_refused(text: str) -> None:
    with pytest.raises(InvalidParameter, match="ordering"):
        RunQuery(ordering=text)
