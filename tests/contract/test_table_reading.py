"""Queries over a sweep table that is written all the while: each answer is that of one state, and of no older one."""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import redis

from bots_app.expressions import parse
from bots_app.query import Bound, RunQuery
from bots_app.table import columns, derived, session_table
from bots_app.table.memory import TableMemory
from bots_app.table.ordering import TablePosition
from bots_app.table.query import (
    TablePage,
    aggregate_of_query,
    fields_of_query,
    page_of,
    rank_of,
    start_of,
)
from bots_app.table.session_table import SessionGone, SessionTable
from bots_app.table.snapshot import UnknownField
from bots_app.table.values import from_stored
from bots_app.table_lists import start_in
from dashboard.errors import CursorInvalid, InvalidParameter, Unavailable
from dashboard.store import cursor
from dashboard.store import table as store_table
from dashboard.store.pages import NotBuilt
from dashboard.store.table import ChangedRows, read_table
from tests.contract import naive_table
from tests.contract.naive_table import NaiveTable, matching

SID = "BTCUSDT:1h:1:2"
MIXED = [None, 1.5, -0.0, 2, "fast", "slow", True, False, "", "Ünï", "z" * 70]


@pytest.fixture(autouse=True)
def _small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have many segments of few rows."""
    for module in (columns, derived, naive_table, store_table):
        monkeypatch.setattr(module, "SEGMENT_ROWS", 16)


@pytest.fixture
def table(store: redis.Redis) -> NaiveTable:
    return NaiveTable(store, SID)


def fields(rng: random.Random) -> dict[str, Any]:
    found = {
        "status": rng.choice(["completed", "failed", "running"]),
        "profit": rng.choice([None, 0.0, -0.0, 1.0, -3.5, rng.gauss(0, 10)]),
        "sharpe": rng.choice([None, 1, 2, 3]),
        "config.mode": rng.choice(MIXED),
        "config.kind": rng.choice(["a", "b", None]),
    }
    return {name: value for name, value in found.items() if value is not None}


def queries(rng: random.Random) -> RunQuery:
    names = ["profit", "sharpe", "config.mode", "config.kind", "status", "lastUpdated"]
    order = ",".join(rng.choice(["", "-"]) + name for name in rng.sample(names, rng.choice([1, 1, 2])))
    return RunQuery(
        statuses=tuple(rng.sample(["completed", "failed", "none"], rng.choice([0, 0, 1, 2]))),
        min_profit=rng.choice([None, None, 0.0, -3.5]),
        ordering=order,
        bounds=tuple([Bound("sharpe", 1, 2)] if rng.random() < 0.3 else []),
    )


def page(memory: TableMemory, query: RunQuery, **options: Any) -> TablePage:
    with memory.snapshot(naive_table.SessionKeys(SID), fields_of_query(query)) as snapshot:
        return page_of(snapshot, query, **options)


def through_a_cursor(position: TablePosition | None) -> TablePosition | None:
    """Return a position as it comes back from who was given it."""
    if position is None:
        return None
    text = cursor.encode(position.pack(), scope="list")
    return TablePosition.unpack(cursor.decode(text, scope="list"))


def walk(memory: TableMemory, query: RunQuery, limit: int) -> Iterator[TablePage]:
    found = page(memory, query, limit=limit)
    yield found
    while position := through_a_cursor(found.next()):
        found = page(memory, query, limit=limit, position=position)
        yield found


@pytest.mark.parametrize("seed", range(4))
def test_every_answer_is_that_of_looking_at_every_run(table: NaiveTable, seed: int) -> None:
    rng, memory = random.Random(seed), TableMemory(2**30)
    names = [f"run-{number}" for number in range(60)] + [f"a-run-of-a-long-name-{number}" for number in range(20)]
    table.change({name: fields(rng) for name in names})
    for _ in range(40):
        changed = {name: fields(rng) for name in rng.sample(names, rng.choice([0, 1, 5]))}
        gone = rng.sample(sorted(table.runs), rng.choice([0, 0, 3]))
        table.change(changed | dict.fromkeys(gone))
        query = queries(rng)
        wanted = matching(table.runs, query)
        limit = rng.choice([1, 7, 200])
        pages = list(walk(memory, query, limit))
        assert [one for found in pages for one in found.hashes] == wanted
        assert {found.count for found in pages} == {len(wanted)}
        assert [found.preceding for found in pages] == list(range(0, max(1, len(wanted)), limit))
        for before, after in pairwise(pages):
            back = page(memory, query, limit=limit, position=through_a_cursor(after.previous()))
            assert (back.hashes, back.preceding) == (before.hashes, before.preceding)
        assert page(memory, query, limit=3, position=TablePosition(backward=True)).hashes == wanted[-3:]
        assert pages[-1].revision == table.revision


def test_what_is_held_is_read_again_only_where_it_has_changed(
    table: NaiveTable, redis_calls: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory, query = TableMemory(2**30), RunQuery(min_profit=0.0, ordering="-sharpe")
    rng = random.Random(1)
    table.change({f"run-{number}": fields(rng) for number in range(100)})
    page(memory, query)
    assert redis_calls.of(lambda: page(memory, query)) == 1
    for number in (3, 99):
        table.change({f"run-{number}": {"profit": 1e6, "sharpe": 9.0, "status": "completed"}})
        assert redis_calls.of(lambda: page(memory, query)) == 1
        assert page(memory, query).hashes[0] in ("run-3", "run-99")
    assert page(memory, query, limit=2).hashes == ["run-99", "run-3"]
    # More than may be told at once: the segments are read one by one, then what has changed meanwhile.
    monkeypatch.setattr(session_table, "MOST_SEGMENTS", 2)
    table.change({f"run-{number}": {"profit": 5.0, "sharpe": float(number)} for number in range(100)})
    assert redis_calls.of(lambda: page(memory, query)) > 2
    assert page(memory, query, limit=100).hashes == matching(table.runs, query)


def test_few_rows_far_apart_are_read_one_by_one(table: NaiveTable) -> None:
    names = [f"run-{number}" for number in range(100)]

    def changed_since(revision: int) -> ChangedRows | None:
        reply = read_table(
            table.keys, generation=table.generation, revision=revision, names=0, fields=["profit", "late"], most=128
        )
        assert reply is not None
        assert reply.is_whole
        assert (reply.changed_rows is None) == bool(reply.pieces)
        return reply.changed_rows

    table.change({name: {"profit": 1.0} for name in names})
    many = table.revision
    assert changed_since(many - 1) is None  # all of them: by segments
    table.change({"run-3": {"profit": 2.0}, "run-90": {"profit": 3.0, "late": 4.0}})
    two = table.revision
    table.change({"run-3": None})
    found = changed_since(many)
    assert found is not None
    assert sorted(found.rows) == [3, 90]
    values = dict(zip(found.rows, from_stored(found.values[0]).tolist(), strict=True))
    late = dict(zip(found.rows, from_stored(found.values[1]).tolist(), strict=True))
    assert (values, late[90]) == ({3: 2.0, 90: 3.0}, 4.0)
    assert math.isnan(late[3])
    hashes = dict(zip(found.rows, [found.hashes[:16], found.hashes[16:]], strict=True))
    assert hashes == {3: bytes(16), 90: b"run-90".ljust(16, b"\0")}
    found = changed_since(two)
    assert found is not None
    assert found.rows == [3]
    # What came before the oldest row of the log is not known row by row.
    for name in names[10:50]:
        table.change({name: {"profit": 9.0}})
    assert changed_since(two) is None


def test_a_table_that_was_built_anew_or_has_gone_back_is_read_anew(table: NaiveTable) -> None:
    memory, query = TableMemory(2**30), RunQuery()
    table.change({f"run-{number}": {"profit": float(number)} for number in range(40)})
    assert page(memory, query, limit=1).hashes == ["run-39"]
    table.begin("g2")
    table.change({"other": {"profit": 1.0}})
    assert page(memory, query).hashes == ["other"]
    table.change({"third": {"profit": 7.0}, "other": {"profit": 2.0}})
    assert page(memory, query).hashes == ["third", "other"]
    # A server that has lost its last writes.
    table.revision -= 100
    table.change({"third": {"profit": 0.0}})
    assert page(memory, query).hashes == ["other", "third"]


def test_a_session_that_is_not_there_or_not_built_is_held_no_more(store: redis.Redis) -> None:
    memory = TableMemory(2**30)
    with pytest.raises(SessionGone):
        page(memory, RunQuery())
    table = NaiveTable(store, SID)
    assert page(memory, RunQuery()).count == 0
    table.change({"run": {"profit": 1.0}})
    assert page(memory, RunQuery()).hashes == ["run"]
    store.hset(table.keys.index("stats"), "built", 1)
    with pytest.raises(NotBuilt) as caught:
        page(memory, RunQuery())
    assert caught.value.cardinality == 1
    assert memory.nbytes == 0
    store.flushall()
    with pytest.raises(SessionGone):
        page(memory, RunQuery())


def test_a_table_that_lacks_runs_says_so(table: NaiveTable, store: redis.Redis) -> None:
    memory = TableMemory(2**30)
    table.change({"run": {"profit": 1.0}})
    assert not page(memory, RunQuery()).stale
    store.sadd(table.keys.bots, "foreign")
    assert page(memory, RunQuery()).stale


def test_fields_that_no_run_has_are_refused_with_the_name_that_may_be_meant(table: NaiveTable) -> None:
    memory = TableMemory(2**30)
    table.change({"run": {"profit": 1.0, "config.fast": 3.0, "gone": 1.0}, "other": {"config.fast": 4.0}})
    table.change({"run": {"profit": 1.0, "config.fast": 3.0}})
    for query, parameter, hint in (
        (RunQuery(ordering="-config.fats"), "ordering", "config.fast"),
        (RunQuery(bounds=(Bound("config.fas", None, 2.0),)), "max.config.fas", "config.fast"),
        (RunQuery(bounds=(Bound("gone", 1.0),)), "min.gone", "gone"),
    ):
        with pytest.raises(UnknownField) as caught:
            page(memory, query)
        assert caught.value.name == parameter
        assert hint in str(caught.value)
    with pytest.raises(InvalidParameter, match=r"where: .*config\.fast") as refused:
        page(memory, RunQuery(where=parse("profit > 0 and config.fats > 1")))
    assert refused.value.name == "where"
    # What every list knows is known without a value.
    assert page(memory, RunQuery(ordering="sharpe")).count == 2
    assert page(memory, RunQuery(bounds=(Bound("maxDrawdown", 0.0),))).count == 0


def test_expressions_are_evaluated_and_follow_changes(table: NaiveTable) -> None:
    memory = TableMemory(2**30)
    query = RunQuery(where=parse("sharpe > 1 and not config.mode = 'slow'"), ordering="sharpe")
    table.change({f"run-{number}": {"sharpe": float(number % 5), "config.mode": "slow"} for number in range(100)})
    assert page(memory, query).count == 0
    table.change({"run-7": {"sharpe": 2.0, "config.mode": "fast"}, "run-90": {"sharpe": 3.0}})
    assert page(memory, query).hashes == ["run-7", "run-90"]


def test_a_rank_and_a_page_that_begins_there(table: NaiveTable) -> None:
    memory, query = TableMemory(2**30), RunQuery(("completed",), ordering="-config.mode,profit")
    rng = random.Random(5)
    table.change({f"run-{number}": fields(rng) for number in range(90)})
    wanted = matching(table.runs, query)
    with memory.snapshot(table.keys, fields_of_query(query)) as snapshot:
        for rank, config_hash in enumerate(wanted, 1):
            assert rank_of(snapshot, query, config_hash) == (rank, len(wanted))
            found = page_of(snapshot, query, start=rank, limit=4)
            assert (found.hashes, found.preceding) == (wanted[rank - 1 : rank + 3], rank - 1)
        outside = next(one for one in table.runs if one not in wanted)
        assert rank_of(snapshot, query, outside) == rank_of(snapshot, query, "no such run") == (None, len(wanted))
        found = page_of(snapshot, query, start=len(wanted) + 1)
        assert (found.hashes, found.has_next, found.has_previous) == ([], False, True)
    assert page(memory, query, position=found.previous(), limit=2).hashes == wanted[-2:]
    shares = [start_in(f"{percentile}%") for percentile in (100, 50, 1, 0)]
    assert [start_of(share, 200) for share in shares if isinstance(share, Fraction)] == [1, 101, 199, 201]
    # Shares that no double holds.
    assert [start_of(start_in(text), 1000) for text in ("99.9%", "90%", "99.7%")] == [2, 101, 4]


def test_texts_without_a_label_are_refused_as_an_order_and_can_be_compared(table: NaiveTable) -> None:
    memory, long = TableMemory(2**30), "x" * 300
    table.change({"run": {"config.note": long}, "other": {"config.note": "short"}})
    with pytest.raises(InvalidParameter, match="config.note cannot be ordered by"):
        page(memory, RunQuery(ordering="config.note"))
    assert page(memory, RunQuery(where=parse(f"config.note = '{long}'"))).hashes == ["run"]


def test_a_cursor_of_another_kind_or_order_is_refused(table: NaiveTable) -> None:
    memory = TableMemory(2**30)
    table.change({"run": {"profit": 1.0, "config.mode": "slow"}})
    for packed in ([0, 1, "1.0", "run", None], {}, [2, [], ""]):
        with pytest.raises(CursorInvalid):
            TablePosition.unpack(packed)
    with pytest.raises(CursorInvalid):
        page(memory, RunQuery(), position=TablePosition((1.0, 2.0), b"run"))
    with pytest.raises(CursorInvalid):
        page(memory, RunQuery(ordering="config.mode"), position=TablePosition(([5],), b"run"))


def test_figures_over_what_matches(table: NaiveTable) -> None:
    memory, query = TableMemory(2**30), RunQuery(excluded=("failed",), ordering="-profit")
    rng = random.Random(6)
    table.change({f"run-{number}": fields(rng) for number in range(90)})
    runs = {name: table.runs[name] for name in matching(table.runs, query)}
    profits = sorted((found["profit"], name) for name, found in runs.items() if "profit" in found)
    with memory.snapshot(table.keys, fields_of_query(query) | {"status"}) as snapshot:
        answer = aggregate_of_query(snapshot, query)
    values = [profit for profit, _ in profits]
    assert (answer["worstProfit"], answer["worstConfigHash"]) == min(profits)
    assert (answer["bestProfit"], answer["bestConfigHash"]) == max(profits)
    assert answer["count"] == len(runs) == sum(answer["countByStatus"].values())
    assert answer["avgProfit"] == pytest.approx(np.mean(values), rel=1e-12)
    assert answer["medianProfit"] == np.median(values)
    assert answer["stdProfit"] == pytest.approx(np.std(values, ddof=1), rel=1e-12)


def test_hashes_that_are_too_long_for_their_place_are_listed_and_ordered(table: NaiveTable) -> None:
    memory, query = TableMemory(2**30), RunQuery(ordering="sharpe")
    names = [f"a-name-of-many-letters-{number:03}" for number in range(50)]
    table.change({name: {"sharpe": 1.0} for name in names[:40]})
    assert page(memory, query, limit=100).hashes == names[:40]
    table.change({names[3]: None, names[45]: {"sharpe": 1.0}, "a-name": {"sharpe": 1.0}})
    assert page(memory, query, limit=100).hashes == matching(table.runs, query)
    assert page(memory, RunQuery(ordering="-sharpe"), limit=2).hashes == [names[45], names[39]]


def test_a_table_written_too_quickly_to_be_read_is_an_error_that_says_so(
    table: NaiveTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.change({f"run-{number}": {"profit": 1.0} for number in range(40)})
    monkeypatch.setattr(session_table, "ATTEMPTS", 1)
    with pytest.raises(Unavailable, match="too quickly"):
        page(TableMemory(2**30), RunQuery())


def test_queries_among_writes_see_one_state_each_and_no_old_one(real_store: redis.Redis) -> None:
    table, memory, rng = NaiveTable(real_store, SID), TableMemory(2**30), random.Random(9)
    names = [f"run-{number}" for number in range(300)]
    table.change({name: fields(rng) for name in names})
    states, written, is_over = {table.revision: dict(table.runs)}, [table.revision], threading.Event()
    wrong: list[str] = []

    def write() -> None:
        for _ in range(250):
            changed = {name: fields(rng) for name in rng.sample(names, 4)}
            gone = rng.sample(sorted(set(table.runs) - set(changed)), 1)
            both = changed | dict.fromkeys(gone)
            after = {name: found for name, found in (table.runs | both).items() if found is not None}
            states[table.revision + len(both)] = after
            table.change(both)
            written.append(table.revision)
        is_over.set()

    def read(seed: int) -> None:
        own = random.Random(seed)
        while not is_over.is_set():
            query, least = queries(own), written[-1]
            found = page(memory, query, limit=20)
            wanted = matching(states[found.revision], query)
            if found.revision < least or (found.hashes, found.count) != (wanted[:20], len(wanted)):
                wrong.append(f"{query}: {found} instead of {wanted[:20]}, at least {least}")
                return

    threads = [threading.Thread(target=write), *(threading.Thread(target=read, args=(seed,)) for seed in range(4))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []
    assert is_over.is_set()


def test_threads_that_want_the_same_wait_instead_of_loading_twice(
    table: NaiveTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.change({f"run-{number}": {"profit": float(number)} for number in range(100)})
    loads, inside = [], SessionTable._load

    def load(self: SessionTable, name: str, *rest: Any) -> None:
        loads.append(name)
        inside(self, name, *rest)

    monkeypatch.setattr(SessionTable, "_load", load)
    memory = TableMemory(2**30)
    threads = [threading.Thread(target=page, args=(memory, RunQuery())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert loads == ["profit"]
