"""Summary of a column, and the standing of one run in it."""

from __future__ import annotations

import math
import statistics
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots_app.analysis.sweep.percentiles import percentiles
from bots_app.analysis.sweep.quantiles import quantiles
from tests.unit.analysis_sweep import naive
from tests.unit.analysis_sweep.strategies import columns, tame_value


def interpolated(ordered: list[float], probability: float) -> Fraction:
    at = Fraction(probability) * (len(ordered) - 1)
    low = math.floor(at)
    high = min(low + 1, len(ordered) - 1)
    return Fraction(ordered[low]) + (at - low) * (Fraction(ordered[high]) - Fraction(ordered[low]))


@given(columns(), st.lists(st.floats(0, 1), max_size=5))
def test_summary_is_the_naive_one(values, probabilities):
    found = quantiles(values, probabilities)
    finite = sorted(naive.known(values))
    assert found.count == len(finite)
    assert found.runs == len(values) == found.count + found.missing + found.infinite
    if not finite:
        assert (found.min, found.max, found.mean, found.std) == (None,) * 4
        assert [quantile.value for quantile in found.quantiles] == [None] * len(probabilities)
        return
    span = max(abs(finite[0]), abs(finite[-1]))
    assert (found.min, found.max) == (finite[0], finite[-1])
    assert found.mean == pytest.approx(float(sum(map(Fraction, finite)) / len(finite)), rel=1e-12, abs=1e-12 * span)
    for quantile in found.quantiles:
        exact = float(interpolated(finite, quantile.probability))
        assert quantile.value == pytest.approx(exact, rel=1e-12, abs=1e-12 * span)


@given(columns(st.floats(-1e9, 1e9), least=2))
def test_deviation_is_the_samples(values):
    exact = statistics.stdev(map(Fraction, values.tolist()))
    spread = float(values.max() - values.min())
    assert quantiles(values).std == pytest.approx(exact, rel=1e-9, abs=1e-12 * (spread + float(np.abs(values).max())))


@given(columns(tame_value, least=1))
def test_quantiles_are_numpys(values):
    finite = values[np.isfinite(values)]
    if len(finite):
        expected = np.quantile(finite, [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99])
        assert [quantile.value for quantile in quantiles(values).quantiles] == pytest.approx(expected.tolist())


def test_numbers_at_the_ends_of_the_scale_neither_overflow_nor_vanish():
    found = quantiles(np.array([-1.7e308, 1.7e308, 1.7e308, 1.7e308]))
    assert found.mean == pytest.approx(0.85e308) and found.std == pytest.approx(1.7e308)
    assert found.quantiles[3].value == 1.7e308
    tiny = quantiles(np.array([1e-200, 3e-200]))
    assert tiny.mean == pytest.approx(2e-200) and tiny.std == pytest.approx(math.sqrt(2) * 1e-200)
    assert quantiles(np.array([-1.7e308, 1.7e308])).std is None


def test_one_value_has_no_deviation_and_equal_ones_have_none_to_speak_of():
    assert quantiles(np.array([0.1])).std is None
    equal = quantiles(np.full(1_001, 0.1))
    assert (equal.mean, equal.std) == (0.1, 0.0)


@pytest.mark.parametrize("wrong", [[1.01], [-0.1], [math.nan], [0.5] * 102])
def test_probabilities_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError):
        quantiles(np.arange(5.0), wrong)


@given(columns(st.integers(-3, 3).map(float) | st.sampled_from([math.nan, math.inf]), least=1), st.integers(0))
def test_standing_is_the_naive_one(values, run):
    run %= len(values)
    (found,) = percentiles({"sharpe": values}, run)
    assert found.percentile == pytest.approx(naive.percentile(values, run))
    assert found.count + found.missing == len(values)
    if not math.isnan(values[run]):
        assert found.lower + found.same + found.higher + 1 == found.count


def test_the_best_run_stands_at_one_the_worst_at_zero_and_equals_half_way():
    values = np.arange(101.0)
    assert [percentiles({"m": values}, run)[0].percentile for run in (0, 50, 100)] == [0.0, 0.5, 1.0]
    assert percentiles({"m": np.ones(9)}, 3)[0].percentile == 0.5
    assert percentiles({"m": np.array([3.0])}, 0)[0].percentile is None
    with pytest.raises(ValueError, match="no run 101"):
        percentiles({"m": values}, 101)
