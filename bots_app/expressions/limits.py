"""How much one expression may be, so that neither reading nor evaluating it costs more than its answer is worth."""

from __future__ import annotations

#: Letters; a query string of this length still passes every proxy.
MOST_CHARACTERS = 2_000
#: Operands within operands. Reading one level takes three calls of Python, evaluating it two: far from its limit.
MOST_DEPTH = 50
#: Fields, numbers and texts, the items of lists included: at a million rows an item costs up to 0.2 ms.
MOST_VALUES = 500
#: What is computed in every row, + - * / and signs: at a million rows each costs up to 1.5 ms.
MOST_OPERATORS = 50
#: Comparisons, each of a chain for itself, `in` and `is missing`: up to 1.4 ms. All limits together keep an expression
#: below 0.3 s at a million rows.
MOST_TESTS = 150
#: Different fields: each is a column, of 8 MB at a million rows, that has to be in memory at the same time.
MOST_FIELDS = 40
