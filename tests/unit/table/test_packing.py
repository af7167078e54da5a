"""Columns of a batch as bytes, held against the slow and plain way."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from bots_app.table.packing import MOST_LABEL, matrix, pack
from bots_app.table.shapes import Fields, shape_of
from bots_app.table.values import MISSING, bits_of

CANONICAL = ("status", "profit", "sharpe")
NAMES = st.sampled_from(["profit", "config.a", "config.b", "ä \N{SNOWMAN}", "x.y", "sharpe"])
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**70), 2**70)
VALUES = NUMBERS | st.booleans() | st.sampled_from(["", "x", "completed", "ä", "long" * 60])
#: As `fields_of` has them: with the canonical names, which are numbers, first.
RUNS = st.builds(
    lambda status, metrics, rest: Fields.of({"status": status} | metrics | rest),
    st.sampled_from(["completed", "failed", "odd" * 80]),
    st.dictionaries(NAMES.filter(CANONICAL.__contains__), NUMBERS, max_size=2),
    st.dictionaries(NAMES.filter(lambda name: name not in CANONICAL), VALUES, max_size=5),
)


def unpacked(batch: list[Fields | None]) -> list[dict[str, int]]:
    """Return what the packed columns say of each run, the plain way."""
    packed = pack(batch)
    names, count = json.loads(packed.names), len(batch)
    found: list[dict[str, int]] = [{} for _ in batch]
    for column, name in enumerate(names):
        for number in range(count):
            at = 8 * (column * count + number)
            bits = int.from_bytes(packed.values[at : at + 8], "little") ^ MISSING
            if bits != MISSING:
                found[number][name] = bits
    assert len(packed.values) == 8 * len(names) * count
    return found


def expected(fields: Fields | None) -> dict[str, int]:
    return {name: bits_of(value) for name, value in (fields or {}).items()}


@given(st.lists(st.one_of(st.none(), RUNS), max_size=12))
def test_packing_does_what_the_plain_way_does(batch: list[Fields | None]):
    assert unpacked(batch) == list(map(expected, batch))
    packed = pack(batch)
    told, names = json.loads(packed.shapes), json.loads(packed.names)
    of = told.get("of", [1] * len(batch))
    for fields, number in zip(batch, of, strict=True):
        assert (fields is None) == (number == 0)
        if fields is not None:
            shown = json.loads(told["names"][number - 1]) if "names" in told else names
            assert set(shown) == set(fields)
            assert told["digests"][number - 1] == fields.shape.digest
    assert len(set(told["digests"])) == len(told["digests"])
    assert set(names[: told["always"]]) == set(names) & set(CANONICAL)


@given(st.lists(RUNS, min_size=1, max_size=12))
def test_every_text_is_told_with_its_code_and_statuses_first(batch: list[Fields]):
    count, *flat = json.loads(pack(batch).texts)
    told = dict(zip(flat[1::2], flat[::2], strict=True))
    statuses = {fields["status"] for fields in batch}
    texts = {one for fields in batch for one in fields.values() if isinstance(one, str)}
    assert set(flat[1 : 2 * count : 2]) == statuses
    assert told.keys() == statuses | {text for text in texts if len(text) <= MOST_LABEL}
    assert all(int(code) + MISSING == bits_of(text) for text, code in told.items())


def test_the_order_of_fields_makes_no_other_shape():
    assert shape_of(("a", "b"), ("c",)).digest == shape_of(("c", "b"), ("a",)).digest
    assert shape_of(("a",), ()).digest != shape_of(("b",), ()).digest


def test_columns_of_runs_that_differ():
    found = matrix([Fields.of({"status": "x", "a": 1.5}), Fields.of({"status": "x", "b": True})])
    assert found.names == ["status", "a", "b"]
    assert found.values.tolist()[1:] == [[bits_of(1.5) ^ MISSING, 0], [0, bits_of(True) ^ MISSING]]
