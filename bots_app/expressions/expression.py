"""An expression that has been read: what it needs, what it is called, which rows meet it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np

from bots_app.expressions.conditions import Condition
from bots_app.expressions.errors import InvalidExpression, shown
from bots_app.expressions.nearest import nearest_names
from bots_app.expressions.parser import NOTHING, Parser
from bots_app.expressions.tokens import quoted_name
from bots_app.table.values import Floats, Mask

#: Rows that are evaluated at a time: what is computed on the way then stays in the processor's cache, and no expression
#: needs more memory than its columns, its mask and this.
BLOCK_ROWS = 65_536


@dataclass(frozen=True, slots=True)
class Expression:
    """A condition on columns.

    `canonical` is the same for every spelling: of spaces, brackets without effect, `=` and `==`, the case of keywords,
    `0.5` and `.5`, the order within a list. Parsed again, where it is not too long
    for that, it is its own canonical spelling.
    """

    text: str
    canonical: str
    fields: frozenset[str]
    _condition: Condition
    _places: tuple[tuple[str, int, int], ...]

    def check(self, known: Collection[str]) -> None:
        """Raise InvalidExpression at the first field that is not known, with the names that may have been meant."""
        for name, position, length in self._places:
            if name not in known:
                raise self._unknown(name, position, length, nearest_names(name, known))

    def _unknown(self, name: str, position: int, length: int, nearest: list[str]) -> InvalidExpression:
        hints = [f"Did you mean {' or '.join(quoted_name(one) for one in nearest)}?"] if nearest else []
        before = self.text[:position].rstrip()
        if name.lower() in NOTHING:
            hints = ["Of a value that is not there write is missing."]
        elif before.endswith("=") and not before.endswith((">=", "<=")):
            hints.append("A text stands in quotes: = 'completed'.")
        found = f"the unknown field {shown(name)}"
        return InvalidExpression(
            position, length, found=found, expected="a field of this session", hint=" ".join(hints), field=name
        )

    def mask(self, column: Callable[[str], Floats]) -> Mask:
        """Return which rows meet the condition, a boolean a row.

        `column` gives the column of a field, as bots_app/table/values.py defines it, all of one length; it is called
        once for each of `fields`, and what it raises passes through.
        """
        columns = {name: column(name) for name in sorted(self.fields)}
        rows = len(next(iter(columns.values())))
        mask = np.empty(rows, dtype=np.bool_)
        with np.errstate(all="ignore"):
            for start in range(0, rows, BLOCK_ROWS):
                block = slice(start, start + BLOCK_ROWS)
                mask[block] = self._condition.mask({name: values[block] for name, values in columns.items()})
        return mask


def parse(text: str) -> Expression:
    """Read an expression; raises InvalidExpression at the first thing that is not understood."""
    parser = Parser(text)
    condition = parser.condition()
    fields = frozenset(name for name, _, _ in parser.fields)
    return Expression(text, condition.spelled(), fields, condition, tuple(parser.fields))
