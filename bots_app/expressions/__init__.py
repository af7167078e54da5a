"""The language of the `where=` parameter: conditions on columns. Pure: numpy only, no Redis, no HTTP, no Django.
What a caller needs:

    parse(text) -> Expression     raises InvalidExpression (a ValueError whose text is fit for users)
    Expression .fields            names of the columns it needs
               .check(known)      raises InvalidExpression at the first field that is not among them
               .mask(column)      which rows meet it; column(name) gives a column (bots_app/table/values.py)
               .canonical         the same for every spelling; names a list for its cursors
    GRAMMAR                       the language explained with examples, in Markdown
    nearest_names(name, known)    fields that may have been meant, for other parameters that name a field

Inside:

    errors.py      InvalidExpression                  limits.py      how much one expression may be
    tokens.py      text -> tokens                     reader.py      the token at hand, and refusing it
    parser.py      tokens -> nodes                    values.py      nodes that are a value
    conditions.py  nodes that are true or false       membership.py  `in` a list or a range, `is missing`
    expression.py  what the caller holds              nearest.py     which field may have been meant
    grammar.py     the language explained, for the API's documentation
"""

from __future__ import annotations

from bots_app.expressions.errors import InvalidExpression
from bots_app.expressions.expression import Expression, parse
from bots_app.expressions.grammar import GRAMMAR
from bots_app.expressions.nearest import nearest_names

__all__ = ["GRAMMAR", "Expression", "InvalidExpression", "nearest_names", "parse"]
