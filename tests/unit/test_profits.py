"""Figures over many profits: exact where sums cancel, and never an overflow."""

from __future__ import annotations

import statistics
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots_app.profits import exact_sum, mean_of, spread_figures

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(FINITE, max_size=50))
@settings(max_examples=300, deadline=None)
def test_a_sum_is_exact(values):
    assert exact_sum(np.array(values)) == sum((Fraction(value) for value in values), Fraction(0))


@given(st.lists(st.floats(-1e200, 1e200), min_size=2, max_size=30))
@settings(deadline=None)
def test_figures_are_those_of_the_slow_way(values):
    found = spread_figures(np.array(values))
    assert found["avgProfit"] == float(sum(map(Fraction, values)) / len(values))
    assert found["medianProfit"] == pytest.approx(statistics.median(values), rel=1e-15, abs=1e-300)
    wanted = statistics.stdev(map(Fraction, values)) if max(map(abs, values)) < 1e150 else None
    if wanted is not None:
        assert found["stdProfit"] == pytest.approx(wanted, rel=1e-9, abs=max(map(abs, values)) * 1e-15)


def test_few_values_and_none():
    assert spread_figures(np.empty(0)) == {"avgProfit": None, "medianProfit": None, "stdProfit": None}
    assert spread_figures(np.array([3.0])) == {"avgProfit": 3.0, "medianProfit": 3.0, "stdProfit": None}
    assert mean_of(np.array([1.7e308, 1.7e308])) == 1.7e308
