"""Histogram and density: counts by the edges as stated, every run accounted for."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots_app.analysis.sweep.bins import freedman_diaconis
from bots_app.analysis.sweep.density import density
from bots_app.analysis.sweep.histogram import histogram
from bots_app.analysis.sweep.places import bounds_passed
from tests.unit.analysis_sweep import naive
from tests.unit.analysis_sweep.strategies import any_value, columns

bins = st.none() | st.integers(1, 60)
limit = st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-10, 10).map(float)


@given(columns(), columns())
def test_bounds_are_passed_as_searchsorted_says(values, bounds):
    rising = np.unique(bounds[np.isfinite(bounds)] + 0.0)
    assert bounds_passed(rising, values).tolist() == np.searchsorted(rising, values, side="right").tolist()


@given(st.integers(1, 500), st.floats(-10, 10), st.floats(0.01, 10), st.integers(0, 2**32))
def test_values_on_and_beside_the_edges_are_counted_where_the_edges_say(count, low, span, seed):
    edges = histogram(np.array([low, low + span]), count).edges
    beside = np.concatenate([np.nextafter(edges, -np.inf), edges, np.nextafter(edges, np.inf)])
    values = np.concatenate([beside, np.random.default_rng(seed).uniform(low, low + span, 100)])
    found = histogram(values, count, low=edges[0], high=edges[-1])
    places = [naive.place(found.edges, value) for value in values.tolist()]
    assert found.counts == [places.count(i) for i in range(len(found.counts))]
    assert found.below + found.above == places.count(None)


@given(columns(), bins, limit, limit)
def test_histogram_is_the_naive_one(values, count, low, high):
    if low is not None and high is not None and low > high:
        low, high = high, low
    found = histogram(values, count, low=low, high=high)
    places = [naive.place(found.edges, value) for value in naive.known(values)]
    assert found.counts == [places.count(i) for i in range(len(found.counts))]
    assert found.runs == len(values) == sum(found.counts) + found.below + found.above + found.missing + found.infinite
    assert found.infinite == sum(math.isinf(value) for value in values)
    assert all(math.isfinite(edge) for edge in found.edges) and sorted(set(found.edges)) == found.edges
    if len(naive.known(values)):
        assert 1 <= len(found.counts) <= (count or 200)
        if low is not None:
            assert found.edges[0] <= low or found.whole_numbers
        if low is None and high is None:
            assert found.below == found.above == 0


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=60), bins)
def test_whole_numbers_share_no_edge_and_no_bin_holds_more_of_them_than_another(numbers, count):
    found = histogram(np.array(numbers, dtype=np.float64), count)
    assert found.whole_numbers
    assert all(edge % 1 == 0.5 for edge in found.edges)
    widths = set(np.diff(found.edges).tolist())
    assert len(widths) == 1 and widths.pop() >= 1
    assert found.edges[0] == min(numbers) - 0.5 and found.edges[-1] > max(numbers)


def test_a_column_of_one_value_has_one_bin_around_it():
    found = histogram(np.full(7, 0.013))
    assert found.counts == [7] and found.edges[0] < 0.013 < found.edges[1]
    assert histogram(np.full(7, 1.79e308)).counts == [7]
    assert histogram(np.zeros(7)).edges == [-0.5, 0.5]


def test_without_a_finite_value_there_are_no_bins_and_the_reason_is_counted():
    found = histogram(np.array([math.nan, math.inf, math.nan]))
    assert (found.edges, found.counts, found.missing, found.infinite, found.runs) == ([], [], 2, 1, 3)
    assert histogram(np.empty(0)).runs == 0


@pytest.mark.parametrize("wrong", [{"bins": 0}, {"bins": 501}, {"low": 2, "high": 1}, {"low": math.nan}])
def test_histogram_refuses_what_makes_no_sense(wrong):
    with pytest.raises(ValueError):
        histogram(np.arange(5) + 0.5, **wrong)


def test_the_number_of_bins_is_that_of_freedman_and_diaconis():
    values = np.random.default_rng(1).standard_normal(5_000)
    width = 2 * np.subtract(*np.percentile(values, [75, 25])) / 5_000 ** (1 / 3)
    assert len(histogram(values).counts) == pytest.approx((values.max() - values.min()) / width, abs=1.5)
    assert len(histogram(np.append(values, 1e9)).counts) == 200
    assert len(histogram(values[:3] / 3).counts) == 10


def test_a_column_that_is_mostly_one_value_gets_the_bins_of_sturges():
    values = np.append(np.zeros(5_000), np.arange(9) + 0.5)
    assert freedman_diaconis(values, 0.0, 8.5) == math.ceil(math.log2(5_009) + 1)


@given(st.lists(st.tuples(any_value, any_value), max_size=40), st.integers(1, 12), st.integers(1, 12), limit)
def test_density_is_the_naive_one(pairs, x_bins, y_bins, low):
    x, y = np.array([pair[0] for pair in pairs]), np.array([pair[1] for pair in pairs])
    found = density(x, y, x_bins=x_bins, y_bins=y_bins, x_limits=(low, None))
    both = [(a, b) for a, b in pairs if math.isfinite(a) and math.isfinite(b)]
    places = [(naive.place(found.y_edges, b), naive.place(found.x_edges, a)) for a, b in both]
    for j, row in enumerate(found.counts):
        assert row == [places.count((j, i)) for i in range(len(found.x_edges) - 1)]
    assert found.outside == sum(None in pair for pair in places)
    assert found.runs == len(pairs) == sum(map(sum, found.counts)) + found.outside + found.missing


@pytest.mark.parametrize("wrong", [{"x_bins": 0}, {"y_bins": 151}, {"x_limits": (2.0, 1.0)}])
def test_density_refuses_what_makes_no_sense(wrong):
    with pytest.raises(ValueError):
        density(np.arange(5) + 0.5, np.arange(5.0), **wrong)
    with pytest.raises(ValueError, match="different lengths"):
        density(np.arange(5.0), np.arange(6.0))
