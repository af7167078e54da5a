"""Whatever sequence of writes: every key, figure and list is what a naive model works out from the records alone."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from typing import Any

import msgspec
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

from bots_app.check import check
from bots_app.performance import PerformanceRegistry
from bots_app.query import ORDERINGS, RunQuery
from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.store.client import client
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry
from tests.contract.model import SID, WIDE, Model, run, stored_figures, stored_sets, tag, told

#: DASHBOARD_EXAMPLES=2000 looks longer than a run of the whole suite may.
EXAMPLES = int(os.environ.get("DASHBOARD_EXAMPLES", "60"))
STEPS = 25

HASHES = st.sampled_from(["a", "b", "B", "aa", "ä", "run-1", "run-10", "run-2"])
STATUSES = st.sampled_from(["completed", "completed", "failed", "running", "odd:profit"])
PROFITS = st.one_of(
    st.none(),
    st.sampled_from([0.0, -0.0, 1.0, 1.0, -7.25, 0.1, 1e-9, 1e15, -3e14 - 0.1, 1e100, 1.234e100, 1e200, -1e300]),
    st.floats(-1e6, 1e6, allow_subnormal=False),
)
RECORDS = st.builds(run, HASHES, PROFITS, STATUSES, updated=st.integers(1_700_000_000_000, 1_700_000_000_003))


def summary_key() -> str:
    return f"bot_registry:session_current:{tag(SID)}"


class SessionMachine(RuleBasedStateMachine):
    """Writes through the registries and, now and then, a summary as another program would."""

    def __init__(self) -> None:
        super().__init__()
        self.sid = SessionId.parse(SID)
        self.model = Model()
        self.texts: dict[str, bytes] = {}
        self.notes, self.extra = "", None
        #: The summary's numbers are another program's until our next write.
        self.is_foreign = False
        self.revision = 0

    @initialize()
    def empty(self) -> None:
        client().flushall()

    def put(self, records: list[dict[str, Any]]) -> None:
        """Write a batch and assert what becomes of each record of it."""
        events = told(SID)
        writes = [RunWrite.parse(record) for record in records]
        registry = BotRegistry()
        results = registry.put_many(self.sid, writes) if len(writes) > 1 else [registry.put(self.sid, writes[0])]
        changes = 0
        for record, write, result in zip(records, writes, results, strict=True):
            name = record["configHash"]
            before = self.texts.get(name)
            expected = "created" if before is None else "unchanged" if before == write.text else "updated"
            assert (result.configHash, result.result, result.error) == (name, expected, None)
            self.model.records[name] = record
            self.texts[name] = write.text
            changes += expected != "unchanged"
        assert len(told(SID)) == len(events) + changes
        self.is_foreign = self.is_foreign and not changes

    @rule(record=RECORDS)
    def put_one(self, record: dict[str, Any]) -> None:
        self.put([record])

    @rule(records=st.lists(RECORDS, min_size=2, max_size=6))
    def put_batch(self, records: list[dict[str, Any]]) -> None:
        self.put(records)

    @precondition(lambda self: self.model.records)
    @rule(data=st.data())
    def put_again(self, data: st.DataObject) -> None:
        self.put([self.model.records[data.draw(st.sampled_from(sorted(self.model.records)))]])

    @precondition(lambda self: self.model.records)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.model.records)))
        BotRegistry().delete(self.sid, name)
        del self.model.records[name], self.texts[name]
        self.is_foreign = False

    @precondition(lambda self: self.model.records)
    @rule(data=st.data(), notes=st.text(max_size=5))
    def annotate_run(self, data: st.DataObject, notes: str) -> None:
        name = data.draw(st.sampled_from(sorted(self.model.records)))
        BotRegistry().annotate(self.sid, name, notes=notes)
        self.model.records[name] |= {"notes": notes}
        text = msgspec.json.encode(self.model.records[name])
        self.is_foreign = self.is_foreign and text == self.texts[name]
        self.texts[name] = text

    @precondition(lambda self: self.texts or client().exists(summary_key()))
    @rule(notes=st.text(max_size=5))
    def annotate_session(self, notes: str) -> None:
        assert SessionRegistry().annotate(self.sid, notes=notes).notes == notes
        self.notes = notes
        self.is_foreign = False

    @precondition(lambda self: self.texts)
    @rule(extra=st.sampled_from([None, 12345678901234567890123, 1.10, "ä"]))
    def foreign_summary(self, extra: Any) -> None:
        summary = {"runCount": 999, "avgProfit": -1.5, "notes": self.notes, "active": False, "theirs": extra}
        client().set(summary_key(), json.dumps(summary))
        self.extra, self.is_foreign = extra, True

    @invariant()
    def keys_agree(self) -> None:
        assert stored_sets() == self.model.sets()
        prefix = f"bot_registry:run:{tag(SID)}:"
        names = {key.decode().removeprefix(prefix) for key in client().scan_iter("bot_registry:run:*")}
        assert names == set(self.texts)
        for name, text in self.texts.items():
            assert client().get(f"{prefix}{name}") == text
        rows = {name.decode(): row for name, row in client().hgetall(f"session:{tag(SID)}:index:rows").items()}
        assert rows.keys() == self.texts.keys()

    @invariant()
    def figures_agree(self) -> None:
        found = stored_figures()
        for status, (count, total, squares, wide) in self.model.figures().items():
            assert found[status][::3] == (count, wide)
            assert found[status][1] == total
            assert math.isclose(found[status][2], squares, rel_tol=1e-30, abs_tol=1e-290)
        assert found.keys() == self.model.figures().keys()

    @invariant()
    def summary_agrees(self) -> None:
        text = client().get(summary_key())
        if text is None:
            assert not self.texts
            return
        stored = json.loads(text)
        assert stored["notes"] == self.notes
        assert stored.get("theirs") == self.extra
        if self.is_foreign:
            assert stored["runCount"] == 999
            return
        wanted = self.model.summary()
        average, wanted_average = stored.pop("avgProfit"), wanted.pop("avgProfit")
        assert {name: stored[name] for name in wanted} == wanted
        assert average == wanted_average or math.isclose(average, wanted_average, rel_tol=1e-15)
        assert client().zscore("bot_registry:sessions", SID) is not None

    @invariant()
    def revision_rises(self) -> None:
        revision = int(client().hget(f"session:{tag(SID)}:index:stats", "revision") or 0)
        assert revision >= self.revision
        self.revision = revision

    @precondition(lambda self: self.texts)
    @rule(ordering=st.sampled_from(ORDERINGS), statuses=st.sets(STATUSES, max_size=2), limit=st.integers(1, 9))
    def read(self, ordering: str, statuses: set[str], limit: int) -> None:
        query = RunQuery(tuple(statuses), ordering=ordering)
        page = BotRegistry().page(self.sid, query, limit=limit)
        wanted = self.model.ordered(query)
        assert (page.hashes, page.count, page.stale) == (wanted[:limit], len(wanted), False)
        for row in page.decoded():
            record = self.model.records[row["configHash"]]
            assert (row["status"], row["lastUpdated"]) == (record["status"], record["lastUpdated"])
        found, expected = PerformanceRegistry().aggregate(self.sid, query), self.model.aggregate(query)
        profits = [abs(one) for one in (expected["bestProfit"], expected["worstProfit"]) if one is not None]
        most = max(profits, default=0.0)
        # Beyond WIDE there are no exact sums, with several statuses none are kept, and tiny squares are no numbers.
        slack = max(1e-140, most * 1e-15 if len(query.statuses) > 1 or most > WIDE else 0.0)
        for name, value in expected.items():
            if isinstance(value, float):
                assert math.isclose(found[name], value, rel_tol=1e-14, abs_tol=slack), name
            else:
                assert found[name] == value, name

    def teardown(self) -> None:
        if self.texts and not self.is_foreign:
            assert check(self.sid) == []


def test_any_sequence_of_writes_leaves_every_index_true(store: redis.Redis) -> None:
    machine: Callable[[], RuleBasedStateMachine] = SessionMachine
    profile = settings(
        max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(machine, settings=profile)
