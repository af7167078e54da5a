"""Every answer has a greatest size, whatever it is about: tried with the worst input, in bytes of JSON."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from bots_app.analysis.sweep.columns import Parameter
from bots_app.analysis.sweep.correlation import correlation
from bots_app.analysis.sweep.density import density
from bots_app.analysis.sweep.heatmap import heatmap
from bots_app.analysis.sweep.histogram import histogram
from bots_app.analysis.sweep.importance import importance
from bots_app.analysis.sweep.neighbours import neighbours
from bots_app.analysis.sweep.parallel import parallel
from bots_app.analysis.sweep.percentiles import percentiles
from bots_app.analysis.sweep.quantiles import quantiles

KIB = 1024
#: Enough to fill every cell; what more digits in the counts add is tried at the end.
RUNS = 20_000
RANDOM = np.random.default_rng(11)
#: Characters that JSON writes as six, the longest there are.
NAME, LABEL = "\x01" * 200, "\x01" * 500


def long_numbers(count: int = RUNS) -> np.ndarray:
    """Return numbers that take 24 characters each."""
    return -RANDOM.uniform(1.0, 9.0, count) * 10.0 ** -RANDOM.integers(100, 300, count)


def texts(count: int) -> Parameter:
    return Parameter(NAME, RANDOM.integers(0, count, RUNS) * 1.0, [f"{i}{LABEL}" for i in range(count)])


def widest_map():
    metric = np.where(RANDOM.random(RUNS) < 0.1, np.nan, long_numbers())
    return heatmap(texts(200), texts(200), metric)


def everywhere_neighbours():
    """One run, and around it more neighbours than are listed, with names and numbers as long as they can be."""
    levels = long_numbers(64)
    columns = [np.append(np.full(64 * 20, level), level) for level in levels]
    for i in range(64):
        columns[i][i * 20 : (i + 1) * 20] = levels[i] * 2
    return neighbours([Parameter(NAME, column) for column in columns], 64 * 20, long_numbers(64 * 20 + 1))


CASES: dict[str, tuple[Callable[[], object], int]] = {
    "histogram": (lambda: histogram(long_numbers(), 500), 20),
    "quantiles": (lambda: quantiles(long_numbers(), np.linspace(0, 1, 101).tolist()), 10),
    "density": (lambda: density(long_numbers(), long_numbers(), x_bins=150, y_bins=150), 240),
    "heatmap": (widest_map, 200),
    "parallel": (lambda: parallel([texts(40)] * 8 + [Parameter(NAME, long_numbers())] * 8, range(200)), 220),
    "importance": (lambda: importance([Parameter(NAME, long_numbers()) for _ in range(64)], long_numbers()), 130),
    "correlation": (lambda: correlation({f"{i}{NAME}": long_numbers() for i in range(30)}), 70),
    "percentiles": (lambda: percentiles({f"{i}{NAME}": long_numbers() for i in range(64)}, 7), 100),
    "neighbours": (everywhere_neighbours, 250),
}


@pytest.mark.parametrize("name", CASES)
def test_the_worst_answer_is_as_small_as_the_docstring_says(name):
    make, most = CASES[name]
    size = len(msgspec.json.encode(make()))
    assert size <= most * KIB <= 256 * KIB, f"{size:,} bytes"


def test_counts_of_a_hundred_million_runs_would_still_fit():
    """The sizes above with every count nine digits long: those answers are nearly all counts."""
    dense = density(RANDOM.uniform(0, 1, RUNS), RANDOM.uniform(0, 1, RUNS), x_bins=150, y_bins=150)
    wide = msgspec.structs.replace(dense, counts=[[999_999_999] * 150] * 150)
    assert len(msgspec.json.encode(wide)) <= 256 * KIB
    widest = widest_map()
    many = [[999_999_999] * 60] * 60
    assert len(msgspec.json.encode(msgspec.structs.replace(widest, counts=many, known=many))) <= 256 * KIB


def test_sizes_of_lines_and_axes_of_text_alone_and_of_numbers_alone():
    for axes in ([texts(40)] * 16, [Parameter(NAME, long_numbers()) for _ in range(16)]):
        found = parallel(axes, range(200))
        many = [msgspec.structs.replace(one, counts=[[999_999_999] * 24] * 24) for one in found.between]
        assert len(msgspec.json.encode(msgspec.structs.replace(found, between=many))) <= 256 * KIB
