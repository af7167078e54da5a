"""The language, explained for those who write expressions; shown in the API's documentation."""

from __future__ import annotations

from bots_app.expressions.limits import (
    MOST_CHARACTERS,
    MOST_DEPTH,
    MOST_FIELDS,
    MOST_OPERATORS,
    MOST_TESTS,
    MOST_VALUES,
)

#: Markdown. Every line in a block of code is an expression, and a test parses each.
GRAMMAR = f"""\
Runs that meet a condition. It adds to all other filters; `count` is exact.

```
sharpeRatio > 1 and maxDrawdown < 0.2 and numTrades >= 100 and 5 <= config.fast <= 20
sharpeRatio > 1 and config.fast in (5, 8) and not (maxDrawdown > 0.3 or totalTrades < 30)
config.type = 'trend' and config.trailing = true and config.stopLoss is missing
totalProfit / maxDrawdown > 3
```

**Fields** are the columns that `GET .../bots/fields` lists; parameters begin with `config.`. A name of letters, digits,
`_` and dots is written as it is, any other, and a keyword, in backquotes (a backquote within it twice). Upper and lower
case differ in names, not in keywords.

```
config.strategy.params.threshold < 0.25
`config.stop loss %` > 2 or `in` = 1
```

`plateau.` and a metric is the median of that metric over the runs one step away in the grid of the parameters, of all
runs of the session whatever is asked for: a run far above it stands on a spike.

```
sharpe > 1.5 and plateau.sharpe > 1.2
sharpe - plateau.sharpe < 0.3
```

**Numbers** are `5`, `1.5`, `.5`, `1e-3`, `-2`. **Texts** stand in single or double quotes; a backslash goes before a
quote or a backslash within them, and makes `\\n`, `\\t` and `\\r`. **Booleans** are `true` and `false`.

```
status = "completed" and config.name != 'the analyst\\'s'
```

**Comparisons** are `=` (or `==`), `!=`, `<`, `<=`, `>`, `>=`, between fields, numbers and what is computed from them
with `+`, `-`, `*`, `/` and brackets. They can be chained. Texts and booleans are compared with `=` and `!=` alone.

```
config.fast < config.slow
0 < config.slow - config.fast <= 50
(grossProfit - fees) / numTrades > 2.5
```

**Lists and ranges**: `in (5, 8)`, `in 5..20` with both ends, and `not in`. Items and ends are no fields.

```
config.fast in 5..20 and config.slow not in (50, 100)
config.type in ('trend', 'breakout')
```

**Missing values**: `is missing`, `is not missing`. Every comparison with a missing value is false, `!=` and `not in`
too; `not` in front of a false condition makes it true. So where `config.stop` is missing, the first of these does not
hold, the second does:

```
config.stop != 3
not config.stop = 3
```

A division by zero, a result too large for a number, and what is computed from a missing value, a text or a boolean are
missing. A field may be a number in some runs and a text in others: a text is equal to itself alone, unequal to every
number, neither above nor below one. The text `'5'` and the number `5` are different, `true` and `1` too.

**and, or, not** join conditions, with precedence as in Python: `not` before `and` before `or`; brackets change it.

```
profit > 100 or profit < -500 and winRate > 0.5
(profit > 100 or profit < -500) and winRate > 0.5
```

An expression has at most {MOST_CHARACTERS:,} characters, {MOST_VALUES} fields, numbers and texts, {MOST_FIELDS}
different fields, {MOST_TESTS} comparisons (of a chain each; `in` and `is missing` too), {MOST_OPERATORS} of `+`, `-`,
`*` and `/` (those between numbers alone do not count), and is nested at most {MOST_DEPTH} deep. What is not understood
is refused; the answer says at which character (counted from 1), what was found and what was expected. In an address,
`+` is written `%2B`, `&` is `%26` and `%` is `%25`.
"""
