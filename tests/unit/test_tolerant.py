"""Reading what other programs wrote: what has a meaning is found, what has none is None, and nothing fails."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.tolerant import NotJsonError, clean_text, from_bytes, json_safe, parse_json, to_ms, to_number, to_text

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: 2023-11-14T22:13:20.123Z
MOMENT_MS = 1_700_000_000_123

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.text(st.characters(categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'{"a": 1, "b": [1.5, null, true]}', {"a": 1, "b": [1.5, None, True]}),
        (b'{"a": NaN, "b": [Infinity, -Infinity]}', {"a": None, "b": [None, None]}),
        (b'{"a": 1e999}', {"a": None}),
        (rb'{"\ud800": "x\udfffy"}', {"\ufffd": "x\ufffdy"}),
        (rb'"\ud83d\ude00"', "\U0001f600"),
        (b'"' + "ä".encode() + b'"', "ä"),
        (b"123456789012345678901234567890", 123456789012345678901234567890),
        (b" null ", None),
    ],
)
def test_json_with_things_that_are_no_json_is_read(text: bytes, value: Any) -> None:
    assert parse_json(text) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "the text is empty"),
        (b"  \n", "the text is empty"),
        (b"{", "not JSON at character 1"),
        (b"{'a': 1}", "not JSON at character 1"),
        (b"[1, 2", "not JSON at character"),
        (b'"\xff"', "not UTF-8 at byte 1"),
        (b"\x80", "not UTF-8 at byte 0"),
        (b"[" * 100_000, "nested too deep"),
        (b"[" * 5_000 + b"]" * 5_000, "nested too deep"),
        (b"1" * 5_000, "a number with too many digits"),
        (b'{"a": 1} x', "not JSON at character 9"),
    ],
)
def test_what_is_no_json_is_refused_with_the_reason(text: bytes, reason: str) -> None:
    with pytest.raises(NotJsonError, match=reason):
        parse_json(text)


@pytest.mark.parametrize("depth", [150, 300, 600, 900, 990, 1_500])
def test_what_can_be_read_can_be_written_again(depth: int) -> None:
    for text in (b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth):
        try:
            value = parse_json(text)
        except NotJsonError as error:
            assert depth > 200 and str(error) == "nested too deep"
        else:
            assert depth <= 200
            assert msgspec.json.encode(value) == text


def test_brackets_side_by_side_are_no_depth() -> None:
    value = [{"a": [1, {"b": []}]}] * 1_000 + ["[[[[{{{{" * 1_000]
    assert parse_json(json.dumps(value).encode()) == value


@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_but_the_one_error(text: bytes) -> None:
    try:
        value = parse_json(text)
    except NotJsonError as error:
        assert str(error)
    else:
        assert msgspec.json.decode(msgspec.json.encode(value)) == value


@given(VALUES)
def test_every_value_becomes_fit_for_strict_json(value: Any) -> None:
    # Key order and duplicates aside, what Python's lenient writer writes is read as what `json_safe` makes of it.
    assert parse_json(json.dumps(value).encode()) == json_safe(value)


def test_depth_is_bounded_in_values_as_well() -> None:
    value: list[Any] = []
    for _ in range(300):
        value = [value]
    with pytest.raises(NotJsonError, match="too deep"):
        json_safe(value)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (1, 1), (-1.5, -1.5), ("12.5", 12.5), (" -3 ", -3.0), ("1e3", 1000.0), (10**400, None), (-(10**400), None),
        (2**63, float(2**63)), (True, None), (False, None), (None, None), ("", None), ("abc", None), ("nan", None),
        ("inf", None), (math.nan, None), (-math.inf, None), ([1], None), ({}, None), (2**63 - 1, 2**63 - 1),
    ],
)  # fmt: skip
def test_numbers(value: object, number: float | None) -> None:
    found = to_number(value)
    assert found == number
    assert type(found) is type(number)


@pytest.mark.parametrize(
    "value",
    [
        1_700_000_000.123, "1700000000.123", MOMENT_MS, float(MOMENT_MS), str(MOMENT_MS), MOMENT_MS * 1_000,
        MOMENT_MS * 1_000_000, MOMENT_MS * 1_000_000 + 456_789, "2023-11-14T22:13:20.123Z", "2023-11-14 22:13:20.123",
        "2023-11-14T22:13:20.123456+00:00", "2023-11-15T03:43:20.123+05:30", " 2023-11-14T22:13:20.123Z\n",
    ],
)  # fmt: skip
def test_a_moment_in_any_unit(value: object) -> None:
    assert to_ms(value) == MOMENT_MS


@given(st.integers(100_000_000_000, 2**63 // 1_000_000))
def test_every_millisecond_is_kept_in_every_unit(moment: int) -> None:
    assert to_ms(moment) == to_ms(moment * 1_000) == to_ms(moment * 1_000_000) == to_ms(str(moment)) == moment
    assert to_ms(moment / 1_000) == to_ms(str(moment / 1_000)) == moment
    assert to_ms((EPOCH + timedelta(milliseconds=moment)).isoformat()) == moment


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (0, 0), (-1, -1_000), (-MOMENT_MS, -MOMENT_MS), ("1970-01-01", 0), ("2023-11-14", 1_699_920_000_000),
        (None, None), (True, None), ("", None), ("soon", None), ([], None), (math.nan, None), ("2023-13-01", None),
        (1e300, None), (10**30, None), ("1e300", None), ("9999-12-31T23:59:59.999Z", 253402300799999),
        ("0001-01-01T00:00:00+23:59", None), ("9999-12-31T23:59:59-23:59", None), (-1e11 + 1, None),
    ],
)  # fmt: skip
def test_other_times(value: object, moment: int | None) -> None:
    assert to_ms(value) == moment


@given(VALUES)
def test_no_value_makes_a_reader_fail(value: Any) -> None:
    number, moment, text = to_number(value), to_ms(value), to_text(value)
    assert number is None or math.isfinite(number)
    # Whatever is found goes into JSON and into sorted sets.
    assert moment is None or msgspec.json.decode(msgspec.json.encode(moment)) == moment
    assert text is None or isinstance(text, str)


@pytest.mark.parametrize(
    ("value", "text"), [("a", "a"), (1, "1"), (1.5, "1.5"), (True, None), (None, None), ([], None), ("", "")]
)
def test_texts(value: object, text: str | None) -> None:
    assert to_text(value) == text


def test_names_that_are_no_text_are_shown_escaped() -> None:
    assert from_bytes(b"a\xffb") == "a\\xffb"
    assert clean_text("a\ud800b") == "a\ufffdb"
