"""Expressions one by one: what they select, what is said of those that are refused, what the documentation shows."""

from __future__ import annotations

import re
import sys
import time
import traceback

import numpy as np
import pytest

from bots_app.expressions import GRAMMAR, InvalidExpression, nearest_names, parse
from bots_app.table.values import bits_of

#: Six runs; what is in none of the columns is missing.
RUNS = {
    "x": [1, 2, 3, None, "trend", True],
    "y": [1, 5, 0, 2, "trend", False],
    "kind": ["trend", "range", None, "trend", "5", 5],
    "on": [True, False, "true", 1, None, True],
    "big": [1e308, -1e308, 0, 1, None, "a"],
}

SELECTED = [
    ("x > 1", [1, 2]),
    ("x>=2", [1, 2]),
    ("x == 1", [0]),
    ("x = 1.0", [0]),
    ("x != 3", [0, 1, 4, 5]),
    ("not x = 3", [0, 1, 3, 4, 5]),
    ("not (x > 1)", [0, 3, 4, 5]),
    ("1 < x <= 3", [1, 2]),
    ("3 > x != 1", [1]),
    ("x in (1, 3)", [0, 2]),
    ("x not in (1, 3)", [1, 4, 5]),
    ("not x in (1, 3)", [1, 3, 4, 5]),
    ("x in (1, 'trend', true)", [0, 4, 5]),
    ("x in 2..3", [1, 2]),
    ("x not in 2..3", [0, 4, 5]),
    ("x in -1...5", []),
    ("x in (1,)", [0]),
    ("x is missing", [3]),
    ("x is not missing", [0, 1, 2, 4, 5]),
    ("x IS NOT Missing AND kind = 'trend'", [0]),
    ("kind = 'trend'", [0, 3]),
    ('kind != "trend"', [1, 4, 5]),
    ("'trend' = kind", [0, 3]),
    ("kind = '5'", [4]),
    ("kind = 5", [5]),
    ("kind in ('trend', 'range')", [0, 1, 3]),
    ("on = true", [0, 5]),
    ("on != True", [1, 2, 3]),
    ("on = false", [1]),
    ("on = 'true'", [2]),
    ("on = 1", [3]),
    ("x = y", [0, 4]),
    ("x != y", [1, 2, 5]),
    ("x < y", [1]),
    ("x + y = 2", [0]),
    ("x + y != 2", [1, 2]),
    ("x / y is missing", [2, 3, 4, 5]),
    ("x / y > 0", [0, 1]),
    ("1 / (x / y) = 1", [0]),
    ("-x < -1", [1, 2]),
    ("--x > 1", [1, 2]),
    ("x - 1 - 1 = 1", [2]),
    ("x - (1 - 1) = 1", [0]),
    ("2 + x * 2 = 8", [2]),
    ("(2 + x) * 2 = 8", [1]),
    ("big * 10 is missing", [0, 1, 4, 5]),
    ("big * 10 / 10 > 0", [3]),
    ("big + big < 1", [2]),
    ("1 / (big * 10) = 0", []),
    ("x > 1 or y > 1 and kind = 'trend'", [1, 2, 3]),
    ("(x > 1 or y > 1) and kind = 'trend'", [3]),
    ("not x > 1 and y = 1", [0]),
    ("not not x > 1", [1, 2]),
    ("x in (" + ", ".join(str(number) for number in range(2, 40)) + ")", [1, 2]),
    ("`x` > 1", [1, 2]),
]


@pytest.mark.parametrize("text, rows", SELECTED)
def test_an_expression_selects_these_runs(text, rows):
    columns = {
        name: np.array([bits_of(value) for value in values], dtype=np.uint64).view(np.float64)
        for name, values in RUNS.items()
    }
    assert np.flatnonzero(parse(text).mask(columns.__getitem__)).tolist() == rows


REFUSED = [
    ("", 0, "the end", "a condition"),
    ("sharpeRatio > > 1", 14, '">"', "a field, a number"),
    ("sharpeRatio > 1 winRate", 16, '"winRate"', '"and", "or" or the end'),
    ("sharpeRatio >", 13, "the end", "a field, a number"),
    ("> 1", 0, '">"', "a condition"),
    ("x > 1 and", 9, "the end", "a field, a number"),
    ("(x > 1", 6, "the end", "a closing bracket"),
    ("x > 1)", 5, '")"', '"and", "or"'),
    ("x in (5,", 8, "the end", "a number, a text"),
    ("x in ()", 6, '")"', "a number, a text"),
    ("x in 5", 6, "the end", "A list stands in brackets"),
    ("x in [5]", 5, '"["', "round brackets"),
    ("x in (y, 5)", 6, '"y"', "a number, a text"),
    ("x in 20..5", 5, '"20..5"', "from a lower to a higher"),
    ("x in 'a'..'b'", 5, "\"'a'..'b'\"", "numbers as the ends"),
    ("x + 1 in ('a')", 10, "\"'a'\"", "a number"),
    ("x", 0, '"x"', "= true"),
    ("y > 1 and x", 10, '"x"', "= true"),
    ("x and y > 1", 0, '"x"', "= true"),
    ("not 5", 4, '"5"', "a condition"),
    ("1 < 2", 0, '"1 < 2"', "a field on one side"),
    ("1 < 2 < x", 0, '"1 < 2"', "a field on one side"),
    ("5 in (5, 8)", 0, '"5"', "a field"),
    ("1 + 1 is missing", 0, '"1 + 1"', "a field"),
    ("x < 'a'", 0, "\"x < 'a'\"", "= or !="),
    ("x + 1 = 'a'", 0, "\"x + 1 = 'a'\"", "a field beside a text"),
    ("x > 1 / 0", 6, "a division by zero", "a finite number"),
    ("x > 1e300 * 1e300", 10, "too large", "a finite number"),
    ("x > 1e999999", 4, '"1e999999"', "a number below"),
    ("(x > 1) + 1 > 2", 0, '"(x > 1)"', "a field or a number"),
    ("(x > 1) = true", 8, '"="', "not compared"),
    ("x > (y > 1)", 4, '"(y > 1)"', "joined by and, or, not"),
    ("x = 1 in (5, 6)", 6, '"in"', '"and", "or"'),
    ("x not 5", 6, '"5"', "in"),
    ("x is null", 5, '"null"', "Write is missing"),
    ("x is 5", 5, '"5"', "Equality is written ="),
    ("__import__('os').system('id')", 10, '"("', "There are no functions"),
    ("x > 1 and f(x) > 1", 11, '"("', "There are no functions"),
    ("lambda: 1", 6, '":"', "a field"),
    ("x > 1; y > 2", 5, '";"', "a field"),
    ("x ** 2 > 1", 2, '"**"', "no powers"),
    ("x > 20 %", 7, '"%"', "20 % is 0.2"),
    ("x ≥ 1", 2, "GREATER-THAN", "Write >="),
    ("x => 1", 2, '"=>"', "Write >="),
    ("x > 1 && y > 1", 6, '"&&"', "Write and"),
    ("x > 1, y > 2", 5, '","', "in (5, 8)"),
    ("x > 5..6", 5, '".."', "in 5..20"),
    ("x > 1 \u202e", 6, "U+202E (RIGHT-TO-LEFT OVERRIDE)", "a field"),
    ("x\u00a0> 1", 1, "U+00A0 (NO-BREAK SPACE)", "a field"),
    ("x > 1\x00", 5, "U+0000 (a control character)", "a field"),
    ("x = 'a\ud800'", 6, "U+D800", "a field"),
    ("u\u0308 > 1", 1, "COMBINING DIAERESIS", "`backquotes`"),
    ("x = 'a", 4, "a text without an end", "a closing '"),
    ("`x > 1", 0, "a name without an end", "a closing backquote"),
    ("`` > 1", 0, '"``"', "a field's name"),
    (r"x = 'C:\data'", 7, r'"\d"', "written twice"),
    ("max drawdown > 3", 4, '"drawdown"', "an operator"),
]


@pytest.mark.parametrize("text, position, found, said", REFUSED)
def test_a_refused_expression_says_where_what_and_what_would_be_right(text, position, found, said):
    with pytest.raises(InvalidExpression) as caught:
        parse(text)
    error, message = caught.value, str(caught.value)
    assert error.position == position
    assert f"At character {position + 1} (counted from 1): found " in message
    assert found in error.found
    assert said in message
    assert position + error.length <= len(text)


def test_what_is_too_much_is_refused_and_what_is_not_is_not():
    fits = "x = 1" + " or x = 1" * 149
    assert parse(fits)
    for text, said in [
        (fits + " or x = 1", "At character 1353 .*: found comparison 151, expected at most 150 of them"),
        ("x" + " < x" * 151, "At character 603 .*: found comparison 151"),
        (fits + " or x in (1, 2)", "found comparison 151"),
        (fits + " or x is missing", "found comparison 151"),
        ("x" + " + x" * 51 + " > 1", r"At character 203 .*: found operator 51, expected at most 50 of \+ - \* /"),
        ("--x * 2 < x" + " - x" * 48, "At character 201 .*: found operator 51"),
        (fits + " " * 700, "at most 2,000"),
        ("(" * 1500 + "x > 1" + ")" * 1500, "at most 2,000"),
        ("(" * 51 + "x > 1" + ")" * 51, "at most 50 deep"),
        ("not " * 60 + "x > 1", "at most 50 deep"),
        ("-" * 60 + "x > 1", "at most 50 deep"),
        ("x in (" + "1," * 500 + ")", "at most 500 fields, numbers and texts"),
        (" and ".join(f"x{number} > 1" for number in range(41)), "at most 40 different fields"),
    ]:
        with pytest.raises(InvalidExpression, match=said):
            parse(text)
    assert parse("x in (" + "1," * 499 + ")").canonical == "x in (1)"
    assert parse("x" + " + x" * 50 + " > 1")
    # What is computed from numbers alone is not computed in every row.
    assert parse("x > 1" + " + 1" * 100 + " and x in (" + "-1," * 100 + ")")
    assert parse("not " * 48 + "x > 1")
    assert parse("(" * 48 + "x > 1" + ")" * 48)
    assert parse(" and ".join(f"x{number} > 1" for number in range(40)))


def test_the_deepest_expression_needs_few_frames():
    """A request's own calls have to fit below Python's limit too."""
    columns = {"x": np.arange(3.0)}
    opened = "".join("x > 0 or x > 0 and x < 1 + 2 * -(" if level % 2 else "not (" for level in range(20))

    def deep(frames: int) -> None:
        if frames:
            return deep(frames - 1)
        for text in ("not " * 48 + "x > 1", "-" * 48 + "x > 1", "(" * 48 + "x > 1" + ")" * 48):
            assert parse(text).mask(columns.__getitem__).shape == (3,)
        with pytest.raises(InvalidExpression, match="50 deep"):
            parse(opened)
        return None

    deep(sys.getrecursionlimit() - 400 - len(traceback.extract_stack()))


def test_the_same_question_has_one_canonical_spelling():
    same = ["x=1 and y in (8,5)", " x == 1.0 AND (`y` in (5, 8.0, 5,))", "(x = 1e0) and ((y) in (5, 2 * 4))"]
    assert {parse(text).canonical for text in same} == {"x = 1 and y in (5, 8)"}
    assert parse("a>1 or (b>1 or c>1) and d='it\\'s'").canonical == r"a > 1 or (b > 1 or c > 1) and d = 'it\'s'"
    assert parse("x - (y - 1) - -.5 > -2").canonical == "x - (y - 1) - -0.5 > -2"
    assert parse('`stop loss` is NOT missing and `in` != "a"').canonical == "`stop loss` is not missing and `in` != 'a'"


def test_an_unknown_field_is_told_with_the_nearest_names():
    known = frozenset({"sharpeRatio", "config.fast", "config.slow", "profit", "config.stop loss", "status"})
    parse("sharpeRatio > 1 and config.fast < 5").check(known)
    for text, position, said in [
        ("profit > 1 and sharpRatio > 1", 15, "Did you mean sharpeRatio?"),
        ("SHARPERATIO > 1", 0, "Did you mean sharpeRatio?"),
        ("fast > 1", 0, "Did you mean config.fast?"),
        ("`config.stoploss` > 1", 0, "Did you mean `config.stop loss`"),
        ("sharpeRatio.__class__ > 1", 0, 'the unknown field "sharpeRatio.__class__"'),
        ("zzz > 1", 0, "expected a field of this session"),
        ("status = completed", 9, "A text stands in quotes"),
        ("profit = null", 9, "write is missing"),
    ]:
        with pytest.raises(InvalidExpression) as caught:
            parse(text).check(known)
        assert caught.value.position == position
        assert said in str(caught.value)


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("config.fastPeriod", "config.strategy.params.fastPeriod"),
        ("fastPeriod", "config.strategy.params.fastPeriod"),
        ("config.fastPeriodd", "config.strategy.params.fastPeriod"),
        ("config.params.slowPeriod", "config.strategy.params.slowPeriod"),
        ("config.lowPeriod", "config.slowPeriod"),
        ("config.risk.stoploss", "config.risk.stopLoss"),
        ("config.sharpe", "sharpe"),
        ("config.fst", "config.fast"),
    ],
)
def test_a_name_with_other_parts_before_its_last_one_is_near(name, first):
    known = {"config.strategy.params.fastPeriod", "config.strategy.params.slowPeriod", "config.slowPeriod", "sharpe"}
    known |= {"config.fast", "config.fees.maker", "config.risk.stopLoss", "config.risk.stopGain"}
    assert nearest_names(name, known)[0] == first


@pytest.mark.parametrize("name", ["ab" * 1000, "ab" * 500 + "." + "ab" * 500])
def test_looking_for_the_nearest_names_takes_no_longer_for_nasty_ones(name):
    known = {("ab" * 100)[:number] + str(number) for number in range(500)}
    begun = time.thread_time()
    assert len(nearest_names(name, known)) == 3
    assert time.thread_time() - begun < 2


def examples() -> list[str]:
    return [line for block in re.findall(r"```\n(.*?)```", GRAMMAR, re.DOTALL) for line in block.splitlines()]


@pytest.mark.parametrize("text", examples())
def test_every_example_of_the_documentation_is_understood(text):
    assert parse(text).fields


def test_the_documentation_says_what_it_says_of_missing_values():
    stop = np.array([np.nan, 3.0, 4.0])
    assert parse("config.stop != 3").mask(lambda name: stop).tolist() == [False, False, True]
    assert parse("not config.stop = 3").mask(lambda name: stop).tolist() == [True, False, True]
    assert len(examples()) > 10
