"""The sessions in memory: orders mended by changes are those made anew, and lists are cut where a cursor says."""

from __future__ import annotations

import random

import pytest

from sessions_app.query import TEXT_LENGTH, SessionQuery, sort_value
from sessions_app.records import SUMMARY_FIELDS, SessionId, SessionSummary
from sessions_app.session_index import MENDED, SessionIndex

ORDERINGS = [sign + name for name in SUMMARY_FIELDS for sign in ("", "-")]


def summary(number: int, chance: random.Random) -> SessionSummary:
    """Return a summary in which values repeat and are missing."""
    sid = SessionId.parse(f"S{number % 7}:{'1h' if number % 2 else '4h'}:{number}:{number + 5}")
    return SessionSummary(
        sid=sid, runCount=chance.choice([None, 0, 5, 5, 10**20]),
        bestProfit=chance.choice([None, 0.0, -0.0, 1.5, 1e300]),
        lastConfigHash=chance.choice([None, "", "a", "b"]), active=chance.random() < 0.3,
        notes=chance.choice(["", "x", "Look AT", "ß"]), lastUpdate=chance.choice([None, 1, 2]),
    )  # fmt: skip


def query(chance: random.Random, ordering: str) -> SessionQuery:
    return SessionQuery(
        chance.choice([None, None, "S3", "none"]), chance.choice([None, "1h"]), chance.choice([None, True, False]),
        chance.choice([(), (), ("look at",), ("s3", "x"), ("SS",)]), ordering,
    )  # fmt: skip


@pytest.mark.parametrize("most", [3, MENDED, 3 * MENDED])
def test_mended_orders_are_those_made_anew(most: int) -> None:
    chance, index = random.Random(most), SessionIndex()
    now: dict[str, SessionSummary] = {}
    for _ in range(40):
        changes = []
        for _ in range(chance.randint(0, most)):
            one = summary(chance.randrange(200), chance)
            gone = chance.random() < 0.3
            changes.append((str(one.sid), None if gone else one))
            if gone:
                now.pop(str(one.sid), None)
            else:
                now[str(one.sid)] = one
        index.apply(changes)
        anew = SessionIndex()
        anew.apply(now.items())
        for ordering in chance.sample(ORDERINGS, 8):
            wanted = query(chance, ordering)
            found, expected = (one.find(wanted, with_counts=True) for one in (index, anew))
            assert [one.summary for one in found[:]] == [one.summary for one in expected[:]]
            assert (found.total, found.total_runs, found.counts, found.without) == (
                expected.total, expected.total_runs, expected.counts, expected.without,
            )  # fmt: skip


@pytest.mark.parametrize("ordering", ORDERINGS)
def test_a_list_is_cut_before_and_behind_every_session_of_it(ordering: str) -> None:
    chance, index = random.Random(1), SessionIndex()
    index.apply((str(one.sid), one) for one in (summary(number, chance) for number in range(60)))
    found = index.find(SessionQuery(ordering=ordering))
    whole = found[:]
    assert len(found) == len(whole) == 60
    for first, last in ((0, 7), (5, 5), (50, 70), (58, 60), (20, 45), (70, 80)):
        assert found[first:last] == whole[first:last]
    for place, entry in enumerate(whole):
        value = entry.value(ordering.removeprefix("-"))
        assert found.place(value, entry.sid) == (place, place + 1)
        # A session that has gone leaves its place.
        index.apply([(entry.sid, None)])
        assert index.find(SessionQuery(ordering=ordering)).place(value, entry.sid) == (place, place)
        index.apply([(entry.sid, entry.summary)])


def test_a_list_in_hand_stays_as_it_was() -> None:
    index = SessionIndex()
    index.apply((str(one.sid), one) for one in (summary(number, random.Random(2)) for number in range(9)))
    found = index.find(SessionQuery())
    before = found[:]
    index.apply([(before[0].sid, None)])
    assert found[:] == before
    assert len(index.find(SessionQuery())[:]) == 8


def test_values_compare_whatever_they_are() -> None:
    assert sort_value(None) is sort_value("") is None
    values = [sort_value(one) for one in ("b", 2, True, "a", -1.5, False, 10**30)]
    assert sorted(values) == [(0, -1.5), (0, 0), (0, 1), (0, 2), (0, 10**30), (1, "a"), (1, "b")]
    assert sort_value("x" * 500) == (1, "x" * TEXT_LENGTH)
