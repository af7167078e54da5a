"""What a check says of a sweep table: nothing while its runs are written, and which fields ought to have a column."""

from __future__ import annotations

import random
import threading
from typing import Any

import pytest
import redis

from bots_app import check_table, choosing
from bots_app.analysis_fields import field_list
from bots_app.check import check
from bots_app.query import RunQuery
from bots_app.rebuild import rebuild
from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from sessions_app.records import SessionId
from tests.contract.model import SID, run
from tests.contract.table_model import generation_of

sid = SessionId.parse(SID)


def put(*records: dict[str, Any]) -> None:
    BotRegistry().put_many(sid, map(RunWrite.parse, records))


def told() -> dict[str, list[str]]:
    return {drift.kind: drift.examples for drift in check(sid) if drift.kind.startswith("table")}


def test_writers_cause_no_drift_of_the_table(real_store: redis.Redis) -> None:
    names = [f"run-{number}" for number in range(150)] + [f"a-hash-without-a-place-of-its-own-{'x' * 40}"]
    put(*(run(name, 1.0) for name in names))
    stop, rng = threading.Event(), random.Random(4)

    def write() -> None:
        while not stop.is_set():
            for name in rng.sample(names, 5):
                BotRegistry().delete(sid, name)
                put(run(name, rng.gauss(0, 1), configuration={rng.choice("abc"): 1, f"p{rng.randrange(40)}": 2}))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        found = [told() for _ in range(12)]
    finally:
        stop.set()
        writer.join()
    assert found == [{}] * len(found)
    assert check(sid) == []


def test_a_field_left_out_that_is_more_frequent_is_told_and_gets_its_column_by_a_rebuild(
    store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It would get it by itself, too: who asks for the fields sets that going.
    monkeypatch.setattr(choosing, "_choose_in_background", lambda which: None)
    put(run("first", 1.0, configuration={f"p{number:03}": number for number in range(600)}))
    put(*(run(f"late-{number}", 1.0, configuration={"late": number, "p000": 1}) for number in range(9)))
    omitted = field_list(sid, RunQuery())
    assert "config.late" in omitted["omitted"] and omitted["omittedCount"] > 100
    kind = "table: a field without a column that more runs have than one with a column"
    assert told()[kind] == [
        "config.late of 9 runs, while config.p001 of 1 has one",
        "totalProfit of 10 runs, while config.p001 of 1 has one",
    ]
    rebuild(sid)
    assert told() == {}
    fields = {one["name"]: one["count"] for one in field_list(sid, RunQuery())["fields"]}
    assert (fields["config.late"], fields["config.p000"]) == (9, 10)
    assert "config.late" not in field_list(sid, RunQuery())["omitted"]


@pytest.mark.parametrize("counted", [20_000, 3])
def test_a_damaged_table_is_mended_by_a_rebuild(
    real_store: redis.Redis, monkeypatch: pytest.MonkeyPatch, counted: int
) -> None:
    monkeypatch.setattr(check_table, "MOST_COUNTED", counted)
    put(*(run(f"run-{number}", float(number)) for number in range(5)))
    table = SessionKeys(SID).table(generation_of())
    client().hdel(table.name("places"), "run-3")
    put(run("run-3", 9.0))
    assert told() == {"table: a run has two rows": ["run-3"]}
    page = BotRegistry().page(sid, RunQuery(ordering="-sharpe,profit"))
    assert page.stale, "a run is listed twice"
    rebuild(sid)
    assert told() == {}
    page = BotRegistry().page(sid, RunQuery(ordering="-sharpe,profit"))
    assert (page.count, page.stale) == (5, False)
