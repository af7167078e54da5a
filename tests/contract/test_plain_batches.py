"""Batches that only put runs: what one loop does for known runs is what is done for each run by itself."""

from __future__ import annotations

import random
from typing import Any

import pytest
import redis

from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.store.client import client
from dashboard.store.keys import SEGMENT_ROWS, SessionKeys
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry
from tests.contract.model import SID, Model, run, stored_figures, stored_sets, told
from tests.contract.table_model import expected_table, same, stored_table

sid = SessionId.parse(SID)
keys = SessionKeys(SID)
registry = BotRegistry()
Records = dict[str, dict[str, Any]]
#: Runs of a session: their rows have one to three digits.
RUNS = 115
PROFITS = (None, 1.5, -2.25, 0.1, 1e160, 3e22)


def put(records: list[dict[str, Any]]) -> list[str]:
    return [result.result for result in registry.put_many(sid, [RunWrite.parse(one) for one in records])]


def agree(records: Records) -> None:
    """Assert that every index holds what the records say."""
    model = Model(records.values())
    assert stored_sets() == model.sets()
    assert stored_figures() == model.figures()
    assert SessionRegistry().get(sid).runCount == len(records)
    texts = dict(zip(records, client().mget(map(keys.run, records)), strict=True))
    same(stored_table(), expected_table(texts))


def changed(chance: random.Random, record: dict[str, Any], *, most: float) -> dict[str, Any]:
    """Return the run with another profit, and sometimes with more that is new."""
    name, status, updated = record["configHash"], record["status"], record["lastUpdated"]
    if chance.random() < most:
        status = chance.choice(["completed", "failed", 'odd "x"'])
    if chance.random() < most:
        updated = chance.choice([1_700_000_000_000, 17_000_000_000_000, 1_700_000_000_001])
    profit = chance.choice(PROFITS) if chance.random() < 2 * most else round(chance.gauss(0, 1000), 6)
    more: dict[str, Any] = {"configuration": {"fast": chance.randrange(9)}} if chance.random() < 0.3 else {}
    if chance.random() < most:
        more["trades"] = []
    return run(name, profit, status, updated=updated, **more)


@pytest.mark.parametrize("most", [0.0, 0.02, 0.3])
@pytest.mark.parametrize("seed", range(3))
def test_every_index_says_what_the_records_say(store: redis.Redis, seed: int, most: float) -> None:
    chance = random.Random(seed)
    records = {f"run-{n}": run(f"run-{n}", float(n), updated=1_700_000_000_000) for n in range(RUNS)}
    assert set(put(list(records.values()))) == {"created"}
    for _ in range(3):
        picked = list(records)[chance.randrange(20) : chance.randrange(60, RUNS)]
        if most > 0.1:
            chance.shuffle(picked)
        new = [changed(chance, records[name], most=most) for name in picked]
        if most > 0.1:
            new.insert(chance.randrange(len(new)), run(f"new-{chance.random()}", 5.0))
            new += [records[name] for name in chance.sample(sorted(records), 4)]
        before = len(told(SID))
        outcomes = put(new)
        records |= {one["configHash"]: one for one in new}
        agree(records)
        events = told(SID)[before:]
        assert len(events) == sum(outcome != "unchanged" for outcome in outcomes)
        assert [event.data for event in events] and len({event.id for event in events}) == len(events)


def test_rows_of_two_segments_are_written(real_store: redis.Redis) -> None:
    records = {f"run-{n}": run(f"run-{n}", float(n)) for n in range(SEGMENT_ROWS + 60)}
    put(list(records.values()))
    new = [run(f"run-{n}", n + 0.5) for n in range(SEGMENT_ROWS - 60, SEGMENT_ROWS + 60)]
    put(new)
    agree(records | {one["configHash"]: one for one in new})


@pytest.mark.parametrize(
    "row",
    [b"junk", b'{"configHash":"run-7","status":"completed","profit":none,"x":1}',
     b'{"configHash":"run-7","status":"completed","profit":7.0',
     b'{"configHash":"run-7","status":"completed","profit":"7",'],
)  # fmt: skip
def test_what_is_no_row_of_ours_keeps_no_batch_from_being_written(store: redis.Redis, row: bytes) -> None:
    put([run(f"run-{n}", float(n)) for n in range(20)])
    client().hset(keys.index("rows"), "run-7", row)
    assert put([run(f"run-{n}", n + 0.5) for n in range(20)]) == ["updated"] * 20
    assert [score for _, score in client().zrange(keys.profit, 0, -1, withscores=True)] == [n + 0.5 for n in range(20)]


def test_an_unchanged_run_among_changed_ones_is_left_alone(store: redis.Redis) -> None:
    records = {f"run-{n}": run(f"run-{n}", float(n)) for n in range(40)}
    put(list(records.values()))
    new = [run(f"run-{n}", float(n) if n % 7 == 0 else n + 0.5) for n in range(40)]
    assert put(new) == ["unchanged" if n % 7 == 0 else "updated" for n in range(40)]
    agree({one["configHash"]: one for one in new})


@pytest.mark.parametrize("profit", [None, 3.5])
def test_a_batch_in_which_every_run_changes_its_status_is_written(store: redis.Redis, profit: float | None) -> None:
    put([run(f"run-{n}", float(n), "running") for n in range(40)])
    records = {f"run-{n}": run(f"run-{n}", profit, updated=1_700_000_000_007) for n in range(40)}
    assert put(list(records.values())) == ["updated"] * 40
    agree(records)
