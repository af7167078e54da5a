"""What the figures of the sweep table rest on: 40 columns exactly, and a floor that answers what it should."""

from __future__ import annotations

import random

import msgspec
import numpy as np
import pytest

from bots_app.synthetic import records
from bots_app.table.fields import fields_of
from bots_app.writing import RunWrite
from tests.bench.memory import kind_of
from tests.bench.peers.mlflow_side import plain as plain_of_mlflow
from tests.bench.report import Report, at_most
from tests.bench.sweep import data, writer
from tests.bench.sweep.pages import bound_of
from tests.bench.sweep.plain import PlainRuns
from tests.bench.timing import Samples

RUNS = 400
LIMITS = ((0.5, 0.4, 100), (-9.0, 1.0, 0), (0.0, 0.5, 50), (99.0, 0.1, 0))


@pytest.fixture(scope="module")
def writes() -> list[RunWrite]:
    return [RunWrite.parse(text) for text in data.texts(data.SID, RUNS)]


def test_every_run_has_exactly_the_columns(writes: list[RunWrite]) -> None:
    assert {write.record.status for write in writes} >= {"completed", "failed"}
    assert {frozenset(fields_of(write.record)) for write in writes} == {frozenset(fields_of(writes[0].record))}
    assert len(fields_of(writes[0].record)) == data.COLUMNS


@pytest.mark.parametrize("limits", LIMITS)
def test_numpy_alone_finds_what_a_plain_sort_finds(writes: list[RunWrite], limits: data.Limits) -> None:
    plain = PlainRuns.empty()
    for start in range(0, RUNS, 150):
        plain.add([write.text for write in writes[start : start + 150]])
    sharpe, drawdown, trades = limits
    found = [write.record for write in writes]
    passing = [
        run
        for run in found
        if run.metrics["sharpe"] >= sharpe
        and run.metrics["maxDrawdown"] <= drawdown
        and run.metrics["numTrades"] >= trades
    ]
    passing.sort(key=lambda run: -run.value(data.ORDER))
    expected = [run.configHash.encode() for run in passing[:50]]
    assert plain.finished().page(limits, 50) == (expected, len(passing))


def test_another_threshold_is_another_question() -> None:
    asked = {data.query(data.moved(data.NARROW, number)) for number in range(5)}
    assert len(asked) == 5
    assert data.parameters(data.NARROW)["min.sharpe"] == "1.5"
    for numbers in zip(*(data.all_moved(data.NARROW, number) for number in range(5)), strict=True):
        assert len(set(numbers)) == 5


def test_a_run_that_is_written_anew_has_other_figures(writes: list[RunWrite]) -> None:
    random.seed(1)
    before = fields_of(writes[0].record)
    after = fields_of(RunWrite.parse(writer.changed(writes[0].text)).record)
    assert {name for name, value in before.items() if after[name] != value} == {
        "profit", "totalProfit", "sharpe", "sharpeRatio", "calmarRatio",
    }  # fmt: skip
    assert after.keys() == before.keys()


def test_what_a_page_may_take_is_reckoned_round_by_round() -> None:
    report = Report()
    bound = bound_of(Samples([1.0, 2.0]), Samples([0.5, 1.0]))
    assert bound.seconds == [3.5, 7.0]
    report.compare("page", Samples([3.5, 7.0]), against="both", reference=bound, goal=at_most(1))
    report.time("absolute", Samples([0.4, 0.5, 0.1]), goal=at_most(400))
    report.time("too long", Samples([0.401]), goal=at_most(400))
    assert [row.verdict for row in report.rows] == ["ok", "ok", "MISSED"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("table:17954a:values:12:a:b c", "table: values, 8 bytes a column"),
        ("table:17954a:hashes:12", "table: hashes by row"),
        ("table:17954a:places", "table: rows by hash"),
        ("table:17954a:texts", "table: the rest"),
        ("table:dropped", "table: the rest"),
        ("bots:status:a", "fixed: bots:status:*"),
        ("index:status:a:profit", "derived: index:status:*:profit"),
        ("events", "events"),
    ],
)
def test_keys_are_weighed_by_kind(name: str, kind: str) -> None:
    assert kind_of(name) == kind


def test_a_run_of_mlflow_has_all_numbers_and_parameters() -> None:
    [found] = [plain_of_mlflow(text) for text in records(data.SID, 1)]
    record = msgspec.json.decode(next(records(data.SID, 1)))
    assert found["metrics"] == record["resultsMetadata"]["performance"]
    assert found["params"]["params.fastPeriod"] == str(record["configuration"]["strategy"]["params"]["fastPeriod"])
    assert len(found["params"]) == 18
    assert all(isinstance(value, str) for kind in ("params", "tags") for value in found[kind].values())
    assert np.isfinite(list(found["metrics"].values())).all()
