"""Synthetic runs: deterministic, of the promised spread and size, and named for what they are."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from statistics import mean, stdev

import msgspec
import pytest

from bots_app.synthetic import BLOCK, METRICS, PARAMETERS, RISK, SIZING, notes, records
from bots_app.writing import RunWrite
from sessions_app.records import SessionId

SID = SessionId.parse("SYN/USDT:1h:1700000000000:1703600000000")


@pytest.fixture(scope="module")
def made() -> list[dict]:
    return [msgspec.json.decode(text) for text in records(SID, 10 * BLOCK, seed=7)]


def test_the_same_seed_makes_the_same_runs_however_many():
    few, many = list(records(SID, 20, seed=7)), records(SID, BLOCK + 20, seed=7)
    assert few == list(islice(many, 20))


def test_another_seed_and_another_session_make_other_runs():
    def hashes(sid: SessionId, seed: int) -> set[str]:
        return {msgspec.json.decode(text)["configHash"] for text in records(sid, 50, seed=seed)}

    other = SessionId.parse("SYN/USDT:1h:1700000000000:1703600000001")
    assert len(hashes(SID, 1) | hashes(SID, 2) | hashes(other, 1)) == 150


def test_runs_are_spread_as_in_a_real_sweep(made):
    assert len({record["configHash"] for record in made}) == len(made)
    statuses = Counter(record["status"] for record in made)
    assert statuses["completed"] / len(made) == pytest.approx(0.9, abs=0.01)
    assert statuses["failed"] / len(made) == pytest.approx(0.099, abs=0.01)
    assert 0 < statuses["running"] < 30
    profits = [record["resultsMetadata"]["performance"]["totalProfit"] for record in made]
    assert mean(profits) == pytest.approx(3, abs=1)
    assert stdev(profits) == pytest.approx(20, abs=1)


def test_a_record_has_the_promised_size_and_fields(made):
    assert len(METRICS) == 20
    assert len(PARAMETERS) + len(RISK) + len(SIZING) == 17
    sizes = [len(text) for text in records(SID, 500)]
    assert mean(sizes) == pytest.approx(2090, rel=0.05)
    assert all(("error" in record["resultsMetadata"]) == (record["status"] == "failed") for record in made)


def test_every_record_can_be_written_and_says_that_it_is_synthetic():
    for text in records(SID, 100, seed=3):
        write = RunWrite.parse(text)
        assert write.record.configHash
        assert b"SYNTHETIC" in text
    assert "synthetic" in notes(3).lower()
    assert "seed 3" in notes(3)


def test_a_symbol_may_hold_what_formatting_and_json_mind():
    sid = SessionId.parse('50%d"\\:1h:1:2')
    (text,) = records(sid, 1)
    assert msgspec.json.decode(text)["configuration"]["symbol"] == '50%d"\\'
