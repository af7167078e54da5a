"""Columns to try things on: ties, missing values, infinities, the largest and the smallest numbers."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st

from bots_app.analysis.sweep.columns import Parameter

ODD = [math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0, 0.1, 1e15, 1e15 + 0.125, 1.7e308, -1.7e308, 5e-324, -1e-310]
any_value = st.one_of(
    st.integers(-5, 5).map(float), st.sampled_from(ODD), st.floats(), st.floats(-3, 3), st.integers(0, 10**6).map(float)
)
tame_value = st.one_of(st.integers(-5, 5).map(float), st.just(math.nan), st.floats(-3, 3))


def columns(value=any_value, *, least: int = 0, most: int = 60):
    return st.lists(value, min_size=least, max_size=most).map(lambda values: np.array(values, dtype=np.float64))


@st.composite
def parameters(draw, runs: int, *, most: int = 4, most_levels: int = 4):
    """Draw some parameters of the same runs, numbers and texts, few enough values for there to be neighbours."""
    made = []
    for i in range(draw(st.integers(1, most))):
        levels = draw(st.integers(1, most_levels))
        codes = draw(st.lists(st.integers(0, levels), min_size=runs, max_size=runs))
        values = np.array([math.nan if code == levels else code for code in codes], dtype=np.float64)
        if draw(st.booleans()):
            made.append(Parameter(f"p{i}", values, [f"label {code}" for code in range(levels)]))
        else:
            made.append(Parameter(f"p{i}", values * 0.25 - 1))
    return made
