"""The words of many operations made together, held against each of its own."""

from __future__ import annotations

from typing import Any

import hiredis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots_app.records import row_texts
from bots_app.sending import put_operation, put_words
from bots_app.table import layouts
from bots_app.table.fields import fields_one_by_one
from bots_app.table.shapes import Fields
from bots_app.writing import RunWrite
from dashboard.store.ahead import packed_call
from tests.unit.table.test_packing import expected, unpacked

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


@pytest.mark.parametrize("trades", [[1], {"count": 1}, 5])
def test_fields_are_the_same_whenever_they_were_found(trades: Any, monkeypatch: pytest.MonkeyPatch):
    """Where the records before it had a list, a run that is laid out may yet have a number: a field."""
    monkeypatch.setattr(layouts, "_known", None)
    monkeypatch.setattr(layouts, "LEARNED_AFTER", 1)
    for found in ([1], trades):
        results = {"trades": found, "performance": {"sharpe": 1, "other": 2}}
        write = RunWrite.parse({"configHash": "h", "status": "completed", "resultsMetadata": results})
        assert write.laid_out is not None
        wanted = fields_one_by_one(write.record)
        assert dict(put_operation(write)[-1]) == dict(put_operation(RunWrite(write.record, write.text))[-1]) == wanted
        assert unpacked([write.laid_out] * 9) == [expected(Fields.of(wanted))] * 9


WORDS = st.binary(max_size=3) | st.sampled_from([b"x" * 9_000, b"put", b"put"])


@given(st.lists(st.tuples(WORDS, WORDS, WORDS), max_size=6), st.lists(WORDS, min_size=1, max_size=3))
def test_a_call_travels_as_the_driver_packs_it(rows: list[tuple[bytes, ...]], first: list[bytes]):
    wanted = hiredis.pack_command((*first, *(word for row in rows for word in row)))
    assert packed_call(first, list(zip(*rows, strict=True))) == wanted
