"""The quick reader of records says the same of every text as the tolerant one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots_app import run_values
from bots_app.metrics import metric_paths
from bots_app.records import read_run
from bots_app.run_values import read_values, values_of

plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
numbers = st.floats() | st.integers() | st.sampled_from(["1.5", "nan", "1e999", "", 2**63, -(2**63), 10**400, True])
odd = st.recursive(plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner))
NAMES = ("profit", "totalProfit", "netProfit", "pnl", "sharpe", "sharpeRatio", "maxDrawdown", "numTrades", "trades")
performance = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), numbers | plain | odd, max_size=8)
results = performance | st.fixed_dictionaries({"performance": performance | odd}) | odd
TIMES = (1_700_000_000_000, 1.7e9, "2024-01-01T00:00:00Z", "1700000000", 10**17, 10**30, -1, None)
records = st.fixed_dictionaries(
    {},
    optional={
        "configHash": plain, "status": st.sampled_from(["completed", "", "ünlisted"]) | plain | odd,
        "botId": plain | odd,
        "lastUpdated": st.sampled_from(TIMES) | plain | odd, "resultsMetadata": results, "configuration": odd, "x": odd,
    },
)  # fmt: skip


def assert_same(text: bytes) -> None:
    assert read_values("hash", text) == values_of(read_run("hash", text))


@given(records | odd, st.booleans())
def test_of_every_record(record: Any, is_ascii: bool) -> None:  # noqa: FBT001 - drawn
    assert_same(json.dumps(record, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass"))


@given(st.binary(max_size=30) | st.text(max_size=30).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_of_every_text(text: bytes) -> None:
    assert_same(text)
    assert_same(b'{"status":"completed","x":"' + text + b'"}')
    assert_same(b'{"status":"completed","x":' + text + b"}")


@pytest.mark.parametrize(
    "text",
    [
        b"", b" ", b"null", b"[]", b"{}", b"{", b"NaN", b'{"x":"\xff"}', b'{"\xff":1}', b'{"x":"\\ud800"}',
        b'{"x":1e400}',
        b'{"status":"\\ud800"}', b'{"status":1}', b'{"status":1.50}', b'{"status":true}', b'{"status":["a"]}',
        b'{"status":"a","status":"b"}', b'{"resultsMetadata":{"profit":1},"resultsMetadata":{}}', b'{"x":1}x',
        b'{"resultsMetadata":[]}', b'{"resultsMetadata":{"performance":"none","profit":3}}',
        b'{"resultsMetadata":{"performance":{"profit":null,"totalProfit":"2.5","trades":[{"a":1}]},"numTrades":4}}',
        b'{"resultsMetadata":{"performance":{"profit":NaN,"pnl":Infinity},"profit":-0.0}}',
        b'{"resultsMetadata":{"performance":{"profit":1e400},"profit":5}}',
        b'{"resultsMetadata":{"performance":{"profit":' + b"9" * 400 + b"}}}",
        b'{"x":' + b"1" * 4_300 + b"}", b'{"x":' + b"1" * 4_301 + b"}", b'{"x":' + b"1" * 9_000 + b"}",
        b'{"x":1.' + b"1" * 9_000 + b"}", b'{"x":"' + b"1" * 9_000 + b'"}', b'{"x":[0' + b",12345" * 9_000 + b"]}",
        b'{"pad":"' + b"a" * 3_000 + b'","x":' + b"1" * 4_301 + b"}",
        b'{"x":' + b"[" * 200 + b"]" * 200 + b"}", b'{"x":' + b"[" * 199 + b"]" * 199 + b"}",
        b'{"x":' + b"[" * 5_000 + b"]" * 5_000 + b"}", b'{"x":[' + b"{}," * 300 + b"{}]}",
    ],
)  # fmt: skip
def test_of_what_either_could_take_otherwise(text: bytes) -> None:
    assert_same(text)


@pytest.mark.parametrize(
    "paths",
    [
        {"profit": ("a.b", "a.b.c")},
        {"profit": ("a.b.c", "a.b")},
        {"profit": ("status",)},
        {"profit": ("odd name.x-y",), "sharpe": ("top",), "winRate": ("odd name.x-y", "def.class")},
        {"extra": ("resultsMetadata.performance",)},
    ],
)
def test_wherever_the_settings_say_that_metrics_lie(settings: Any, paths: dict[str, tuple[str, ...]]) -> None:
    settings.METRIC_PATHS = paths
    metric_paths.cache_clear()
    run_values._reader.cache_clear()
    try:
        for text in (
            b'{"a":{"b":1}}', b'{"a":{"b":{"c":2}}}', b'{"status":"5"}',
            b'{"top":4,"odd name":{"x-y":3},"def":{"class":1}}',
            b'{"odd name":{"x-y":null},"def":{"class":"7"}}', b'{"resultsMetadata":{"performance":{"profit":1}}}',
        ):  # fmt: skip
            assert_same(text)
    finally:
        metric_paths.cache_clear()
        run_values._reader.cache_clear()
