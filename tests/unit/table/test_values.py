"""Values in columns of doubles: numbers, texts, booleans and nothing, told apart by their bits."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bots_app.table.values import MISSING, bits_of, from_stored, is_missing, is_value, number_of, to_stored

PLAIN = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=20), st.booleans())


def column(*values: object) -> np.ndarray:
    return np.array([bits_of(value) for value in values], dtype=np.uint64).view(np.float64)


def test_numbers_stand_as_themselves_and_nothing_else_compares():
    values = column(1.5, 3, "3", True, None, 10**400, math.inf, math.nan, [], {"a": 1})
    assert values[:2].tolist() == [1.5, 3.0]
    assert np.isnan(values[2:]).all()
    assert not (values[2:] >= -math.inf).any()


def test_a_text_a_boolean_and_nothing_are_told_apart():
    values = column("true", True, False, "", "completed", None, math.inf)
    assert is_missing(values).tolist() == [False, False, False, False, False, True, True]
    assert is_value(values, "true").tolist() == [True, False, False, False, False, False, False]
    assert is_value(values, True).tolist() == [False, True, False, False, False, False, False]
    assert is_value(values, "").tolist() == [False, False, False, True, False, False, False]


def test_what_was_never_written_is_missing():
    assert is_missing(from_stored(bytes(24))).all()
    assert number_of(MISSING) != number_of(MISSING)


@given(st.lists(PLAIN, max_size=20))
def test_a_column_survives_the_store(values):
    stored = to_stored(column(*values))
    assert len(stored) == 8 * len(values)
    assert from_stored(stored).view(np.uint64).tolist() == [bits_of(value) for value in values]
    assert from_stored(stored).tobytes() == column(*values).tobytes()
