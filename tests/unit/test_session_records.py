"""Session ids and summaries: parsed from the right, and read whatever another program made of them."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.errors import InvalidParameter, InvalidSessionId
from sessions_app.records import MAX_SID_LENGTH, SUMMARY_FIELDS, SessionId, read_summary, summary_head

SID = SessionId.parse("BTC/USDT:USDT:1h:1700000000000:1703600000000")
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("BTCUSDT:1h:1:2", ("BTCUSDT", "1h", 1, 2)),
        ("BTC/USDT:USDT:1h:1:2", ("BTC/USDT:USDT", "1h", 1, 2)),
        ("A:1h:1:2:1h:3:4", ("A:1h:1:2", "1h", 3, 4)),
        ("EUR.USD:5 min:-10:0", ("EUR.USD", "5 min", -10, 0)),
        ("::x:1:2", (":", "x", 1, 2)),
        ("größe €:1h:01:2", ("größe €", "1h", 1, 2)),
    ],
)
def test_an_id_is_parsed_from_the_right(text: str, parts: tuple[str, str, int, int]) -> None:
    sid = SessionId.parse(text)
    assert (sid.symbol, sid.timeframe, sid.start, sid.end) == parts
    assert str(sid) == text


@pytest.mark.parametrize(
    "text", ["", "BTC", "BTC:1h:1", ":1h:1:2", "BTC::1:2", "BTC:1h:1:x", "BTC:1h:1.5:2", "BTC:1h:1:",
             "B:1h:1:" + "9" * 20]
)  # fmt: skip
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidSessionId, match="is no session id; it would be"):
        SessionId.parse(text)


@given(st.text())
def test_any_text_is_an_id_or_refused(text: str) -> None:
    try:
        sid = SessionId.parse(text)
    except InvalidSessionId as error:
        assert repr(text) in str(error)
    else:
        assert str(sid) == text


@given(
    st.text(min_size=1),
    st.text(st.characters(exclude_characters=":"), min_size=1),
    st.integers(0, 2**53),
    st.integers(0, 2**53),
)
def test_any_symbol_comes_back(symbol: str, timeframe: str, start: int, end: int) -> None:
    sid = SessionId.parse(f"{symbol}:{timeframe}:{start}:{end}")
    assert (sid.symbol, sid.timeframe, sid.start, sid.end) == (symbol, timeframe, start, end)
    assert sid == SessionId(symbol, timeframe, start, end)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (" BTC:1h:1:2", "symbol"), ("BTC :1h:1:2", "symbol"), ("BTC:1h :1:2", "timeframe"), ("B{T}C:1h:1:2", "symbol"),
        ("BTC:{1h:1:2", "timeframe"), ("B\nC:1h:1:2", "symbol"), ("B\u200bC:1h:1:2", "symbol"),
        ("BTC:1\x00h:1:2", "timeframe"), ("BTC:1h:2:1", "endTimestamp"), ("x" * MAX_SID_LENGTH + ":1h:1:2", "symbol"),
    ],
)  # fmt: skip
def test_what_is_refused_on_writing_names_the_part(text: str, name: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        SessionId.parse(text).check_writable()
    assert caught.value.name == name


def test_printable_symbols_may_be_written() -> None:
    for text in ("BTC/USDT:USDT:1h:1:2", "EUR.USD:5 min:1:1", "größe €&<b>'\":1h:1:2", "a b:1h:-5:5"):
        SessionId.parse(text).check_writable()


def test_times_are_told_in_ms_whatever_their_unit() -> None:
    sid = SessionId.parse("BTC:1h:1700000000:1703600000000000")
    assert (sid.start_ms, sid.end_ms) == (1_700_000_000_000, 1_703_600_000_000)
    assert (sid.start, sid.end) == (1_700_000_000, 1_703_600_000_000_000)


def test_a_summary_is_read_tolerantly() -> None:
    text = json.dumps({
        "symbol": "another", "runCount": "12", "errorCount": 1.0, "completedRuns": None, "bestProfit": "1.5",
        "avgProfit": float("nan"), "lastUpdate": "2023-11-14T22:13:20Z", "bestConfigHash": 7, "active": True,
        "currentStatus": ["x"], "theirs": {"a": 1}, "unreadable": "no",
    }).encode()  # fmt: skip
    summary = read_summary(SID, text)
    assert summary is not None
    assert (summary.symbol, summary.timeframe) == ("BTC/USDT:USDT", "1h")
    assert (summary.runCount, summary.errorCount, summary.completedRuns) == (12, 1, None)
    assert (summary.bestProfit, summary.avgProfit, summary.lastUpdate) == (1.5, None, 1_700_000_000_000)
    assert (summary.bestConfigHash, summary.currentStatus, summary.active) == ("7", None, True)
    assert summary.extra == {"theirs": {"a": 1}}
    assert set(summary.to_dict()) == {*SUMMARY_FIELDS, "theirs"}


@pytest.mark.parametrize("active", [False, None, "true", 1, "yes", []])
def test_only_true_is_active(active: Any) -> None:
    assert read_summary(SID, json.dumps({"active": active}).encode()).active is False


@pytest.mark.parametrize(
    ("text", "reason"),
    [(b"", "the text is empty"), (b"{", "not JSON"), (b"[]", "not a JSON object"), (b'"\xff"', "not UTF-8")],
)
def test_an_unreadable_summary_says_why(text: bytes, reason: str) -> None:
    summary = read_summary(SID, text)
    assert summary.unreadable.startswith(reason)
    assert summary.to_dict()["unreadable"] == summary.unreadable
    assert read_summary(SID, None) is None


def test_the_head_keeps_what_is_not_counted_letter_for_letter() -> None:
    text = '{"notes":"grüße","theirs": 1.10,"big":123456789012345678901234567890,"runCount":5,"active":true}'.encode()
    head = summary_head(SID, text)
    assert b'"theirs":1.10' in head.encode() and b"123456789012345678901234567890" in head.encode()
    value = msgspec.json.decode(head.encode() + b"}")
    assert value["notes"] == "grüße" and value["active"] is True and "runCount" not in value
    assert (value["symbol"], value["startTimestamp"]) == ("BTC/USDT:USDT", 1_700_000_000_000)
    assert summary_head(SID, head.encode() + b"}") == head
    changed = msgspec.json.decode(summary_head(SID, text, notes="new", active=False).encode() + b"}")
    assert (changed["notes"], changed["active"], changed["theirs"]) == ("new", False, 1.1)


@given(st.none() | st.binary(max_size=30) | TREES.map(lambda value: json.dumps(value).encode()))
def test_any_text_has_a_summary_and_a_head(text: bytes | None) -> None:
    summary = read_summary(SID, text)
    assert (summary is None) == (text is None)
    if summary is not None:
        assert msgspec.json.decode(msgspec.json.encode(summary.to_dict()))["symbol"] == SID.symbol
    value = msgspec.json.decode(summary_head(SID, text).encode() + b"}")
    assert value["symbol"] == SID.symbol and "notes" in value


@given(st.dictionaries(st.sampled_from([*SUMMARY_FIELDS, "theirs", "unreadable"]), TREES))
def test_any_object_has_a_summary_and_a_head(value: dict[str, Any]) -> None:
    text = json.dumps(value).encode()
    summary = read_summary(SID, text)
    assert summary.unreadable is None
    assert msgspec.json.decode(msgspec.json.encode(summary.to_dict()))["endTimestamp"] == SID.end
    assert isinstance(msgspec.json.decode(summary_head(SID, text).encode() + b"}"), dict)
