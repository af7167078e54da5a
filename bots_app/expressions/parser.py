"""From tokens to nodes: precedence as in Python, and what kind of thing may stand where.

A parser by precedence (Pratt): `_operand` reads what an operand begins with, then every operator that binds tighter
than what is to the left of it takes the operand over.
"""

from __future__ import annotations

import math
from typing import Any, NoReturn

from bots_app.expressions.conditions import Comparison, Condition, Every, Not, Some
from bots_app.expressions.errors import InvalidExpression
from bots_app.expressions.limits import MOST_DEPTH, MOST_FIELDS, MOST_OPERATORS, MOST_TESTS, MOST_VALUES
from bots_app.expressions.membership import InRange, IsMissing, OneOf
from bots_app.expressions.reader import Reader
from bots_app.expressions.tokens import END, NAME, NUMBER, TEXT, Token
from bots_app.expressions.values import (
    AND,
    COMPARE,
    NOT,
    OR,
    PRODUCT,
    SIGN,
    SUM,
    Arithmetic,
    Boolean,
    Computable,
    Field,
    Literal,
    Negative,
    Number,
    Text,
    Value,
    Varying,
    computed,
)

_COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")
_POWERS = (
    {"or": OR, "and": AND, "not": COMPARE, "in": COMPARE, "is": COMPARE}
    | dict.fromkeys(_COMPARISONS, COMPARE)
    | {"+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT}
)
_VALUE = "a field, a number or a text in quotes"
_NUMBER = "a field or a number"
_CONDITION = "a condition such as sharpeRatio > 1"
#: Words of other languages for what is not there.
NOTHING = frozenset({"null", "none", "nan", "na", "nil", "empty"})

_Node = Value | Condition


class Parser(Reader):
    """Reads one expression: `condition()` gives its tree, `fields` then holds every field, with position and length."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.fields: list[tuple[str, int, int]] = []
        self._depth = 0
        self._values = self._operators = self._tests = 0

    def condition(self) -> Condition:
        """Return the whole expression, which has to be a condition."""
        node = self._expression(0)
        if self._token.kind != END:
            self._refuse_after(node, "" if isinstance(node, Value) else "the end")
        return self._as_condition(node, 0)

    def _expression(self, power: int) -> _Node:
        """Read an operand and all operators after it that bind tighter than this."""
        self._depth += 1
        if self._depth > MOST_DEPTH:
            self._refuse(f"an expression nested at most {MOST_DEPTH} deep", found="more nesting")
        start = self._token.start
        node = self._operand()
        while (own := _POWERS.get(self._token.kind, 0)) > power:
            node = self._operation(node, start, own)
        self._depth -= 1
        return node

    def _operand(self) -> _Node:
        kind, start = self._token.kind, self._token.start
        if kind == "(":
            self._advance()
            node = self._expression(0)
            if self._token.kind != ")":
                self._refuse_after(node, "a closing bracket )")
            self._advance()
            return node
        if kind == "not":
            self._advance()
            inner = self._token.start
            return Not(self._as_condition(self._expression(NOT), inner))
        if kind == "-":
            sign = self._advance()
            inner = self._token.start
            number = self._as_number(self._expression(SIGN), inner)
            if isinstance(number, Number):
                return Number(-number.value)
            self._count_operator(sign)
            return Negative(number)
        return self._atom(start)

    def _atom(self, start: int) -> Field | Literal:
        """Read a field, a number, a text or a boolean."""
        kind, value = self._token.kind, self._token.value
        if kind not in (NAME, NUMBER, TEXT, "true", "false"):
            self._refuse(_CONDITION if self._end_of_last == 0 else _VALUE)
        self._values += 1
        if self._values > MOST_VALUES:
            self._refuse(f"at most {MOST_VALUES} fields, numbers and texts", found="one more")
        token = self._advance()
        if isinstance(value, float):
            return Number(value)
        if kind == TEXT:
            return Text(value)
        if kind != NAME:
            return Boolean(kind == "true")
        self.fields.append((value, start, token.end - start))
        if len({name for name, _, _ in self.fields}) > MOST_FIELDS:
            self._refuse_span(start, f"at most {MOST_FIELDS} different fields")
        return Field(value)

    def _operation(self, left: _Node, start: int, power: int) -> _Node:
        """Read an operator and what stands to the right of it; `start` is where the left operand begins."""
        if power in (SUM, PRODUCT):
            return self._arithmetic(self._as_number(left, start), power)
        if power in (OR, AND):
            return self._joined(self._as_condition(left, start), power)
        if not isinstance(left, Value):
            self._refuse_after(left, "the end" if self._depth == 1 else "")
        value = left
        if self._token.kind in _COMPARISONS:
            return self._comparison(value, start)
        if isinstance(value, Literal):
            self._refuse_span(start, "a field")
        return self._is_missing(value) if self._token.kind == "is" else self._membership(value)

    def _arithmetic(self, left: Computable, power: int) -> Computable:
        place = self._token
        self._advance()
        start = self._token.start
        right = self._as_number(self._expression(power), start)
        if isinstance(left, Number) and isinstance(right, Number):
            result = computed(place.kind, left.value, right.value)
            if not math.isfinite(result):
                what = "a division by zero" if place.kind == "/" and not right.value else "a number that is too large"
                raise InvalidExpression(place.start, 1, found=what, expected="a finite number")
            return Number(result)
        self._count_operator(place)
        if isinstance(left, Arithmetic) and left.power == power:
            return Arithmetic(power, left.first, (*left.rest, (place.kind, right)))
        return Arithmetic(power, left, ((place.kind, right),))

    def _joined(self, left: Condition, power: int) -> Condition:
        """Read the operands of one row of `and` or of `or`; brackets around a part of it change nothing."""
        kind = self._token.kind
        joint: type[Every] | type[Some] = Every if power == AND else Some
        found = [left]
        while self._token.kind == kind:
            self._advance()
            start = self._token.start
            found.append(self._as_condition(self._expression(power), start))
        parts = ((one.conditions if isinstance(one, joint) else (one,)) for one in found)
        return joint(tuple(condition for part in parts for condition in part))

    def _comparison(self, first: Value, start: int) -> Comparison:
        left, rest = first, []
        while self._token.kind in _COMPARISONS:
            self._count_test()
            operator = self._advance().kind
            right_start = self._token.start
            right = self._as_value(self._expression(COMPARE), right_start)
            self._check_sides(operator, left, right, start)
            rest.append((operator, right))
            left, start = right, right_start
        return Comparison(first, tuple(rest))

    def _check_sides(self, operator: str, left: Value, right: Value, start: int) -> None:
        """Refuse two sides that can never be compared: the answer would be the same for every run."""
        if not isinstance(left, Literal) or not isinstance(right, Literal):
            words = [side for side in (left, right) if isinstance(side, Text | Boolean)]
            if not words:
                return
            if operator not in ("=", "!="):
                self._refuse_span(start, "= or != beside a text or a boolean", hint="Only numbers are above or below.")
            if isinstance(left, Field) or isinstance(right, Field):
                return
            self._refuse_span(start, "a field beside a text or a boolean", hint="What is computed is a number.")
        self._refuse_span(start, "a field on one side of a comparison")

    def _count_operator(self, operator: Token) -> None:
        """Refuse what would be computed beyond the limit."""
        self._operators += 1
        if self._operators > MOST_OPERATORS:
            found, expected = f"operator {self._operators}", f"at most {MOST_OPERATORS} of + - * /"
            raise InvalidExpression(operator.start, 1, found=found, expected=expected)

    def _count_test(self) -> None:
        self._tests += 1
        if self._tests > MOST_TESTS:
            self._refuse(f"at most {MOST_TESTS} of them", found=f"comparison {self._tests}")

    def _is_missing(self, value: Varying) -> IsMissing:
        self._count_test()
        self._advance()
        is_negated = self._token.kind == "not"
        if is_negated:
            self._advance()
        if self._token.kind != "missing":
            word = str(self._token.value).lower()
            hint = "Write is missing." if word in NOTHING else "Equality is written =."
            self._refuse("missing" if is_negated else "missing or not missing", hint=hint)
        self._advance()
        return IsMissing(value, is_negated)

    def _membership(self, value: Varying) -> OneOf | InRange:
        self._count_test()
        is_negated = self._token.kind == "not"
        if is_negated:
            self._advance()
            if self._token.kind != "in":
                self._refuse("in", hint="A condition is negated from its beginning: not sharpeRatio > 1.")
        self._advance()
        if self._token.kind == "(":
            return self._list(value, is_negated)
        start = self._token.start
        low = self._constant("a list such as (5, 8) or a range such as 5..20")
        if self._token.kind != "..":
            self._refuse("a range such as 5..20", hint="A list stands in brackets: in (5, 8).")
        self._advance()
        high = self._constant("the number at which the range ends")
        if not isinstance(low, Number) or not isinstance(high, Number):
            self._refuse_span(start, "numbers as the ends of a range")
        if low.value > high.value:
            self._refuse_span(start, "a range from a lower to a higher number")
        return InRange(value, low, high, is_negated)

    def _list(self, value: Varying, is_negated: bool) -> OneOf:
        self._advance()
        items: set[Literal] = set()
        while not items or self._token.kind != ")":
            start = self._token.start
            item = self._constant("a number, a text in quotes, true or false")
            if not isinstance(item, Number) and not isinstance(value, Field):
                self._refuse_span(start, "a number", hint="What is computed is a number.")
            items.add(item)
            if self._token.kind != ")":
                if self._token.kind != ",":
                    self._refuse("a comma or a closing bracket )")
                self._advance()
        self._advance()
        return OneOf(value, tuple(sorted(items, key=_place_in_list)), is_negated)

    def _constant(self, expected: str) -> Literal:
        """Read a value that is the same in every row."""
        start = self._token.start
        if self._token.kind not in (NUMBER, TEXT, "true", "false", "-", "("):
            self._refuse(expected)
        node = self._expression(COMPARE)
        if not isinstance(node, Literal):
            self._refuse_span(start, expected)
        return node

    def _as_condition(self, node: _Node, start: int) -> Condition:
        if isinstance(node, Value):
            if self._token.kind not in ("and", "or", ")", END):
                self._refuse_after(node)
            hint = "A field that is true or false is compared too: = true." if isinstance(node, Field) else ""
            self._refuse_span(start, _CONDITION, hint=hint)
        return node

    def _as_value(self, node: _Node, start: int) -> Value:
        if not isinstance(node, Value):
            self._refuse_span(start, _VALUE, hint="Conditions are joined by and, or, not.")
        return node

    def _as_number(self, node: _Node, start: int) -> Computable:
        if not isinstance(node, Computable):
            self._refuse_span(start, _NUMBER)
        return node

    def _refuse_after(self, node: _Node, closing: str = "") -> NoReturn:
        """Refuse the next token, which neither continues the node nor ends it."""
        kind, hint = self._token.kind, ""
        if kind == "(" and isinstance(node, Field):
            hint = "There are no functions."
        elif kind == "..":
            hint = "A range stands after in: config.fast in 5..20."
        elif kind == ",":
            hint = "A list stands after in: config.fast in (5, 8)."
        elif kind in _COMPARISONS:
            hint = "A condition is not compared: it is true or false itself."
        words = ["an operator such as > or +"] if isinstance(node, Value) else ['"and"', '"or"']
        *others, last = [*words, closing] if closing else words
        self._refuse(f"{', '.join(others)} or {last}" if others else last, hint=hint)


def _place_in_list(item: Literal) -> tuple[Any, ...]:
    """Return what sorts the items of a list: numbers, then booleans, then texts."""
    return ((Number, Boolean, Text).index(type(item)), item.value)
