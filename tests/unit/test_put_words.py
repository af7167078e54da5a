"""The words of many operations made together, held against each of its own."""

from __future__ import annotations

from typing import Any

import hiredis
from hypothesis import given
from hypothesis import strategies as st

from bots_app.records import row_texts
from bots_app.sending import put_operation, put_words
from bots_app.writing import RunWrite
from dashboard.store.ahead import packed_call

NUMBERS = st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
PERFORMANCES = st.dictionaries(st.sampled_from(["profit", "sharpe", "winRate", "numTrades", "other"]), NUMBERS)
RECORDS = st.fixed_dictionaries(
    {
        "configHash": st.text("abcdefä", min_size=1, max_size=12), "status": st.sampled_from(["completed", "ä:x"]),
        "resultsMetadata": st.fixed_dictionaries({"performance": PERFORMANCES}),
    },
    optional={"botId": st.text(max_size=3), "lastUpdated": st.integers(10**11, 10**12), "trades": st.just([{}])},
)  # fmt: skip


@given(st.lists(RECORDS, min_size=1, max_size=5))
def test_words_made_together_are_those_of_each_operation(found: list[dict[str, Any]]):
    writes = list(map(RunWrite.parse, found))
    assert list(zip(*put_words(writes), strict=True)) == [put_operation(write)[:9] for write in writes]
    assert row_texts([write.record for write in writes]) == [write.record.row_text() for write in writes]


WORDS = st.binary(max_size=3) | st.sampled_from([b"x" * 9_000, b"put", b"put"])


@given(st.lists(st.tuples(WORDS, WORDS, WORDS), max_size=6), st.lists(WORDS, min_size=1, max_size=3))
def test_a_call_travels_as_the_driver_packs_it(rows: list[tuple[bytes, ...]], first: list[bytes]):
    wanted = hiredis.pack_command((*first, *(word for row in rows for word in row)))
    assert packed_call(first, list(zip(*rows, strict=True))) == wanted
