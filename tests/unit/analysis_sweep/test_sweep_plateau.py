"""Neighbours in the grid and the plateau score: exact, whatever the grid is like."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots_app.analysis.sweep import grid, plateau
from bots_app.analysis.sweep.columns import Parameter
from bots_app.analysis.sweep.neighbours import neighbours
from bots_app.analysis.sweep.plateau import plateau_scores
from tests.unit.analysis_sweep import naive
from tests.unit.analysis_sweep.strategies import parameters, tame_value


def check(given_parameters, metric):
    """Hold the scores of all runs, and the neighbours of each, against the naive ones."""
    found = plateau_scores(given_parameters, metric)
    for run in range(len(metric)):
        score, count = naive.plateau(given_parameters, metric.tolist(), run)
        assert found.counts[run] == count
        assert found.scores[run] == pytest.approx(score, abs=1e-12, nan_ok=True)
        one = neighbours(given_parameters, run, metric)
        assert sorted(each.run for each in one.neighbours) == naive.neighbours(given_parameters, run)
        assert one.known == count and one.plateau == (None if math.isnan(score) else found.scores[run])
        for each in one.neighbours:
            values = given_parameters[each.step].values
            assert values[each.run] != values[run]
        assert sum(step.runs for step in one.steps) == one.count


def metrics(n: int):
    return st.lists(tame_value | st.just(math.inf), min_size=n, max_size=n).map(np.array)


@given(st.data(), st.integers(1, 30))
def test_neighbours_and_scores_are_the_naive_ones(data, n):
    check(data.draw(parameters(n)), data.draw(metrics(n)))


@given(st.data(), st.integers(1, 30), st.sampled_from([0.0, 2.0]))
def test_configurations_are_searched_for_where_a_table_of_them_would_be_too_large(data, n, least_filled):
    with pytest.MonkeyPatch.context() as patch:
        for name in ("LEAST_TABLE", "MOST_TABLE"):
            patch.setattr(grid, name, 0)
        patch.setattr(plateau, "LEAST_FILLED", least_filled)
        check(data.draw(parameters(n)), data.draw(metrics(n)))


@given(st.data(), st.integers(1, 30))
def test_keys_that_only_suggest_a_configuration_are_as_exact(data, n):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grid, "KEYS", 0)
        check(data.draw(parameters(n)), data.draw(metrics(n)))


def test_a_grid_too_large_for_one_number_is_as_exact():
    random = np.random.default_rng(4)
    line = random.integers(0, 10, 40) * 1.0
    given_parameters = [Parameter(f"p{i}", np.where(random.random(40) < 0.03, np.nan, line)) for i in range(20)]
    given_parameters += [Parameter("stop", random.integers(0, 4, 40) * 1.0)]
    assert grid.grid_of(given_parameters).ladders is not None
    check(given_parameters, random.standard_normal(40))


@pytest.mark.parametrize("weights", [[1] * 40 + [1 << 40, 1 << 20, 3, 1], [0, 0, 0, 0, 1 << 40, 1 << 20, 3, 1]])
def test_weights_that_do_not_tell_configurations_apart_are_thrown_away(monkeypatch, weights):
    random = np.random.default_rng(2)
    given_parameters = [Parameter(f"p{i}", random.integers(0, 3, 60) * 1.0) for i in range(4)]
    left = iter(weights)

    class Source:
        def __init__(self, attempt):
            pass

        def getrandbits(self, bits):
            return next(left)

    monkeypatch.setattr(grid, "KEYS", 2)
    monkeypatch.setattr(grid.random, "Random", Source)
    check_scores_only(given_parameters, random.standard_normal(60))
    assert next(left, None) is None


def check_scores_only(given_parameters, metric):
    found = plateau_scores(given_parameters, metric)
    expected = [naive.plateau(given_parameters, metric.tolist(), run) for run in range(len(metric))]
    assert found.counts.tolist() == [count for _, count in expected]
    assert found.scores == pytest.approx([score for score, _ in expected], nan_ok=True)


def test_several_metrics_are_as_one_after_the_other():
    random = np.random.default_rng(6)
    given_parameters = [Parameter(f"p{i}", random.integers(0, 4, 300) * 1.0) for i in range(5)]
    every = [random.standard_normal(300), np.where(random.random(300) < 0.5, np.nan, 1.0), np.full(300, np.nan)]
    for found, metric in zip(plateau.plateaus(given_parameters, every), every, strict=True):
        alone = plateau_scores(given_parameters, metric)
        assert found.counts.tolist() == alone.counts.tolist()
        assert np.array_equal(found.scores, alone.scores, equal_nan=True)
        check_scores_only(given_parameters, metric)


def test_slices_and_portions_change_nothing(monkeypatch):
    random = np.random.default_rng(5)
    given_parameters = [Parameter(f"p{i}", random.integers(0, 4, 200) * 1.0) for i in range(3)]
    metric = random.standard_normal(200)
    whole = plateau_scores(given_parameters, metric)
    monkeypatch.setattr(plateau, "SLICE", 7)
    monkeypatch.setattr(plateau, "MOST_TOGETHER", 10)
    cut = plateau_scores(given_parameters, metric)
    assert cut.scores.tolist() == whole.scores.tolist() and cut.counts.tolist() == whole.counts.tolist()
    check_scores_only(given_parameters, metric)


def test_a_step_goes_to_the_next_value_any_run_has_and_a_hole_there_is_a_hole():
    fast = Parameter("fast", np.array([5.0, 8.0, 13.0, 5.0]))
    slow = Parameter("slow", np.array([20.0, 20.0, 20.0, 30.0]))
    found = neighbours([fast, slow], 3, np.array([1.0, 2.0, 3.0, 4.0]))
    by_fast, by_slow = found.steps
    assert (by_fast.below, by_fast.above, by_fast.runs) == (None, 8.0, 0)
    assert (by_slow.below, by_slow.above, by_slow.runs) == (20.0, None, 1)
    assert [(each.run, each.step, each.value, each.metric) for each in found.neighbours] == [(0, 1, 20.0, 1.0)]
    assert (found.metric, found.plateau, found.count) == (4.0, 1.0, 1)


def test_runs_of_the_same_configuration_are_all_neighbours_and_none_of_each_other():
    p = Parameter("p", np.array([1.0, 1.0, 2.0, 2.0, 2.0]))
    found = plateau_scores([p], np.array([10.0, 20.0, 1.0, 2.0, 4.0]))
    assert found.scores.tolist() == [2.0, 2.0, 15.0, 15.0, 15.0] and found.counts.tolist() == [3, 3, 2, 2, 2]


def test_a_text_steps_to_every_other_unless_it_is_a_name():
    few = Parameter("type", np.arange(20.0), [f"t{i}" for i in range(20)])
    many = Parameter("botId", np.arange(21.0), [f"t{i}" for i in range(21)])
    assert plateau_scores([few], np.arange(20.0)).counts.tolist() == [19] * 20
    assert plateau_scores([many], np.arange(21.0)).counts.tolist() == [0] * 21
    assert neighbours([many], 3, np.arange(21.0)).steps[0].held


def test_a_missing_value_is_one_of_its_own_without_steps():
    a = Parameter("a", np.array([1.0, math.nan, 2.0, math.nan]))
    b = Parameter("b", np.array([1.0, 1.0, 1.0, 2.0]))
    assert plateau_scores([a, b], np.array([1.0, 2.0, 3.0, 4.0])).scores.tolist() == [3.0, 4.0, 1.0, 2.0]


def test_many_levels_infinite_ones_and_both_zeros_are_in_order():
    values = np.random.default_rng(1).permutation(np.append(np.arange(2_000) * 0.1, [math.inf, -math.inf]))
    ordered = np.argsort(values)
    found = plateau_scores([Parameter("p", values)], values)
    assert found.counts[ordered].tolist() == [1, 1, *[2] * 1_998, 1, 1]
    zeros = Parameter("p", np.array([0.0, -0.0, 1.0]))
    assert plateau_scores([zeros], np.array([1.0, 3.0, 9.0])).scores.tolist() == [9.0, 9.0, 2.0]


def test_without_parameters_or_runs_nobody_has_neighbours():
    assert plateau_scores([], np.ones(3)).counts.tolist() == [0, 0, 0]
    assert plateau_scores([Parameter("p", np.empty(0))], np.empty(0)).scores.tolist() == []
    assert np.isnan(plateau_scores([Parameter("p", np.ones(3))], np.ones(3)).scores).all()
    with pytest.raises(ValueError, match="no run 3"):
        neighbours([Parameter("p", np.ones(3))], 3, np.ones(3))
