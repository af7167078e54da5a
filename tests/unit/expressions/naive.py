"""Expressions as trees of tuples: what they mean for one run, value by value, and a spelling of each at random.

("field", name) ("number", value) ("text", value) ("boolean", value) ("negative", value)
("+" | "-" | "*" | "/", value, value)
("compare", value, ((operator, value), ...)) ("in", value, (literal, ...), negated)
("range", value, low, high, negated) ("missing", value, negated)
("not", condition) ("and", (condition, ...)) ("or", (condition, ...))
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Mapping
from random import Random
from typing import Any

Tree = tuple[Any, ...]
Row = Mapping[str, Any]

ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
ORDERS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
POWERS = {"or": 1, "and": 2, "not": 3, "compare": 4, "in": 4, "range": 4, "missing": 4}
POWERS |= {"+": 5, "-": 5, "*": 6, "/": 6, "negative": 7}


def is_number(value: object) -> bool:
    return isinstance(value, float)


def value_of(tree: Tree, row: Row) -> Any:
    """Return a number, a text, a boolean, or None for a missing value."""
    kind = tree[0]
    if kind == "field":
        return row[tree[1]]
    if kind in ("number", "text", "boolean"):
        return tree[1]
    operands = [value_of(operand, row) for operand in tree[1:]]
    if not all(is_number(operand) for operand in operands):
        return None
    if kind == "negative":
        return -operands[0]
    try:
        result = ARITHMETIC[kind](*operands)
    except ZeroDivisionError:
        return None
    return result if math.isfinite(result) else None


def are_equal(left: Any, right: Any) -> bool:
    return type(left) is type(right) and left == right


def compares(sign: str, left: Any, right: Any) -> bool:
    if left is None or right is None:
        return False
    if sign in ORDERS:
        return is_number(left) and is_number(right) and ORDERS[sign](left, right)
    return are_equal(left, right) == (sign == "=")


def holds(tree: Tree, row: Row) -> bool:
    """Tell whether the condition holds for a run."""
    kind, *rest = tree
    if kind == "not":
        return not holds(rest[0], row)
    if kind == "and":
        return all(holds(condition, row) for condition in rest[0])
    if kind == "or":
        return any(holds(condition, row) for condition in rest[0])
    value = value_of(rest[0], row)
    if kind == "missing":
        return (value is None) != rest[1]
    if kind == "compare":
        values = [value, *(value_of(other, row) for _, other in rest[1])]
        return all(compares(sign, values[place], values[place + 1]) for place, (sign, _) in enumerate(rest[1]))
    if kind == "in":
        is_in = any(are_equal(value, item[1]) for item in rest[1])
        return value is not None and is_in != rest[2]
    low, high, is_negated = rest[1][1], rest[2][1], rest[3]
    return value is not None and (is_number(value) and low <= value <= high) != is_negated


class Speller:
    """Writes a tree as text, in one of the many ways that mean the same."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def text(self, tree: Tree) -> str:
        words = self.words(tree)
        text = words[0]
        for before, word in zip(words, words[1:], strict=False):
            touches = re.search(r"[\w.]$", before) and re.match(r"[\w.]", word) and ".." not in (before, word)
            text += self.random.choice([" ", "  ", "\t", "\n"] if touches else ["", " ", "  "]) + word
        return self.random.choice(["", " "]) + text + self.random.choice(["", " "])

    def keyword(self, word: str) -> str:
        return self.random.choice([word, word, word.upper(), word.capitalize()])

    def inside(self, tree: Tree, power: int) -> list[str]:
        words = self.words(tree)
        own = POWERS.get(tree[0], 8)
        return ["(", *words, ")"] if own < power or self.random.random() < 0.1 else words

    def words(self, tree: Tree) -> list[str]:
        kind, *rest = tree
        if kind in ("field", "number", "text", "boolean"):
            return getattr(self, f"{kind}_words")(rest[0])
        if kind == "negative":
            return ["-", *self.inside(rest[0], 7)]
        if kind in ARITHMETIC:
            return [*self.inside(rest[0], POWERS[kind]), kind, *self.inside(rest[1], POWERS[kind] + 1)]
        if kind == "not":
            return [self.keyword("not"), *self.inside(rest[0], 3)]
        if kind in ("and", "or"):
            first, *others = [
                self.inside(condition, POWERS[kind] + self.random.choice([0, 1])) for condition in rest[0]
            ]
            return first + [word for words in others for word in (self.keyword(kind), *words)]
        return [*self.inside(rest[0], 5), *self.tail(kind, rest[1:])]

    def tail(self, kind: str, rest: list[Any]) -> list[str]:
        """Return what follows the first value of a condition."""
        negation = [self.keyword("not")] if rest[-1] is True else []
        if kind == "missing":
            return [self.keyword("is"), *negation, self.keyword("missing")]
        if kind == "range":
            return [*negation, self.keyword("in"), *self.words(rest[0]), "..", *self.words(rest[1])]
        if kind == "in":
            items = self.random.sample(rest[0], len(rest[0])) + [rest[0][0]] * self.random.randint(0, 1)
            words = [word for item in items for word in (*self.inside(item, 0), ",")]
            return [*negation, self.keyword("in"), "(", *words[: -1 if self.random.random() < 0.9 else None], ")"]
        pairs = ((self.random.choice(["=", "=="]) if sign == "=" else sign, value) for sign, value in rest[0])
        return [word for sign, value in pairs for word in (sign, *self.inside(value, 5))]

    def field_words(self, name: str) -> list[str]:
        is_plain = re.fullmatch(r"[^\W\d]\w*(\.\w+)*", name) and name not in ("in", "not")
        return [name if is_plain and self.random.random() < 0.8 else "`" + name.replace("`", "``") + "`"]

    def number_words(self, value: float) -> list[str]:
        digits = repr(abs(value))
        spellings = [digits, digits.removesuffix(".0"), digits.removeprefix("0") if digits != "0.0" else "0"]
        if "e" not in digits:
            spellings.append(f"{digits}e0")
        return ["-"] * (math.copysign(1, value) < 0) + [self.random.choice(spellings)]

    def text_words(self, value: str) -> list[str]:
        quote = self.random.choice("'\"")
        escaped = value.replace("\\", "\\\\").replace(quote, f"\\{quote}")
        return [quote + (escaped.replace("\n", "\\n") if self.random.random() < 0.5 else escaped) + quote]

    def boolean_words(self, value: bool) -> list[str]:
        return [self.keyword(str(value).lower())]
