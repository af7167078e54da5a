"""Whatever sequence of writes, ours and others': the sweep table is what a naive reading of the records says."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bots_app.indexer import SessionIndexer
from bots_app.moving import move
from bots_app.rebuild import rebuild
from bots_app.reconcile import Outcome, Reconciler
from bots_app.registry import BotRegistry
from bots_app.table.memory import TableMemory
from bots_app.table.session_table import SessionGone
from bots_app.table.values import MISSING, bits_in
from bots_app.writing import RunWrite
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.tolerant import from_bytes
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry
from tests.contract.model import SID, run, write_foreign
from tests.contract.table_model import expected_table, generation_of, same, stored_table, table_keys

#: Fields that a reader keeps.
READ = ("status", "profit", "config.fast", "config.slow")
EXAMPLES = int(os.environ.get("DASHBOARD_EXAMPLES", "15"))
STEPS = 12

HASHES = st.sampled_from(["a", "b", "ä", "run-1", "x" * 30, "y" * 70])
LEAVES = st.one_of(st.integers(-3, 3), st.floats(-10, 10), st.booleans(), st.sampled_from(["ema", "sma"]), st.none())
CONFIGURATIONS = st.dictionaries(
    st.sampled_from(["fast", "slow", "a.b", "ü x"]), st.one_of(LEAVES, st.lists(LEAVES, max_size=2)), max_size=4
)
RECORDS = st.builds(
    run, HASHES, st.one_of(st.none(), st.floats(-5, 5)), st.sampled_from(["completed", "failed"]),
    configuration=CONFIGURATIONS, updated=st.integers(1_700_000_000_000, 1_700_000_000_001),
)  # fmt: skip


class TableMachine(RuleBasedStateMachine):
    """Writes through the registries, and as another program does."""

    def __init__(self) -> None:
        super().__init__()
        self.sid, self.keys = SessionId.parse(SID), SessionKeys(SID)
        self.hashes: set[str] = set()
        self.memory = TableMemory(2**30)

    @initialize()
    def empty(self) -> None:
        client().flushall()

    @rule(record=RECORDS)
    def put(self, record: dict[str, Any]) -> None:
        BotRegistry().put(self.sid, RunWrite.parse(record))
        self.hashes.add(record["configHash"])

    @rule(records=st.lists(RECORDS, min_size=2, max_size=6))
    def put_many(self, records: list[dict[str, Any]]) -> None:
        BotRegistry().put_many(self.sid, [RunWrite.parse(record) for record in records])
        self.hashes |= {record["configHash"] for record in records}

    @precondition(lambda self: self.hashes)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.hashes)))
        BotRegistry().delete(self.sid, name)
        self.hashes.discard(name)

    @precondition(lambda self: self.hashes)
    @rule(data=st.data())
    def annotate(self, data: st.DataObject) -> None:
        BotRegistry().annotate(self.sid, data.draw(st.sampled_from(sorted(self.hashes))), notes="seen")

    @precondition(lambda self: self.hashes)
    @rule(records=st.lists(RECORDS, min_size=1, max_size=3), way=st.sampled_from(["follow", "file", "rebuild"]))
    def write_as_another_program(self, records: list[dict[str, Any]], way: str) -> None:
        records = list({record["configHash"]: record for record in records}.values())
        write_foreign(SID, records)
        names = [record["configHash"] for record in records]
        self.hashes |= set(names)
        if way == "follow":
            Reconciler().reconcile({SID: names}, Outcome(), touch=[(SID, name) for name in names])
        elif way == "file":
            SessionIndexer(self.sid).file(names)
        else:
            rebuild(self.sid)

    @precondition(lambda self: self.hashes)
    @rule()
    def move_to_names_of_a_cluster_and_back(self) -> None:
        for to_tagged in (True, False):
            move(self.sid, to_tagged=to_tagged)

    @precondition(lambda self: self.hashes)
    @rule()
    def delete_the_session(self) -> None:
        SessionRegistry().delete(self.sid)
        assert not list(client().scan_iter(match=f"*{SID}*"))
        self.hashes.clear()

    @invariant()
    def table_agrees(self) -> None:
        prefix = self.keys.run_prefix
        texts = {name: client().get(f"{prefix}{name}") for name in self.hashes}
        same(stored_table(), expected_table(texts))

    @invariant()
    def who_held_it_before_has_it_now(self) -> None:
        """A reader that has kept its columns since the beginning, and was told what changed."""
        try:
            with self.memory.snapshot(self.keys, READ) as snapshot:
                hashes, bits = (
                    snapshot.hashes,
                    {name: bits_in(snapshot.column(name)) for name in READ if snapshot.has(name)},
                )
                held = {
                    from_bytes(hashes[row]): {
                        name: int(found[row]) for name, found in bits.items() if found[row] != MISSING
                    }
                    for row in np.flatnonzero(snapshot.is_live())
                }
                for name, found in bits.items():
                    is_number, is_live = ~np.isnan(snapshot.column(name)), snapshot.is_live()
                    assert snapshot.has_numbers(name) == (is_number & is_live).any()
                    assert snapshot.has_others(name) == (is_live & ~is_number & (found != MISSING)).any()
        except SessionGone:
            held = {}
        wanted = expected_table({name: client().get(f"{self.keys.run_prefix}{name}") for name in self.hashes})
        same(
            held, {name: {field: fields[field] for field in READ if field in fields} for name, fields in wanted.items()}
        )

    @invariant()
    def nothing_else_is_there(self) -> None:
        table = self.keys.table(generation_of())
        assert all(key.startswith(table.prefix) for key in table_keys()), table_keys()


def test_any_sequence_of_writes_leaves_the_table_true(store: redis.Redis) -> None:
    machine: Callable[[], RuleBasedStateMachine] = TableMachine
    profile = settings(
        max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(machine, settings=profile)
