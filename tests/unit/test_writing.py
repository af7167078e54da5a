"""What is refused before it is written, and what is kept letter for letter."""

from __future__ import annotations

import json
import math
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots_app.records import read_run
from bots_app.writing import MAX_HASH_LENGTH, MAX_STATUS_LENGTH, RunWrite
from dashboard.errors import InvalidRecord

GOOD = {"configHash": "a1", "status": "completed", "lastUpdated": 1_700_000_000_000}


def parsed(**more: Any) -> RunWrite:
    return RunWrite.parse(GOOD | more)


def refusal(value: Any, **options: Any) -> str:
    with pytest.raises(InvalidRecord) as caught:
        RunWrite.parse(value, **options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("configHash", None), ("configHash", ""), ("configHash", 7), ("configHash", "a:b"), ("configHash", "a/b"),
        ("configHash", "{a}"), ("configHash", "a\n"), ("configHash", " a"), ("configHash", "a\u200b"),
        ("configHash", ".."), ("configHash", "."), ("configHash", "x" * (MAX_HASH_LENGTH + 1)), ("configHash", ["a"]),
        ("status", None), ("status", ""), ("status", "  "), ("status", 3), ("status", "x" * (MAX_STATUS_LENGTH + 1)),
        ("resultsMetadata", []), ("resultsMetadata", "x"), ("configuration", [1]), ("configuration", 5),
        ("trades", {}), ("trades", [1]), ("trades", [{}, None]), ("trades", "[]"), ("lastUpdated", "soon"),
        ("lastUpdated", True), ("lastUpdated", [1]), ("botId", {}), ("botId", True), ("notes", 1), ("tags", "a"),
        ("tags", ["a", 1]),
    ],
)  # fmt: skip
def test_a_refusal_names_the_field_and_what_would_be_right(field: str, value: Any) -> None:
    message = refusal(GOOD | {field: value})
    assert message.startswith(f"{field}: ")
    assert "give " in message or "cannot be used" in message or "are the most" in message
    assert len(message) < 250


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"[]", "a record is a JSON object, not an array"),
        (b"null", "a record is a JSON object, not null"),
        (b'"a"', "a record is a JSON object, not a text"),
        (b"1", "a record is a JSON object, not a number"),
        (b"NaN", "a record is a JSON object, not null"),
        (b"", "the record is no JSON: the text is empty"),
        (b'{"configHash":', "the record is no JSON: not JSON at character"),
        (b'{"configHash":"\xff"}', "the record is no JSON: not UTF-8 at byte 15"),
        (b'{"\xff":1}', "the record is no JSON: not UTF-8 at byte 2"),
        (b'{"x":' + b"[" * 300 + b"]" * 300 + b"}", "the record is no JSON: nested too deep"),
        (b'{"x":' + b"[" * 9_000 + b"]" * 9_000 + b"}", "the record is no JSON: nested too deep"),
    ],
)
def test_what_is_no_record_is_refused(text: bytes, reason: str) -> None:
    assert refusal(text).startswith(reason)


def test_a_value_that_no_json_holds_is_refused() -> None:
    assert "cannot be written as JSON" in refusal(GOOD | {"x": object()})
    assert "not an array" in refusal([GOOD])


def test_a_record_is_about_the_run_of_its_address() -> None:
    assert RunWrite.parse({"status": "running"}, config_hash="a1").record.configHash == "a1"
    assert b'"configHash":"a1"' in RunWrite.parse(b'{"status":"running"}', config_hash="a1").text
    assert "must be the same" in refusal(GOOD, config_hash="b2")
    assert refusal({"configHash": None, "status": "running"}, config_hash="a1").startswith("configHash")


def test_unknown_fields_keep_their_very_text() -> None:
    text = (
        b'{"zeta": 123456789012345678901234567890, "configHash":"a1","status":"completed","price":1.10,"tiny":1E-7,'
        b'"nested":{"b":1.50, "a":[ 1.0,2 ]},"lastUpdated":1700000000000,"text":"\\u00e4\\/\xc3\xa4"}'
    )
    stored = RunWrite.parse(text).text
    for part in (
        b'"zeta":123456789012345678901234567890', b'"price":1.10', b'"tiny":1E-7', b'{"b":1.50, "a":[ 1.0,2 ]}',
        b'"text":"\\u00e4\\/\xc3\xa4"',
    ):  # fmt: skip
        assert part in stored
    assert list(msgspec.json.decode(stored)) == list(msgspec.json.decode(text))


def test_what_is_no_json_becomes_null() -> None:
    text = b'{"configHash":"a1","status":"completed","lastUpdated":1700000000000,"x":[NaN,Infinity,-Infinity,1e999,2]}'
    write = RunWrite.parse(text)
    assert msgspec.json.decode(write.text)["x"] == [None, None, None, None, 2]
    assert msgspec.json.decode(parsed(x=math.nan).text)["x"] is None


def test_trades_have_a_key_of_their_own() -> None:
    write = RunWrite.parse(json.dumps(GOOD | {"trades": [{"profit": 1.5}]}).replace("1.5", "1.50").encode())
    assert "trades" not in msgspec.json.decode(write.text)
    assert write.trades == b'[{"profit": 1.50}]'
    assert "trades" not in write.record.whole
    assert parsed(trades=[]).trades == b"[]"
    for more in ({}, {"trades": None}):
        without = parsed(**more)
        assert without.trades is None
        assert "trades" not in msgspec.json.decode(without.text)


def test_a_record_without_a_time_gets_that_of_its_writing() -> None:
    before = time.time_ns() // 1_000_000
    write = RunWrite.parse({"configHash": "a1", "status": "running", "lastUpdated": None})
    assert before <= write.record.lastUpdated <= time.time_ns() // 1_000_000
    assert msgspec.json.decode(write.text)["lastUpdated"] == write.record.lastUpdated
    assert parsed(lastUpdated="2023-11-14T22:13:20Z").record.lastUpdated == 1_700_000_000_000
    assert b"2023-11-14T22:13:20Z" in parsed(lastUpdated="2023-11-14T22:13:20Z").text


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)


@given(st.dictionaries(st.sampled_from(["configHash", "status", "trades", "tags", "lastUpdated", "notes"]), TREES))
def test_any_record_is_written_or_refused_by_the_one_error(record: dict[str, Any]) -> None:
    for text in (record, json.dumps(record).encode()):
        try:
            write = RunWrite.parse(text)
        except InvalidRecord as error:
            assert str(error)
        else:
            assert read_run(write.record.configHash, write.text) == write.record


@given(st.binary(max_size=40))
def test_any_bytes_are_refused_by_the_one_error(text: bytes) -> None:
    assert refusal(text)
