"""Sums without rounding: the same as with fractions, and kept in a form that the scripts go on with."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import numpy as np
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bots_app.exact_sums import WIDE, ExactSum, Figures, parts_text, parts_total, squares
from dashboard.store.scripts import FOLDER

SCRIPTS = FOLDER / "includes"
finite = st.floats(allow_nan=False, allow_infinity=False)
#: Whose squares are exact as two doubles.
ordinary = st.floats(min_value=-1e100, max_value=1e100, allow_nan=False).filter(lambda x: x == 0 or abs(x) > 1e-130)


@given(st.lists(finite, max_size=50), st.lists(finite, max_size=5))
def test_a_sum_is_that_of_the_fractions(values: list[float], more: list[float]) -> None:
    total = ExactSum()
    for part in (values, more):
        total.add(np.array(part, dtype=np.float64))
    assert total.total() == sum(map(Fraction, values + more), Fraction(0))


@given(st.lists(ordinary, max_size=50))
def test_squares_lose_nothing(values: list[float]) -> None:
    products, rests = squares(np.array(values, dtype=np.float64))
    for value, product, rest in zip(values, products, rests, strict=True):
        assert Fraction(float(product)) + Fraction(float(rest)) == Fraction(value) ** 2


@given(st.lists(st.floats(min_value=-1e300, max_value=1e300), max_size=50))
def test_the_parts_do_not_overlap_and_read_back_as_the_sum(values: list[float]) -> None:
    total = sum(map(Fraction, values), Fraction(0))
    text = parts_text(total)
    assert parts_total(text) == total
    parts = [float(part) for part in text.split()]
    assert all(abs(low) <= math.ulp(high) / 2 for low, high in zip(parts, parts[1:], strict=False))


@given(st.lists(st.none() | st.floats(min_value=-1e200, max_value=1e200), max_size=30))
def test_figures_count_what_has_a_profit_and_leave_out_what_is_too_wide(profits: list[float | None]) -> None:
    figures = Figures()
    for profit in profits:
        figures.add(profit)
    ranked = [profit for profit in profits if profit is not None]
    summed = [profit for profit in ranked if abs(profit) <= WIDE]
    assert (figures.count, figures.ranked) == (len(profits), len(ranked))
    assert figures.totals()[0] == sum(map(Fraction, summed), Fraction(0))
    assert figures.fields()[3] == len(ranked) - len(summed)


def test_many_of_one_size_do_not_overflow() -> None:
    figures = Figures()
    for _ in range(10_000):
        figures.add(1.9999999999999998e10)
    assert figures.totals()[0] == 10_000 * Fraction(1.9999999999999998e10)


def figures_of_scripts() -> str:
    names = ("bytes_order", "doubles", "sums", "sum_texts", "figures")
    return "".join((SCRIPTS / f"{name}.lua").read_text() for name in names)


def test_the_scripts_take_out_again_what_was_summed_here(real_store: redis.Redis) -> None:
    """What is left of the sums, after each run but one was taken out, is that one's."""
    text = (
        "--- KEYS[1]\n" + figures_of_scripts() + "local found = load_figures(KEYS[1], 's')\n"
        "for i = 1, #ARGV do count_run(found, '', ARGV[i], -1) end\n"
        "store_figures(KEYS[1], 's', found)\n"
    )
    profits = [0.1, 1e15, -7.25, 3e-9, 1e-140, 2.0**60, 1e149, -1e149, 12345.678]
    figures = Figures()
    for profit in [*profits, 5.5]:
        figures.add(profit)
    values = dict(zip(("n:s", "sum:s", "sq:s", "wide:s"), figures.fields(), strict=True))
    real_store.hset("stats", mapping=values)
    real_store.eval(text, 1, "stats", *map(repr, profits))
    assert real_store.hgetall("stats") == {b"n:s": b"1", b"sum:s": b"5.5", b"sq:s": b"30.25", b"wide:s": b"0"}


def test_what_scripts_add_run_by_run_stays_exact_and_short(real_store: redis.Redis) -> None:
    text = (
        "--- KEYS[1]\n" + figures_of_scripts() + "for i = 1, #ARGV do\n"
        "  local found = load_figures(KEYS[1], 's')\n"
        "  count_run(found, '', ARGV[i], 1)\n"
        "  store_figures(KEYS[1], 's', found)\n"
        "end\n"
    )
    choice = random.Random(7)
    profits = [choice.gauss(3, 20) for _ in range(1000)] + [choice.gauss(0, 1e9) for _ in range(500)]
    real_store.eval(text, 1, "stats", *map(repr, profits))
    kept, kept_squares = (text.decode() for text in real_store.hmget("stats", "sum:s", "sq:s"))
    assert parts_total(kept) == sum(map(Fraction, profits), Fraction(0))
    assert parts_total(kept_squares) == sum((Fraction(profit) ** 2 for profit in profits), Fraction(0))
    assert len(kept.split()) <= 3 and len(kept_squares.split()) <= 4


@given(
    st.lists(
        st.floats(allow_nan=False, allow_infinity=False) | st.floats(-1e6, 1e6)
        | st.integers(-(10**17), 10**17).map(lambda whole: whole / 10**3) | st.integers(-60, 60).map(lambda e: 2.0**e)
        | st.decimals(-1000, 1000, places=4).map(float),
        max_size=40,
    )
)  # fmt: skip
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_number_is_written_alike_with_its_text_at_hand_and_without(
    real_store: redis.Redis, numbers: list[float]
) -> None:
    text = "".join((SCRIPTS / f"{name}.lua").read_text() for name in ("doubles", "sum_texts")) + (
        "local differing = {}\n"
        "for i = 1, #ARGV do\n"
        "  local x = tonumber(ARGV[i])\n"
        "  if number_text_of(x, ARGV[i]) ~= number_text(x) then differing[#differing + 1] = ARGV[i] end\n"
        "end\n"
        "return differing\n"
    )
    assert real_store.eval(text, 0, *map(repr, numbers)) == []
