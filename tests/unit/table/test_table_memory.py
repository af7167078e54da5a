"""What a process keeps of sweep tables: counted, bounded, the least recently used let go, nothing that is in use."""

from __future__ import annotations

import random
import threading

import numpy as np
import pytest
import redis

from bots_app.query import RunQuery
from bots_app.table.columns import Column, Frame
from bots_app.table.memory import TableMemory
from bots_app.table.query import fields_of_query, page_of
from dashboard.store.keys import SEGMENT_ROWS, SessionKeys
from tests.contract.naive_table import NaiveTable

FIELDS = [f"c{number}" for number in range(6)]
ROWS = 3 * SEGMENT_ROWS


def filled(store: redis.Redis, sid: str) -> NaiveTable:
    table, rng = NaiveTable(store, sid), np.random.default_rng(2)
    table.fill([f"run-{row}" for row in range(ROWS)], {name: rng.normal(size=ROWS) for name in FIELDS})
    return table


def look(memory: TableMemory, keys: SessionKeys, *fields: str) -> None:
    with memory.snapshot(keys, fields) as snapshot:
        for name in fields:
            assert np.count_nonzero(snapshot.column(name)) == ROWS


def held(memory: TableMemory) -> dict[str, set[str]]:
    return {table.keys.sid: set(table.columns) for table in memory._all()}


def test_what_is_counted_is_what_the_arrays_take(fake_store: redis.Redis) -> None:
    table, memory = filled(fake_store, "A:1h:1:2"), TableMemory(2**30)
    look(memory, table.keys, *FIELDS[:2])
    [kept] = memory._all()
    assert kept.frame is not None
    arrays = [kept.frame.words, kept.frame.live]
    for column in kept.columns.values():
        arrays += [column.values, column._numbers, column._others]
    assert memory.nbytes == sum(array.nbytes for array in arrays)
    assert memory.nbytes >= ROWS * (16 + 1 + 2 * 8)
    query = RunQuery(min_profit=0.0)
    with memory.snapshot(table.keys, fields_of_query(query)) as snapshot:
        page_of(snapshot, query)
    assert memory.nbytes == sum(array.nbytes for array in arrays) + 2 * ROWS  # the masks of the filter and of the query


def test_columns_that_were_used_longest_ago_go_first_over_all_sessions(fake_store: redis.Redis) -> None:
    first, second = filled(fake_store, "A:1h:1:2"), filled(fake_store, "B:1h:1:2")
    one, frame = Column(3).nbytes, Frame(3, 16).nbytes
    memory = TableMemory(2 * frame + 3 * one)
    look(memory, first.keys, "c0", "c1")
    look(memory, second.keys, "c0")
    look(memory, first.keys, "c0")
    look(memory, second.keys, "c2")
    assert held(memory) == {"A:1h:1:2": {"c0"}, "B:1h:1:2": {"c0", "c2"}}
    assert memory.nbytes <= memory.most_bytes


def test_more_than_the_memory_allows_is_loaded_for_the_request_and_let_go(fake_store: redis.Redis) -> None:
    table = filled(fake_store, "A:1h:1:2")
    for most in (Frame(3, 16).nbytes, 1000, 0):
        memory = TableMemory(most)
        look(memory, table.keys, *FIELDS)
        assert memory.nbytes <= most
        look(memory, table.keys, *FIELDS)


def test_what_is_looked_at_is_neither_let_go_nor_changed(fake_store: redis.Redis) -> None:
    table, memory = filled(fake_store, "A:1h:1:2"), TableMemory(0)
    with memory.snapshot(table.keys, ["c0"]) as snapshot:
        before = snapshot.column("c0").copy()
        table.runs = {"run-7": {"c0": 1.0}}
        table.rows = {"run-7": 7}
        table.change({"run-7": {"c0": 1e9}})
        with memory.snapshot(table.keys, ["c0"]) as later:
            assert later.column("c0")[7] == 1e9
            assert later.revision > snapshot.revision
        look(memory, table.keys, *FIELDS)
        np.testing.assert_array_equal(snapshot.column("c0"), before)
        with pytest.raises(ValueError, match="read-only"):
            snapshot.column("c0")[0] = 1.0
    assert memory.nbytes == 0


def test_many_threads_with_too_little_memory_get_what_they_ask_for(fake_store: redis.Redis) -> None:
    tables = [filled(fake_store, f"{name}:1h:1:2") for name in "ABC"]
    memory, failed = TableMemory(4 * Column(3).nbytes), []

    def ask(seed: int) -> None:
        rng = random.Random(seed)
        try:
            for _ in range(15):
                look(memory, rng.choice(tables).keys, *rng.sample(FIELDS, 2))
        except Exception as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    look(memory, tables[0].keys, "c0")
    assert memory.nbytes <= memory.most_bytes
