"""What is known of a list before it is read, for lists that are nearly the same."""

from __future__ import annotations

import pytest
from django.test import override_settings

from bots_app.known_lists import known_list
from bots_app.query import Bound, RunQuery
from sessions_app.records import SessionId


def test_ids_that_are_written_differently_have_their_own_lists() -> None:
    one, other = (known_list(SessionId.parse(text), RunQuery()) for text in ("A:1h:1:2", "A:1h:01:2"))
    assert one.sid == other.sid
    assert one.keys.bots != other.keys.bots and one.scope != other.scope


def test_names_of_keys_follow_the_settings() -> None:
    sid = SessionId.parse("A:1h:1:2")
    with override_settings(REDIS_CLUSTER=True):
        tagged = known_list(sid, RunQuery())
        packed = tagged.ranked._command.packed((0, 1, 0, "", b"", "")) if tagged.ranked else b""
        assert b"session:{A:1h:1:2}:bots" in packed
    plain = known_list(sid, RunQuery())
    assert plain.ranked and b"session:A:1h:1:2:bots" in plain.ranked._command.packed((0, 1, 0, "", b"", ""))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"min_profit": 0.0}, {"min_profit": -0.0}),
        ({"max_profit": 1}, {"max_profit": 1.0}),
        ({"bounds": (Bound("sharpe", -0.0),)}, {"bounds": (Bound("sharpe", 0),)}),
    ],
)
def test_equal_queries_have_one_name(first: dict[str, object], second: dict[str, object]) -> None:
    """Another process may have met the other spelling first, and takes this one's cursors."""
    one, other = RunQuery(**first), RunQuery(**second)  # type: ignore[arg-type]
    assert one == other
    assert one.scope("A:1h:1:2") == other.scope("A:1h:1:2")


@pytest.mark.parametrize(
    ("query", "is_of_table", "is_ranked"),
    [
        (RunQuery(), False, True),
        (RunQuery(statuses=("failed",), min_profit=1.0), False, True),
        (RunQuery(excluded=("failed",)), False, False),
        (RunQuery(ordering="-sharpe"), True, False),
        (RunQuery(bounds=(Bound("sharpe", 1.0),)), True, False),
    ],
)
def test_where_a_list_is_read_from(query: RunQuery, *, is_of_table: bool, is_ranked: bool) -> None:
    known = known_list(SessionId.parse("A:1h:1:2"), query)
    assert (known.is_of_table, known.ranked is not None) == (is_of_table, is_ranked)
