"""Importance by analysis of variance, and rank correlation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots_app.analysis.sweep.columns import Parameter
from bots_app.analysis.sweep.correlation import correlation
from bots_app.analysis.sweep.importance import importance
from tests.unit.analysis_sweep import naive
from tests.unit.analysis_sweep.strategies import columns, parameters, tame_value


def full_grid(*levels: int) -> list[np.ndarray]:
    return [axis.ravel().astype(np.float64) for axis in np.meshgrid(*map(np.arange, levels), indexing="ij")]


@given(st.data(), st.integers(0, 30))
def test_shares_are_the_naive_ones(data, n):
    given_parameters = data.draw(parameters(n))
    metric = np.array(data.draw(st.lists(tame_value, min_size=n, max_size=n)), dtype=np.float64)
    found = importance(given_parameters, metric)
    rows = [run for run in range(n) if math.isfinite(metric[run])]
    by_name = {parameter.name: parameter for parameter in given_parameters}

    def keys(*names: str) -> list[str]:
        return [str([by_name[name].values[run] for name in names]) for run in rows]

    known = [metric[run] for run in rows]
    assert (found.count, found.runs) == (len(rows), n)
    shares = {}
    for share in found.parameters:
        groups = keys(share.name)
        assert share.groups == len(set(groups)) and share.missing == sum("nan" in key for key in groups)
        if len(set(known)) < 2 or len(set(groups)) == len(rows):
            assert share.share is None and share.reason
            continue
        eta, epsilon = naive.variance_shares(groups, known)
        assert share.raw == pytest.approx(eta, abs=1e-9)
        assert share.share == pytest.approx(max(epsilon, 0.0), abs=1e-9)
        shares[share.name] = share.share
    for pair in found.interactions:
        if pair.share is not None:
            _, epsilon = naive.variance_shares(keys(*pair.names), known)
            alone = sum(shares[name] for name in pair.names)
            assert pair.share == pytest.approx(max(epsilon - alone, 0.0), abs=1e-9)
    sizes = [-1.0 if share.share is None else share.share for share in found.parameters]
    assert sizes == sorted(sizes, reverse=True)


def test_a_full_grid_without_noise_is_explained_by_its_sobol_indices():
    x, y, z = full_grid(10, 10, 100)
    # Variances of the parts: 4 (x), 1 (y), and the product of the centred x and y; z does nothing.
    standard = [(axis - axis.mean()) / axis.std() for axis in (x, y, z)]
    metric = 2 * standard[0] + standard[1] + 1.5 * standard[0] * standard[1]
    found = importance([Parameter(name, axis) for name, axis in zip("xyz", (x, y, z), strict=True)], metric)
    assert [share.name for share in found.parameters] == ["x", "y", "z"]
    assert [share.raw for share in found.parameters] == pytest.approx([4 / 7.25, 1 / 7.25, 0.0], abs=1e-9)
    assert found.interactions[0].names == ("x", "y")
    assert found.interactions[0].share == pytest.approx(2.25 / 7.25, abs=0.002)
    assert [pair.share for pair in found.interactions[1:]] == pytest.approx([0.0, 0.0], abs=1e-9)


def test_noise_scores_nothing_however_many_bins_it_has():
    random = np.random.default_rng(7)
    metric = random.standard_normal(3_000)
    noise = [Parameter(f"p{i}", random.integers(0, 2 + i % 58, 3_000) * 1.0) for i in range(60)]
    noise += [Parameter(f"c{i}", random.standard_normal(3_000)) for i in range(4)]
    found = importance(noise, metric)
    below = sum(share.share < share.noise for share in found.parameters)
    assert below >= 58
    # Without the correction, parameters of 60 values explain 2 % of pure noise.
    assert max(share.raw for share in found.parameters) > 0.018
    assert all(pair.share < 3 * pair.noise for pair in found.interactions)


def test_the_answer_is_the_same_every_time_and_whatever_the_metric_is_measured_in():
    random = np.random.default_rng(3)
    given_parameters = [Parameter(f"p{i}", random.integers(0, 9, 5_000) * 1.0) for i in range(5)]
    metric = given_parameters[2].values + random.standard_normal(5_000)
    first, second = importance(given_parameters, metric), importance(given_parameters, metric)
    assert first == second
    for scale in (2.0**1000, 2.0**-1000):
        assert importance(given_parameters, metric * scale) == first


@pytest.mark.parametrize(("metric", "reason"), [([1.0] * 4, "same in all runs"), ([math.nan] * 4, "No run has")])
def test_a_metric_that_does_not_vary_has_no_shares_and_the_answer_says_why(metric, reason):
    found = importance([Parameter("p", np.array([1.0, 1.0, 2.0, 2.0]))], np.array(metric))
    assert found.parameters[0].share is None and reason in found.parameters[0].reason


@given(st.data(), st.integers(0, 25))
def test_correlation_is_the_naive_one_pair_by_pair(data, n):
    value = st.integers(-3, 3).map(float) | st.floats() | st.just(math.nan)
    given_columns = {name: data.draw(columns(value, least=n, most=n)) for name in "abcd"}
    given_columns["e"] = given_columns["a"] * -1
    found = correlation(given_columns)
    for i, x in enumerate(given_columns.values()):
        for j, y in enumerate(given_columns.values()):
            assert found.values[i][j] == pytest.approx(naive.spearman(x.tolist(), y.tolist()), abs=1e-12)
            assert found.counts[i][j] == int((~np.isnan(x) & ~np.isnan(y)).sum())
            assert found.values[i][j] == found.values[j][i]


def test_what_rises_together_correlates_exactly_in_blocks_too():
    x = np.random.default_rng(1).standard_normal(200_000)
    half = np.where(np.arange(len(x)) % 2, x, math.nan)
    found = correlation({"x": x, "falls": -np.exp(x), "half": half})
    assert found.values[0] == [1.0, -1.0, 1.0] and found.counts[2] == [100_000] * 3


def test_too_much_is_refused():
    with pytest.raises(ValueError, match="30 columns"):
        correlation({str(i): np.zeros(2) for i in range(31)})
    with pytest.raises(ValueError, match="64 parameters"):
        importance([Parameter("p", np.zeros(2))] * 65, np.zeros(2))
    with pytest.raises(ValueError, match="different lengths"):
        importance([Parameter("p", np.zeros(2))], np.zeros(3))
