"""Runs that look alike packed together, held against their fields read and packed leaf by leaf."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots_app.records import BacktestRunRecord, read_run
from bots_app.synthetic import records
from bots_app.table import alike, layouts, packing
from bots_app.table.fields import fields_of, fields_one_by_one, laid_out_or_fields
from bots_app.table.layouts import LaidOut
from bots_app.table.packing import RunFields, pack
from bots_app.table.shapes import Fields
from sessions_app.records import SessionId
from tests.unit.table.test_packing import expected, unpacked

SID = SessionId.parse("ALIKE:1h:0:1")
NUMBERS = st.none() | st.integers(-5, 5) | st.floats() | st.sampled_from([10**400, 2**63, 2**53 + 1, 1e308, -1e308])
TEXTS = st.none() | st.sampled_from(["", "x", "done", "1.5", "nan", "ä", "long" * 60])
PARTS = st.fixed_dictionaries({
    "a": NUMBERS, "b": NUMBERS, "text": TEXTS, "flag": st.none() | st.booleans(),
    "below": st.fixed_dictionaries({"c": NUMBERS, "d": TEXTS}),
})  # fmt: skip
RESULTS = st.fixed_dictionaries(
    {"performance": st.fixed_dictionaries({"profit": NUMBERS, "m": NUMBERS, "t": TEXTS})},
    optional={"beside": NUMBERS, "error": TEXTS, "trades": st.just([]) | st.integers(0, 5)},
)
WHOLE = st.fixed_dictionaries(
    {"configuration": PARTS, "resultsMetadata": RESULTS, "status": st.sampled_from(["done", "x", "odd" * 80])},
    optional={"lastUpdated": st.just(1_700_000_000_000)},
)


@pytest.fixture(autouse=True, scope="module")
def at_once() -> Iterator[None]:
    """Have a layout made for the first record of a kind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layouts, "LEARNED_AFTER", 1)
        yield


def read(whole: dict[str, Any]) -> BacktestRunRecord:
    run = read_run("h", json.dumps(whole).encode())
    assert isinstance(run, BacktestRunRecord)
    return run


def one_by_one(runs: Sequence[BacktestRunRecord]) -> list[RunFields]:
    return [Fields.of(fields_one_by_one(run)) for run in runs]


def told(batch: Sequence[RunFields]) -> tuple[set[str], dict[str, str], list[str]]:
    """Return what is said of a batch besides its values: statuses, texts with their codes, the digest of each shape."""
    packed = pack(batch)
    count, *flat = json.loads(packed.texts)
    shapes = json.loads(packed.shapes)
    of = shapes.get("of", [1] * len(batch))
    texts = dict(zip(flat[1::2], flat[::2], strict=True))
    return set(flat[1 : 2 * count : 2]), texts, [shapes["digests"][number - 1] for number in of]


@pytest.mark.parametrize("least", [2, 4])
@given(wholes=st.lists(WHOLE, min_size=1, max_size=8))
def test_both_ways_say_the_same(least: int, wholes: list[dict[str, Any]]):
    runs = list(map(read, wholes))
    batch: list[RunFields] = list(map(laid_out_or_fields, runs))
    plain = one_by_one(runs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alike, "LEAST", least)
        assert unpacked(batch) == list(map(expected, plain))
        assert told(batch) == told(plain)


@given(st.lists(WHOLE, min_size=1, max_size=4), st.randoms())
def test_runs_of_both_ways_may_be_in_one_batch(wholes: list[dict[str, Any]], chance: Any):
    runs = list(map(read, wholes)) * 2
    plain = one_by_one(runs)
    batch = [chance.choice([laid_out_or_fields(run), fields]) for run, fields in zip(runs, plain, strict=True)]
    assert unpacked(batch) == list(map(expected, plain))
    assert told(batch) == told(plain)


def test_usual_runs_are_packed_without_being_read_one_by_one(monkeypatch: pytest.MonkeyPatch):
    runs = [read(json.loads(text)) for text in islice(records(SID, 2_000), 0, 2_000, 19)]
    batch = list(map(laid_out_or_fields, runs))
    assert all(isinstance(one, LaidOut) for one in batch)
    plain = pack(list(map(fields_of, runs)))
    monkeypatch.delattr(packing, "fields_of")
    packed = pack(batch)
    assert (packed.names, packed.values, packed.shapes) == (plain.names, plain.values, plain.shapes)
    assert told(batch) == told(one_by_one(runs))


def test_runs_that_lack_the_same_values_are_packed_together_and_a_few_alone():
    whole = {"resultsMetadata": {"performance": {"m": 2.5}}}
    runs = [read(whole | {"configuration": {"a": 1, "b": 2, "c": "x", "never": None}}) for _ in range(2)]
    for place in range(18):
        values = {"a": None if place % 2 else 1, "b": None if place == 5 else 2, "c": "x", "never": None}
        runs.append(read(whole | {"configuration": values}))
    laid = [laid_out_or_fields(run) for run in runs]
    assert all(isinstance(one, LaidOut) for one in laid)
    blocks, left = alike.blocks_of([one for one in laid if isinstance(one, LaidOut)], range(20), {"unknown": 0})
    assert [block.runs for block in blocks] == [(0, 1, *range(2, 20, 2)), (3, 5, *range(9, 20, 2))]
    assert left == [7]
    assert ["config.a" in block.shape.names for block in blocks] == [True, False]
    assert not any("config.never" in block.shape.names for block in blocks)
    assert unpacked(laid) == list(map(expected, one_by_one(runs)))
