"""The sweep table of a large session of another program's: made in the background, told how far, right at last."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
import redis

from bots_app import deriving, registry, sweep
from bots_app.check import check
from bots_app.deriving import build, is_built
from bots_app.query import RunQuery
from bots_app.registry import BotRegistry
from bots_app.table.values import text_bits
from bots_app.unindexed import LATEST_S
from bots_app.writing import RunWrite
from dashboard.errors import IndexBuilding
from dashboard.store.client import client
from dashboard.store.keys import SEGMENT_ROWS, SessionKeys
from dashboard.store.lease import BuilderLease
from sessions_app.records import SessionId
from tests.contract.model import SID, Model, run, stored_figures, stored_sets, write_foreign
from tests.contract.table_model import expected_table, same, stored_table

sid = SessionId.parse(SID)
keys = SessionKeys(SID)
BY_FIELD = RunQuery(ordering="-config.fast")


@pytest.fixture
def is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every session count as too large to be indexed by a request."""
    monkeypatch.setattr(sweep, "INLINE_TABLE_RUNS", 20)
    monkeypatch.setattr(registry, "INLINE_RUNS", 20)


def texts() -> dict[str, bytes]:
    names = [name.decode() for name in client().smembers(keys.bots)]
    return dict(zip(names, client().mget([keys.run(name) for name in names]), strict=True))


def test_a_question_to_the_table_starts_it_and_is_answered_when_it_is_there(model: Model, is_large: None) -> None:
    with pytest.raises(IndexBuilding):
        BotRegistry().page(sid, BY_FIELD)
    assert BotRegistry().page(sid, RunQuery()).hashes == model.ordered(RunQuery())[:50]
    deadline = time.monotonic() + 10
    while not is_built(sid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert BotRegistry().page(sid, BY_FIELD).count == len(model.records)
    assert stored_sets() == model.sets()
    same(stored_table(), expected_table(texts()))
    assert [drift.kind for drift in check(sid)] == ["summary: missing"]


def test_it_is_told_how_far_it_is_and_when_to_ask_again(
    model: Model, is_large: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "build_in_background", lambda which: None)

    def told() -> IndexBuilding:
        with pytest.raises(IndexBuilding) as caught:
            BotRegistry().page(sid, BY_FIELD)
        return caught.value

    assert (told().share, told().retry_after_s) == (0.0, 5) and "%" not in str(told())
    builder = BuilderLease(keys.index("builder"))
    builder.say(37, of=100)
    assert builder.hold() is None
    assert told().share == 0.37 and "are being built, 37% so far" in str(told())
    assert 1 <= told().retry_after_s <= LATEST_S
    builder.say(1000, of=1000)
    builder.hold()
    assert told().share == 0.99
    builder.release()


def test_what_we_write_meanwhile_is_in_it(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    read_heard = deriving._read_heard
    # Who writes waits for the build otherwise, here for itself.
    monkeypatch.setattr(BotRegistry, "ensure_built", lambda registry, which: None)

    def write(*records: dict[str, object]) -> None:
        BotRegistry().put_many(sid, [RunWrite.parse(record) for record in records])
        model.records |= {record["configHash"]: record for record in records}

    def reading(making: object) -> None:
        read_heard(making)
        write(run("run-20", 7.0, configuration={"fast": "late"}), run("new-2", 5.0, configuration={"later": 1}))

    monkeypatch.setattr(deriving, "_read_heard", reading)
    monkeypatch.setattr(deriving, "_load", after(deriving._load, lambda: write(run("new-1", 4.0, "failed"))))
    build(sid)
    same(stored_table(), expected_table(texts()))
    assert BotRegistry().page(sid, RunQuery(), limit=500).hashes == model.ordered(RunQuery())
    assert [drift.kind for drift in check(sid)] == ["summary: missing"]


def after(work: Callable[..., int], then: Callable[[], None]) -> Callable[..., int]:
    def both(*args: object) -> int:
        found = work(*args)
        then()
        return found

    return both


def test_helpers_make_the_same(real_store: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deriving, "LEAST_RUNS", 1)
    wanted = Model([run(f"run-{n}", n % 97, ("completed", "failed")[n % 2]) for n in range(SEGMENT_ROWS + 500)])
    write_foreign(SID, wanted.records.values())
    real_store.delete(keys.run("run-7"))
    real_store.set(keys.run("run-8"), "no JSON")
    begun = threading.active_count()
    build(sid, helpers=2)
    assert threading.active_count() == begun
    table, lost = stored_table(), {"run-7": "failed", "run-8": "completed"}
    expected = expected_table({name: text for name, text in texts().items() if name not in lost})
    for name, status in lost.items():
        expected[name] = {"status": text_bits(status)}
    same(table, expected)
    found = stored_sets(), stored_figures()
    real_store.hdel(keys.index("stats"), "built")
    build(sid)
    assert found == (stored_sets(), stored_figures())
    same(table, stored_table())
