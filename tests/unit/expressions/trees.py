"""Trees of `naive.py` and runs for them, drawn by hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.unit.expressions.naive import Tree

#: Few and near each other, so that comparisons often meet.
FIELDS = ("a", "b", "config.fast", "config.list.0", "größe", "max drawdown", "in", "x`y")
NUMBERS = (0.0, -0.0, 1.0, -1.0, 2.0, 0.5, -2.5, 3.0, 1e300, -1e300, 1e-300)
TEXTS = ("", "a", "5", "true", 'it\'s "so"', "back\\slash", "two\nlines", "größe`")

field = st.sampled_from(FIELDS).map(lambda name: ("field", name))
number = st.sampled_from(NUMBERS).map(lambda value: ("number", value))
word = st.sampled_from(TEXTS).map(lambda value: ("text", value)) | st.booleans().map(lambda value: ("boolean", value))

#: Values that may differ from run to run. What is computed from numbers alone may be refused, so it stays small.
varying: st.SearchStrategy[Tree] = st.recursive(
    field,
    lambda inner: st.one_of(
        inner.map(lambda value: ("negative", value)),
        st.tuples(st.sampled_from("+-*/"), inner, inner | number),
        st.tuples(st.sampled_from("+-*/"), number, inner),
    ),
    max_leaves=4,
)
constant = st.one_of(
    number,
    st.tuples(st.sampled_from("+-"), number, number),
    number.filter(lambda tree: tree[1] > 0).map(lambda value: ("negative", value)),
)
sign = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
equality = st.sampled_from(["=", "!="])


@st.composite
def comparisons(draw: st.DrawFn) -> Tree:
    """Draw values compared in a chain; of every two neighbours one is no constant, beside a word stands a field."""
    first = draw(st.one_of(varying, constant, word))
    rest = []
    before = first
    for _ in range(draw(st.integers(1, 3))):
        if before[0] in ("text", "boolean"):
            following, operator = draw(field), draw(equality)
        elif is_constant(before):
            following, operator = draw(varying), draw(sign)
        elif before[0] == "field" and draw(st.booleans()):
            following, operator = draw(word), draw(equality)
        else:
            following, operator = draw(varying | constant), draw(sign)
        rest.append((operator, following))
        before = following
    return ("compare", first, tuple(rest))


def is_constant(tree: Tree) -> bool:
    return tree[0] != "field" and all(is_constant(part) for part in tree[1:] if isinstance(part, tuple))


tests = st.one_of(
    comparisons(),
    st.tuples(st.just("in"), field, st.lists(number | word, min_size=1, max_size=5).map(tuple), st.booleans()),
    st.tuples(st.just("in"), varying, st.lists(number, min_size=1, max_size=5).map(tuple), st.booleans()),
    st.tuples(st.just("missing"), varying, st.booleans()),
    st.tuples(varying, number, number, st.booleans()).map(
        lambda parts: ("range", parts[0], *sorted(parts[1:3], key=lambda tree: tree[1]), parts[3])
    ),
)
conditions: st.SearchStrategy[Tree] = st.recursive(
    tests,
    lambda inner: st.one_of(
        inner.map(lambda condition: ("not", condition)),
        st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=5,
)
values = st.one_of(st.none(), st.sampled_from(NUMBERS), st.sampled_from(TEXTS), st.booleans())
rows = st.lists(st.fixed_dictionaries(dict.fromkeys(FIELDS, values)), min_size=1, max_size=20)
