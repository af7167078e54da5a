"""Heat map, parallel coordinates and the groups they are made of."""

from __future__ import annotations

import math
import statistics

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots_app.analysis.sweep.columns import Parameter
from bots_app.analysis.sweep.groups import groups_of
from bots_app.analysis.sweep.heatmap import heatmap
from bots_app.analysis.sweep.parallel import parallel
from tests.unit.analysis_sweep import naive
from tests.unit.analysis_sweep.strategies import any_value, parameters, tame_value

STATISTICS = {"median": naive.middle, "max": max, "min": min, "mean": statistics.fmean, "count": len}
runs = st.integers(0, 40)


def axis_of(parameter, **options):
    group = groups_of(parameter, **options)
    return msgspec.to_builtins(group.axis), group


@given(st.data(), st.sampled_from(["quantile", "width"]), st.booleans())
def test_groups_are_what_the_axis_says(data, binning, is_text):
    if is_text:
        codes = data.draw(st.lists(st.integers(0, 30) | st.just(math.nan), max_size=60))
        parameter = Parameter("p", np.array(codes, dtype=np.float64), [f"text {i}" for i in range(31)])
    else:
        parameter = Parameter("p", np.array(data.draw(st.lists(any_value, max_size=60)), dtype=np.float64))
    axis, group = axis_of(parameter, most_levels=8, bins=5, binning=binning)
    expected = [naive.group(axis, parameter, run) for run in range(len(parameter.values))]
    assert [None if code < 0 else code for code in group.codes.tolist()] == expected
    assert axis["missing"] == expected.count(None)
    assert set(expected) - {None} == set(range(group.size)) or axis["kind"] == "bins"
    assert group.size <= 8


def test_bins_of_equal_count_hold_about_as_many_runs_each():
    values = np.exp(np.random.default_rng(1).standard_normal(3_000) * 5)
    counts = np.bincount(groups_of(Parameter("p", values)).codes)
    assert len(counts) == 30 and counts.min() >= 99 and counts.max() <= 102


def test_the_rarest_texts_are_lumped_together_and_those_without_runs_left_out():
    values = np.array([0, 0, 0, 2, 2, 3, 4, 4, 4, 4, math.nan])
    axis, group = axis_of(Parameter("p", values, ["a", "none", "c", "d", "e"]), most_levels=3)
    assert axis["labels"] == ["a", "e", "2 others"] and axis["lumped"] == 2
    assert group.codes.tolist() == [0, 0, 0, 2, 2, 2, 1, 1, 1, 1, -1]


@pytest.mark.parametrize("code", [-1.0, 2.0, 0.5, math.inf])
def test_a_code_without_a_label_is_refused(code):
    with pytest.raises(ValueError, match="codes must be"):
        Parameter("p", np.array([0.0, code]), ["a", "b"])


@given(st.data(), runs, st.sampled_from(list(STATISTICS)))
def test_heatmap_is_the_naive_one(data, n, statistic):
    x, y = (data.draw(parameters(n, most=1))[0] for _ in "xy")
    metric = np.array(data.draw(st.lists(tame_value | st.just(math.inf), min_size=n, max_size=n)), dtype=np.float64)
    found = heatmap(x, y, metric, statistic=statistic)
    answer = msgspec.to_builtins(found)
    places = (
        [naive.group(answer[side], parameter, run) for run in range(n)]
        for side, parameter in zip("xy", (x, y), strict=True)
    )
    cells = naive.cells(*places, metric.tolist())
    for j, row in enumerate(found.values):
        for i, value in enumerate(row):
            inside = cells.get((j, i), [])
            known = naive.known(inside)
            assert found.counts[j][i] == len(inside)
            assert (found.known or found.counts)[j][i] == len(known)
            if statistic == "count":
                assert value == len(inside)
            else:
                assert value == (pytest.approx(STATISTICS[statistic](known), abs=1e-12) if known else None)
    assert found.runs == n == found.outside + sum(map(sum, found.counts))
    assert found.unknown == sum(len(inside) - len(naive.known(inside)) for inside in cells.values())


def test_the_mean_and_the_median_of_huge_metrics_do_not_overflow():
    p = Parameter("p", np.zeros(4))
    huge = np.array([1.7e308, 1.7e308, 1.7e308, -1.0])
    assert heatmap(p, p, huge, statistic="mean").values == [[pytest.approx(1.275e308)]]
    assert heatmap(p, p, huge, statistic="median").values == [[1.7e308]]


def test_runs_can_be_counted_without_a_metric_and_nothing_else_can():
    p = Parameter("p", np.array([1.0, 1.0, 2.0]))
    assert heatmap(p, p, None, statistic="count").values == [[2, 0], [0, 1]]
    with pytest.raises(ValueError, match="median"):
        heatmap(p, p, None)
    with pytest.raises(ValueError, match="No statistic 'mode'"):
        heatmap(p, p, p.values, statistic="mode")


@given(st.data(), st.integers(1, 40))
def test_parallel_shows_every_run_once(data, n):
    axes = data.draw(parameters(n, most=3)) + data.draw(parameters(n, most=1))
    axes.append(Parameter("m", np.array(data.draw(st.lists(any_value, min_size=n, max_size=n)), dtype=np.float64)))
    best = data.draw(st.lists(st.integers(0, n - 1), unique=True, max_size=5))
    found = parallel(axes, best)
    answer = msgspec.to_builtins(found)
    others = [run for run in range(n) if run not in best]
    groups = [
        [naive.group(axis, parameter, run) for run in range(n)]
        for axis, parameter in zip(answer["axes"], axes, strict=True)
    ]
    for a, (axis, parameter) in enumerate(zip(found.axes, axes, strict=True)):
        for line, run in zip(found.lines, best, strict=True):
            value = parameter.values[run]
            shown = groups[a][run] if axis.kind == "labels" else (float(value) if math.isfinite(value) else None)
            assert line[a] == shown
        assert found.counts[a] == [sum(groups[a][run] == i for run in others) for i in range(len(found.counts[a]))]
    for a, between in enumerate(found.between):
        pairs = [(groups[a][run], groups[a + 1][run]) for run in others]
        assert between.counts == [
            [pairs.count((i, j)) for j in range(len(found.counts[a + 1]))] for i in range(len(found.counts[a]))
        ]
        assert sum(map(sum, between.counts)) + between.missing == found.others == len(others)


@pytest.mark.parametrize(("axes", "best"), [(1, [0]), (17, [0]), (2, [0, 0]), (2, [9]), (2, [-1]), (2, range(201))])
def test_parallel_refuses_what_makes_no_sense(axes, best):
    with pytest.raises(ValueError):
        parallel([Parameter("p", np.arange(9.0))] * axes, best)
