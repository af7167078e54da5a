"""How many things a call is handed, by how long calls took."""

from __future__ import annotations

import pytest

from dashboard.store.pace import Pace


@pytest.fixture
def pace() -> Pace:
    made = Pace(64, least=8, most=128, long_s=0.006)
    made.took(0.002)
    return made


def sizes(pace: Pace, *seconds: float) -> list[int]:
    return [(pace.took(one), pace.size)[1] for one in seconds]


def test_a_short_call_makes_the_next_one_larger_up_to_the_most(pace):
    assert sizes(pace, *[0.003] * 4) == [100, 125, 128, 128]


def test_a_long_call_makes_the_next_as_much_smaller_as_it_was_too_long(pace):
    assert sizes(pace, 0.016, 0.080) == [40, 8]


def test_a_server_that_holds_what_it_is_handed_within_the_limit_is_handed_as_many(pace):
    assert sizes(pace, *[0.007] * 3) == [80] * 3


def test_a_server_that_is_slow_for_each_thing_settles_below_the_limit(pace):
    for _ in range(20):
        pace.took(0.0002 * pace.size)
    assert 0.004 < 0.0002 * pace.size <= 0.008


def test_a_long_way_to_the_server_makes_no_call_smaller():
    pace = Pace(50, least=4, most=50, long_s=0.004)
    assert sizes(pace, *[0.050 + 0.0001 * size for size in (5, 9, 2, 7)]) == [50] * 4


def test_an_answer_that_was_there_soon_makes_the_next_call_larger(pace):
    pace.took_less(0.004)
    assert pace.size == 100


def test_an_answer_that_was_there_when_it_was_looked_for_late_leaves_the_call_as_large_as_the_first(pace):
    sizes(pace, 0.003, 0.003, 0.003)
    assert pace.size == 128
    for _ in range(9):
        pace.took_less(0.040)
    assert pace.size == 64
    sizes(pace, 0.016)
    pace.took_less(0.040)
    assert pace.size == 32


def test_the_first_size_and_the_least_are_no_more_than_the_most():
    pace = Pace(64, least=24, most=3, long_s=0.006)
    assert pace.size == 3
    assert sizes(pace, 0.001, 0.1) == [3, 3]
