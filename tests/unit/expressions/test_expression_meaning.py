"""What expressions drawn at random mean: to numpy, read run by run, and to Python where the words are its own."""

from __future__ import annotations

import warnings
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots_app.expressions import parse
from bots_app.expressions.expression import BLOCK_ROWS
from bots_app.expressions.limits import MOST_OPERATORS
from bots_app.expressions.membership import MOST_COMPARED
from bots_app.table.values import bits_of
from tests.unit.expressions import trees
from tests.unit.expressions.naive import Speller, holds


def column(values: list) -> np.ndarray:
    return np.array([bits_of(value) for value in values], dtype=np.uint64).view(np.float64)


def columns_of(rows: list[dict]) -> dict[str, np.ndarray]:
    return {name: column([row[name] for row in rows]) for name in rows[0]}


@settings(max_examples=400, deadline=None)
@given(trees.conditions, trees.rows, st.integers(0, 2**32))
def test_numpy_selects_what_reading_run_by_run_selects(tree, rows, seed):
    expression = parse(Speller(Random(seed)).text(tree))
    columns = columns_of(rows)
    before = {name: values.tobytes() for name, values in columns.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mask = expression.mask(columns.__getitem__)
    assert mask.tolist() == [holds(tree, row) for row in rows]
    assert {name: values.tobytes() for name, values in columns.items()} == before, "a column was written to"


@settings(max_examples=300, deadline=None)
@given(trees.conditions, st.integers(0, 2**32), st.integers(0, 2**32))
def test_every_spelling_has_the_same_canonical_one(tree, seed, other_seed):
    expression, other = (parse(Speller(Random(one)).text(tree)) for one in (seed, other_seed))
    assert expression.canonical == other.canonical
    assert expression.fields == other.fields
    if len(expression.canonical) <= 2000:
        assert parse(expression.canonical).canonical == expression.canonical


@settings(max_examples=200, deadline=None)
@given(trees.conditions, trees.rows, st.integers(0, 2**32))
def test_the_canonical_spelling_means_the_same(tree, rows, seed):
    canonical = parse(Speller(Random(seed)).text(tree)).canonical
    if len(canonical) <= 2000:
        mask = parse(canonical).mask(columns_of(rows).__getitem__)
        assert mask.tolist() == [holds(tree, row) for row in rows]


def python_text(random: Random, depth: int = 3) -> str:
    """Return a condition in words that are Python's too."""

    def value() -> str:
        operands = [random.choice(["a", "b", "c", "2", "0.5", "-1", "-b"]) for _ in range(random.randint(0, 2))]
        text = random.choice("abc") + "".join(f" {random.choice('+-*')} {operand}" for operand in operands)
        return f"({text}) * 2" if random.random() < 0.1 else text

    if depth == 0 or random.random() < 0.2:
        signs = [random.choice(["==", "!=", "<", "<=", ">", ">="]) for _ in range(random.choice([1, 1, 2]))]
        return value() + "".join(f" {sign} {value()}" for sign in signs)
    parts = [python_text(random, depth - 1) for _ in range(random.randint(1, 3))]
    parts = [f"({part})" if random.random() < 0.3 else part for part in parts]
    return random.choice(["", "", "not "]) + "".join(
        part + (f" {random.choice(['and', 'or'])} " if place < len(parts) - 1 else "")
        for place, part in enumerate(parts)
    )


def test_precedence_is_that_of_python():
    random = Random(1)
    rows = [{name: float(random.randint(-3, 3)) for name in "abc"} for _ in range(30)]
    columns = columns_of(rows)
    for _ in range(500):
        text = python_text(random)
        if sum(map(text.count, "+-*/")) > MOST_OPERATORS:
            continue
        code = compile(text, "expression", "eval")
        expected = [eval(code, {}, row) for row in rows]
        assert parse(text).mask(columns.__getitem__).tolist() == expected, text


def test_many_rows_are_evaluated_in_blocks_and_none_is_left_out():
    random = np.random.default_rng(1)
    for rows in (0, 1, BLOCK_ROWS - 1, BLOCK_ROWS, BLOCK_ROWS + 1, 3 * BLOCK_ROWS + 7):
        columns = {name: random.normal(size=rows) for name in "ab"}
        mask = parse("a > 0 and not b * 2 > a or a in -1..0").mask(columns.__getitem__)
        a, b = columns["a"], columns["b"]
        assert np.array_equal(mask, ((a > 0) & ~(b * 2 > a)) | ((a >= -1) & (a <= 0)))


@pytest.mark.parametrize("length", [MOST_COMPARED, MOST_COMPARED + 1, 150])
def test_long_lists_are_searched_as_short_ones_are(length):
    random = Random(length)
    rows = [{"a": random.choice([None, True, "n7", "8", float(random.randint(-10, 250))])} for _ in range(500)]
    numbers = tuple(("number", float(number)) for number in random.sample(range(-5, 200), length))
    words = (*(("text", f"n{number}") for number in range(length)), ("boolean", True))
    for items in (numbers, words, numbers[:length] + words[:2]):
        for is_negated in (False, True):
            tree = ("in", ("field", "a"), items, is_negated)
            mask = parse(Speller(random).text(tree)).mask(columns_of(rows).__getitem__)
            assert mask.tolist() == [holds(tree, row) for row in rows]
