"""Plateau scores as columns: of one state with all else on a page, worked out once, within the bounds of memory."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import redis

from bots_app import plateau_columns
from bots_app.analysis.sweep.columns import Parameter
from bots_app.analysis_fields import field_list
from bots_app.exporting import Export, Wanted
from bots_app.performance import PerformanceRegistry
from bots_app.query import Bound, RunQuery
from bots_app.registry import BotRegistry
from bots_app.sweep import sweep
from bots_app.table import snapshot as snapshots
from bots_app.table.memory import memory
from bots_app.table.snapshot import UnknownField
from bots_app.writing import RunWrite
from dashboard.errors import InvalidParameter, Unavailable
from sessions_app.records import SessionId
from tests.contract.model import SID, run
from tests.unit.analysis_sweep import naive

sid = SessionId.parse(SID)
registry = BotRegistry()
SCORE = "plateau.profit"


def put(profits: dict[int, float], **more: Any) -> None:
    """Write a line of runs: each has those before and after it as neighbours."""
    records = [run(f"r{fast}", profit, configuration={"fast": fast, **more}) for fast, profit in profits.items()]
    registry.put_many(sid, map(RunWrite.parse, records))


def scores(**query: Any) -> dict[str, float | None]:
    page = registry.page(sid, RunQuery(**query), fields=[SCORE])
    return dict(zip(page.hashes, page.scores[SCORE], strict=True))


@pytest.fixture
def line(store: redis.Redis) -> Iterator[None]:
    put({0: 1.0, 1: 8.0, 2: 3.0, 3: 4.0})
    yield


def test_a_score_is_that_of_all_runs_whatever_the_filters(line: None) -> None:
    assert scores() == {"r0": 8.0, "r1": 2.0, "r2": 6.0, "r3": 3.0}
    assert scores(min_profit=3.5) == {"r1": 2.0, "r3": 3.0}
    assert list(scores(ordering=f"-{SCORE}")) == ["r0", "r2", "r3", "r1"]
    assert list(scores(bounds=(Bound(SCORE, 2.5, 7.0),))) == ["r3", "r2"]
    assert PerformanceRegistry().aggregate(sid, RunQuery(bounds=(Bound(SCORE, 2.5, 7.0),)))["count"] == 2


def test_one_write_changes_the_scores_of_others(line: None) -> None:
    before = scores(bounds=(Bound(SCORE, 5.0),))
    assert before == {"r0": 8.0, "r2": 6.0}
    put({1: 2.0})
    assert scores(bounds=(Bound(SCORE, 5.0),)) == {}
    registry.delete(sid, "r1")
    assert scores() == {"r0": 3.0, "r2": 2.5, "r3": 3.0}


def test_rows_of_the_list_and_of_exports_have_them(line: None) -> None:
    page = registry.page(sid, RunQuery(), fields=["profit", SCORE])
    rows = registry.page_rows(sid, page, ["profit", SCORE])
    assert rows[0] == {"configHash": "r1", "profit": 8.0, SCORE: 2.0}
    export = Export(sid, RunQuery(ordering=f"-{SCORE}"), Wanted(fields=(SCORE, "config.fast")), facts={})
    assert b"".join(export).split()[1] == b"r0,8,0"


def test_a_field_of_a_record_by_that_name_is_no_field(line: None) -> None:
    record = run("own", 5.0, configuration={"fast": 4})
    record["resultsMetadata"]["performance"] |= {"plateau": {"profit": 99.0, "other": 1.0}, "note": "text"}
    registry.put(sid, RunWrite.parse(record))
    assert scores()["own"] == 4.0
    with sweep(sid, ()) as snapshot:
        assert "plateau.other" not in snapshot.names()
    with pytest.raises(UnknownField):
        registry.page(sid, RunQuery(), fields=["plateau.note"])


@pytest.mark.parametrize("name", ["plateau.", "plateau.nosuch", "plateau.config.fast", "plateau.status"])
def test_there_is_none_of_what_is_no_metric(line: None, name: str) -> None:
    for query, fields in (
        (RunQuery(), [name]),
        (RunQuery(ordering=name), []),
        (RunQuery(bounds=(Bound(name, 1.0),)), []),
    ):
        with pytest.raises(UnknownField):
            registry.page(sid, query, fields=fields)


def test_nothing_varies(store: redis.Redis) -> None:
    put({0: 1.0})
    assert scores() == {"r0": None}
    names = {one["name"] for one in field_list(sid, RunQuery())["fields"]}
    assert SCORE not in names
    assert field_list(sid, RunQuery(), fields=[SCORE])["fields"][0]["missing"] == 1


def test_more_parameters_than_a_grid_may_have(store: redis.Redis) -> None:
    put({0: 1.0}, **{f"p{number}": 1 for number in range(64)})
    put({1: 2.0}, **{f"p{number}": 2 for number in range(64)})
    with pytest.raises(InvalidParameter, match="65 parameters vary"):
        scores()
    names = {one["name"] for one in field_list(sid, RunQuery())["fields"]}
    assert "profit" in names and SCORE not in names
    with pytest.raises(InvalidParameter, match="65 parameters vary"):
        field_list(sid, RunQuery(), fields=[SCORE])


def test_parameters_loaded_in_parts_and_too_little_memory_change_nothing(
    line: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    put({9: 2.0}, other=5, same=1)
    wanted = scores()
    monkeypatch.setattr(plateau_columns, "MOST_VALUES", 1)
    monkeypatch.setattr(memory(), "_most_bytes", 1)
    assert scores() == wanted
    export = Export(sid, RunQuery(), Wanted(format="ndjson", fields=(SCORE,)), facts={})
    assert {row["configHash"]: row[SCORE] for row in map(json.loads, b"".join(export).splitlines())} == wanted
    put({9: 3.0}, other=5, same=1)
    assert scores()["r3"] == wanted["r3"]


def test_threads_that_ask_for_the_same_wait_for_one(line: None, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    plain = plateau_columns.plateaus

    def slow(*args: Any) -> Any:
        calls.append(1)
        time.sleep(0.1)
        return plain(*args)

    monkeypatch.setattr(plateau_columns, "plateaus", slow)
    found: list[dict[str, float | None]] = []
    threads = [threading.Thread(target=lambda: found.append(scores())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(calls), len(found)) == (1, 4) and found[0] == found[3] == scores()


def test_nobody_waits_for_ever(line: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "WAIT_S", 0.01)
    with sweep(sid, ()) as snapshot, snapshot.turn(), pytest.raises(Unavailable, match="still being worked out"):
        scores()
    assert scores()["r0"] == 8.0


def test_a_page_is_of_one_state_while_runs_are_written(real_store: redis.Redis) -> None:
    states = [{fast: float((fast * factor) % 7) for fast in range(20)} for factor in (3, 5)]
    wanted = []
    for state in states:
        put(state)
        wanted.append(scores(ordering=f"-{SCORE}"))
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            for state in states:
                put(state)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        found = [scores(ordering=f"-{SCORE}") for _ in range(150)]
    finally:
        stop.set()
        writer.join()
    listed = [list(one.items()) for one in found]
    assert all(one in [list(state.items()) for state in wanted] for one in listed)
    assert len({str(one) for one in listed}) == 2


def test_scores_are_those_of_the_columns_beside_them_while_runs_come_and_go(real_store: redis.Redis) -> None:
    put(dict.fromkeys(range(12), 1.0))
    stop, rng = threading.Event(), random.Random(3)

    def write() -> None:
        while not stop.is_set():
            registry.delete(sid, f"r{rng.randrange(12)}")
            put({fast: rng.gauss(0, 1) for fast in rng.sample(range(12), 3)}, slow=rng.randrange(2))
            put({fast: rng.gauss(0, 1) for fast in range(12)}, slow=rng.randrange(2))

    writer = threading.Thread(target=write)
    writer.start()
    revisions = set()
    try:
        for _ in range(100):
            with sweep(sid, {SCORE, "profit", "config.fast", "config.slow"}) as snapshot:
                live = snapshot.is_live()
                profits, fast, slow, found = (
                    snapshot.column(name)[live] if snapshot.has(name) else np.full(live.sum(), np.nan)
                    for name in ("profit", "config.fast", "config.slow", SCORE)
                )
                grid = [Parameter("fast", fast), Parameter("slow", slow)]
                wanted = [naive.plateau(grid, profits.tolist(), place)[0] for place in range(len(profits))]
                assert found == pytest.approx(wanted, nan_ok=True, abs=1e-12)
                revisions.add(snapshot.revision)
    finally:
        stop.set()
        writer.join()
    assert len(revisions) > 10
