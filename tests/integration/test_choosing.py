"""Of more fields than there are columns the rarest are left out, by itself: columns are chosen anew when it matters."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from contextlib import closing

import pytest
import redis

from bots_app import choosing
from bots_app.analysis_fields import field_list
from bots_app.check import check
from bots_app.choosing import choose, left_out
from bots_app.exporting import Export, Wanted
from bots_app.expressions import parse
from bots_app.listing import KNOWN_FIELDS
from bots_app.query import Bound, RunQuery
from bots_app.registry import BotRegistry
from bots_app.table import kept_columns
from bots_app.table.kept_columns import MOST_COLUMNS, MOST_OMITTED, RESERVED, KeptColumns
from bots_app.table_lists import check_fields
from bots_app.writing import RunWrite
from dashboard.errors import InvalidParameter
from dashboard.store.keys import SessionKeys
from dashboard.store.lease import BuilderLease
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry
from tests.contract.model import SID, run
from tests.contract.table_model import generation_of
from tests.integration.test_rebuild_killed import begin, kill_after, seconds_of

sid = SessionId.parse(SID)
keys = SessionKeys(SID)
LATE = [f"config.late{number}" for number in range(5)]
BY_LATE = RunQuery(ordering="-config.late3")


def put(*records: dict[str, object]) -> None:
    BotRegistry().put_many(sid, [RunWrite.parse(record) for record in records])


def put_late(first: int, last: int) -> None:
    """Write runs with the same few fields."""
    put(*(run(f"late-{n}", 1.0, configuration={f"late{k}": n for k in range(5)}) for n in range(first, last)))


@pytest.fixture
def crowded(store: redis.Redis) -> redis.Redis:
    """A session whose first runs have so many fields that no column is left for those of the others."""
    put(*(run(f"run-{n}", 1.0, configuration={f"p{20 * n + k:03}": k for k in range(20)}) for n in range(30)))
    put_late(0, 40)
    return store


def columns(store: redis.Redis) -> set[str]:
    return {name.decode() for name in store.smembers(keys.table(generation_of()).name("columns"))}


def wait_until_chosen() -> None:
    deadline = time.monotonic() + 10
    while any(thread.name.endswith(" columns") for thread in threading.enumerate()) and time.monotonic() < deadline:
        time.sleep(0.01)


def test_the_commonest_fields_get_their_columns_without_anybody_rebuilding(
    crowded: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not columns(crowded).intersection(LATE)
    for ask in (
        lambda: BotRegistry().page(sid, BY_LATE),
        lambda: BotRegistry().count(sid, RunQuery(bounds=(Bound("config.late3", 1.0),))),
        lambda: BotRegistry().count(sid, RunQuery(where=parse("profit > 0 and config.late3 > 1"))),
        lambda: field_list(sid, RunQuery(), fields=["config.late3"]),
    ):
        with monkeypatch.context() as patch, pytest.raises(InvalidParameter, match="has no column: .*ing chosen anew"):
            patch.setattr(choosing, "_choose_in_background", lambda which: None)
            ask()
    with pytest.raises(InvalidParameter, match="At character 1 .*: 'config.late3' has no column"):
        BotRegistry().count(sid, RunQuery(where=parse("config.late3 > 1")))
    # Of a row and of a file it can be a part all the same.
    wanted = ("profit", "config.late3")
    check_fields(sid, wanted, KNOWN_FIELDS)
    with closing(Export(sid, RunQuery(ordering="lastUpdated"), Wanted("ndjson", wanted), facts={})) as export:
        lines = [json.loads(line) for line in b"".join(export).splitlines()]
    assert {line["configHash"]: line["config.late3"] for line in lines if line["config.late3"] is not None} == {
        f"late-{n}": n for n in range(40)
    }
    with pytest.raises(InvalidParameter, match="no run of this session has a field 'config.lat'"):
        check_fields(sid, ("config.lat",), KNOWN_FIELDS)
    wait_until_chosen()
    assert columns(crowded).issuperset(LATE) and len(columns(crowded)) <= MOST_COLUMNS
    assert BotRegistry().page(sid, BY_LATE, limit=2).hashes == ["late-39", "late-38"]
    answer = field_list(sid, RunQuery())
    counts = {one["name"]: one["count"] for one in answer["fields"]}
    assert (counts["config.late0"], answer["choice"]) == (40, "settled")
    assert answer["omittedCount"] == left_out(sid).fields == 600 - (len(columns(crowded)) - 5 - 4)
    assert check(sid) == []


def test_it_is_seen_that_it_may_be_wrong_again(crowded: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose(sid) and not choose(sid)
    # All fields left out are in one run, as is the rarest that has a column: one more may be another choice.
    assert left_out(sid) == (left_out(sid).fields, False, generation_of())
    before = generation_of()
    put(*(run(f"more-{n}", 1.0, configuration={"p000": 1, "new": n}) for n in range(3)))
    assert left_out(sid).is_pending and "config.new" not in columns(crowded)
    # It has just been done, and rests.
    assert field_list(sid, RunQuery())["choice"] == "pending" and not choose(sid)
    wait_until_chosen()
    assert generation_of() == before
    monkeypatch.setattr(choosing, "LEAST_REST_MS", 0)
    monkeypatch.setattr(choosing, "WORKED", 0)
    assert choose(sid) and "config.new" in columns(crowded)
    with pytest.raises(InvalidParameter, match="`bots/fields` lists"):
        omitted = field_list(sid, RunQuery())["omitted"][0]
        BotRegistry().page(sid, RunQuery(ordering=omitted))


def test_a_choice_that_still_holds_is_left_alone(store: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "LEAST_REST_MS", 0)
    monkeypatch.setattr(choosing, "WORKED", 0)
    monkeypatch.setattr(choosing, "_choose_in_background", lambda which: None)
    # With status, time and the profit by two names these are as many as there are columns.
    often, seldom = {f"p{n:03}": 1 for n in range(476)}, {f"q{n:02}": 1 for n in range(40)}
    put(
        run("seldom", 1.0, configuration=often | seldom), *(run(f"run-{n}", 1.0, configuration=often) for n in range(9))
    )
    assert choose(sid) and left_out(sid).fields > 0
    # The rarest column is nine runs ahead: four changes cannot make another choice, five may.
    put(*(run(f"more-{n}", 1.0, configuration=seldom) for n in range(4)))
    assert not left_out(sid).is_pending and not choose(sid)
    put(run("more-4", 1.0, configuration=seldom))
    assert left_out(sid).is_pending and choose(sid)


def test_one_process_chooses_at_a_time_and_none_while_the_indexes_are_built(crowded: redis.Redis) -> None:
    before, other = generation_of(), BuilderLease(keys.index("builder"))
    assert other.hold() is None
    assert not choose(sid) and left_out(sid).is_pending
    wait_until_chosen()
    assert generation_of() == before
    other.release()
    workers = [threading.Thread(target=left_out, args=(sid,)) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    wait_until_chosen()
    after = generation_of()
    assert after != before and left_out(sid).is_pending is False and generation_of() == after


@pytest.mark.slow
def test_one_that_is_killed_is_done_again_and_leaves_nothing(real_store: redis.Redis, redis_server: str) -> None:
    rng = random.Random(5)
    put(*(run(f"run-{n}", 1.0, configuration={f"p{20 * n + k:03}": k for k in range(20)}) for n in range(30)))
    put_late(0, 400)
    length = seconds_of(redis_server, choose)
    killed = 0
    for _ in range(8):
        real_store.hdel(keys.index("stats"), "chosen")
        killed += kill_after(begin(redis_server, choose), rng.random() * length)
        assert BotRegistry().page(sid, RunQuery(), limit=1).count == 430
        assert BotRegistry().page(sid, BY_LATE, limit=1).hashes == ["late-399"]
    assert killed
    real_store.hdel(keys.index("stats"), "chosen")
    left_out(sid)
    wait_until_chosen()
    assert not left_out(sid).is_pending and check(sid) == []
    table, kept = keys.table(generation_of()).prefix, (f"session:{SID}:table:", f"session:{SID}:next:")
    names = [key.decode() for key in real_store.scan_iter(f"session:{SID}:*")]
    assert [name for name in names if name.startswith(kept) and not name.startswith(table)] == []
    real_store.hdel(keys.index("stats"), "chosen")
    kill_after(begin(redis_server, choose), 0.7 * length)
    SessionRegistry().delete(sid)
    assert [key for key in real_store.scan_iter(f"*{SID}*") if not key.endswith(b":builder")] == []


def test_a_session_deleted_meanwhile_stays_deleted(crowded: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*args: object) -> int:
        SessionRegistry().delete(sid)
        monkeypatch.undo()
        return 0

    monkeypatch.setattr("bots_app.deriving._load", load)
    choose(sid)
    assert list(crowded.scan_iter(f"*{SID}*")) == []


@pytest.mark.parametrize("seed", range(20))
def test_the_most_frequent_are_kept_and_the_gap_is_by_how_much(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng, most = random.Random(seed), 25
    monkeypatch.setattr(kept_columns, "MOST_COLUMNS", most + RESERVED)
    kept, counts = KeptColumns(), Counter[str]()
    for _ in range(50):
        found = Counter(f"f{int(rng.expovariate(0.05))}" for _ in range(rng.randrange(1, 30)))
        counts.update(found)
        kept.count(found)
    kept.settle()
    names = {name for name in counts if kept.has(name)}
    others = counts.keys() - names
    assert len(names) == min(most, len(counts)) and set(kept.omitted()) == set(sorted(others)[:MOST_OMITTED])
    if others:
        assert kept.gap == min(counts[name] for name in names) - max(counts[name] for name in others) >= 0
