"""Names in a parameter: repeated or with commas between; those that hold a comma in backquotes."""

from __future__ import annotations

import pytest

from dashboard.api.fields import NamesField, QuotedNamesField


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
