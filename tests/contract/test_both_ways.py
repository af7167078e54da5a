"""What our writers write, read from the sweep table and from the sorted sets: the same lists, counts and figures."""

from __future__ import annotations

import random
from typing import Any

import pytest
import redis

from bots_app.aggregate import read_aggregate
from bots_app.query import RunQuery
from bots_app.registry import BotRegistry
from bots_app.table.fields import Fields, fields_of
from bots_app.table.memory import TableMemory
from bots_app.table.query import aggregate_of_query, fields_of_query, page_of
from bots_app.writing import RunWrite
from dashboard.store.keys import SessionKeys
from sessions_app.records import SessionId
from tests.contract.model import SID, Record, run
from tests.contract.naive_table import matching

sid = SessionId.parse(SID)
SORTED = [
    RunQuery(),
    RunQuery(ordering="profit"),
    RunQuery(("completed",), ordering="lastUpdated"),
    RunQuery(("completed", "failed"), -1.0, 5.0),
    RunQuery(excluded=("failed",), ordering="-lastUpdated"),
]
TABLE_ALONE = [
    RunQuery(ordering="-config.mode,profit"),
    RunQuery(("failed",), ordering="sharpe,-config.fast"),
    RunQuery(min_profit=0.0, ordering="-config.fast"),
]


def record(rng: random.Random, config_hash: str) -> Record:
    made = run(
        config_hash,
        rng.choice([None, 0.0, 1.0, 2.0, rng.gauss(0, 3)]),
        rng.choice(["completed", "failed", "running"]),
        updated=rng.choice([None, 1_700_000_000_000, rng.randrange(1_700_000_000_000, 1_700_000_900_000)]),
    )
    performance: dict[str, Any] = made["resultsMetadata"]["performance"]
    if rng.random() < 0.7:
        performance["sharpe"] = rng.choice([1, 1.5, "2.5", None])
    made["configuration"] = {"fast": rng.randrange(3), "mode": rng.choice(["a", "b", 7, True, None])}
    return made


@pytest.mark.parametrize("seed", range(2))
def test_both_ways_and_looking_at_every_run_agree(store: redis.Redis, seed: int) -> None:
    rng, memory, registry = random.Random(seed), TableMemory(2**30), BotRegistry()
    names = [f"run-{number}" for number in range(70)] + [
        f"a-run-with-a-long-name-{'x' * number}" for number in range(30)
    ]
    runs: dict[str, Fields] = {}
    for _ in range(6):
        writes = [RunWrite.parse(record(rng, name)) for name in rng.sample(names, 40)]
        registry.put_many(sid, writes)
        runs |= {write.record.configHash: fields_of(write.record) for write in writes}
        for name in rng.sample(sorted(runs), 5):
            registry.delete(sid, name)
            del runs[name]
        for query in (*SORTED, *TABLE_ALONE):
            wanted = matching(runs, query)
            with memory.snapshot(SessionKeys(SID), fields_of_query(query) | {"status", "profit"}) as snapshot:
                found = page_of(snapshot, query, limit=30)
                assert (found.hashes, found.count, found.stale) == (wanted[:30], len(wanted), False)
                figures = aggregate_of_query(snapshot, query)
            if query in SORTED:
                listed = registry.page(sid, query, limit=30).body()
                assert b'"count":%d' % len(wanted) in listed
                assert [one for one in wanted[:30] if f'"{one}"'.encode() not in listed] == []
                kept = read_aggregate(SessionKeys(SID), query)
                assert kept is not None
                for name in ("avgProfit", "stdProfit"):
                    assert figures.pop(name) == pytest.approx(kept.pop(name), rel=1e-9)
                assert figures == kept
