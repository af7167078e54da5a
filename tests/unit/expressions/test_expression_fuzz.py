"""A few of the inputs of `fuzz.py`, which runs a million of them by itself."""

from __future__ import annotations

from tests.unit.expressions.fuzz import fuzz


def test_no_input_raises_anything_else_and_none_takes_long():
    examiner = fuzz(20_000, seed=2)
    assert examiner.counts["understood"] > 500, "the inputs are too broken to test what comes after reading"
    assert examiner.counts["refused"] > 10_000
    assert examiner.slowest[0] < 1, f"an input took {examiner.slowest[0]:.1f} s: {examiner.slowest[1]!r}"
