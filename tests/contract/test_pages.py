"""One nasty session, walked forward and back under every filter and order, and what a cursor promises meanwhile."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from bots_app.query import ORDERINGS, RunQuery
from bots_app.registry import BotRegistry
from bots_app.run_page import RunPage
from bots_app.writing import RunWrite
from dashboard.errors import CursorInvalid, SessionNotFound
from sessions_app.records import SessionId
from tests.contract.model import SID, Model, Record, run, tag, write_foreign

START = 1_700_000_000_000
PAIR = ("failed", "running")
STATUSES = [(), ("completed",), PAIR, ("completed", "odd:profit", "nothing"), ("nothing",)]
RANGES = [(None, None), (0.0, None), (None, -0.0), (100.0, 100.0), (-5.0, 20.0), (1e300, None), (-1e308, 1e308)]
SIZES = (1, 7, 50)
sid = SessionId.parse(SID)
page = BotRegistry().page


def nasty() -> list[Record]:
    """Return runs of equal, missing, negative, tiny and huge profits, of equal and missing times, of odd names."""
    names = ["a", "A", "aa", "a-1", "a-10", "a-2", "ä", "z", "~", "0", "00", "é", "Ω", "😀", "a b"]
    profits = (
        [100.0] * 12 + [None] * 8 + [0.0, -0.0, 0.0, -0.0, 5e-324, -1e-9, 1e-9, 20.0, -5.0, -5.0, 0.1, 0.1 + 2**-56]
    )
    profits += [1e300, 1e15, -1e300, 1.7e308, -2.5, 3, 3.0]
    statuses = itertools.cycle(["completed", "completed", "failed", "completed", "running", "odd:profit", "failed"])
    times = itertools.cycle([START, START, START + 1, None, START - 5_000, START + 1])
    found = [
        run(names[place] if place < len(names) else f"run-{place}", profit, next(statuses), updated=next(times))
        for place, profit in enumerate(profits)
    ]
    random.Random(7).shuffle(found)
    return found


@pytest.fixture
def model(store: redis.Redis) -> Model:
    """The nasty session: undated runs by another program, all others by us."""
    records = nasty()
    write_foreign(SID, [record for record in records if "lastUpdated" not in record])
    BotRegistry().put_many(sid, [RunWrite.parse(record) for record in records if "lastUpdated" in record])
    return Model(records)


def walk(query: RunQuery, limit: int, *, cursor: str | None = None, backward: bool = False) -> Iterator[RunPage]:
    """Yield the pages from a cursor on, at most 1,000 of them."""
    for _ in range(1_000):
        found = page(sid, query, cursor=cursor, limit=limit)
        yield found
        cursor = found.previous_cursor if backward else found.next_cursor
        if cursor is None:
            return
    pytest.fail("the walk does not end")


def assert_walks(model: Model, query: RunQuery, limit: int, *, ranks: bool = True) -> None:
    """Assert every page of a walk to the end and back, and that each row is that of its record."""
    wanted = model.ordered(query)
    pages = list(walk(query, limit))
    assert len(pages) == max(1, -(-len(wanted) // limit))
    for number, found in enumerate(pages):
        assert found.hashes == wanted[number * limit : (number + 1) * limit]
        assert (found.count, found.stale) == (len(wanted), False)
        assert (found.previous_cursor is None) == (number == 0)
        assert (found.last_cursor is None) == (number == len(pages) - 1)
        if ranks:
            assert found.first_rank == (number * limit + 1 if found.hashes else None)
        for row in found.decoded():
            record = model.records[row["configHash"]]
            assert (row["status"], row["lastUpdated"]) == (record["status"], record.get("lastUpdated"))
    if len(pages) == 1:
        return
    back = list(walk(query, limit, cursor=pages[-1].previous_cursor, backward=True))
    assert [found.hashes for found in back[::-1]] == [found.hashes for found in pages[:-1]]
    if ranks:
        assert [found.first_rank for found in back[::-1]] == [found.first_rank for found in pages[:-1]]
    from_the_end = list(walk(query, limit, cursor=pages[0].last_cursor, backward=True))
    assert from_the_end[0].hashes == wanted[-limit:] and from_the_end[0].next_cursor is None
    assert [name for found in from_the_end[::-1] for name in found.hashes] == wanted
    assert len(from_the_end) == len(pages)


@pytest.mark.parametrize("bounds", RANGES, ids=str)
@pytest.mark.parametrize("statuses", STATUSES, ids=lambda value: "+".join(value) or "all")
def test_every_list_is_walked_whole_both_ways(
    model: Model, statuses: tuple[str, ...], bounds: tuple[float | None, float | None]
) -> None:
    for ordering in ORDERINGS:
        for size in SIZES:
            assert_walks(model, RunQuery(statuses, *bounds, ordering), size)


def test_a_session_without_runs_has_one_empty_page(store: redis.Redis) -> None:
    with pytest.raises(SessionNotFound):
        page(sid, RunQuery())
    BotRegistry().put(sid, RunWrite.parse(run("a")))
    BotRegistry().delete(sid, "a")
    for statuses, ordering in itertools.product(STATUSES, ORDERINGS):
        found = page(sid, RunQuery(statuses, ordering=ordering))
        assert (found.rows, found.count, found.first_rank, found.stale) == ([], 0, None, False)
        assert (found.next_cursor, found.previous_cursor, found.last_cursor) == (None, None, None)


def test_the_page_is_the_same_bytes_however_it_is_reached(model: Model) -> None:
    first, second, *_ = walk(RunQuery(), 5)
    again = page(sid, RunQuery(), cursor=second.previous_cursor, limit=5)
    assert again.rows == first.rows and again.first_rank == first.first_rank
    assert page(sid, RunQuery(), limit=5).etag == first.etag != second.etag
    BotRegistry().put(sid, RunWrite.parse(run(first.hashes[0], 1.0)))
    assert page(sid, RunQuery(), limit=5).etag != first.etag


def test_a_cursor_of_another_list_is_refused(model: Model) -> None:
    cursor = page(sid, RunQuery(), limit=3).next_cursor
    others = [RunQuery(ordering="profit"), RunQuery(("completed",)), RunQuery(min_profit=-1e308)]
    for query in others:
        with pytest.raises(CursorInvalid):
            page(sid, query, cursor=cursor)
    BotRegistry().put(SessionId.parse("X:1h:1:2"), RunWrite.parse(run("a")))
    with pytest.raises(CursorInvalid):
        page(SessionId.parse("X:1h:1:2"), RunQuery(), cursor=cursor)
    assert page(sid, RunQuery(), cursor=cursor, limit=3).first_rank == 4


def delete(model: Model, name: str) -> None:
    BotRegistry().delete(sid, name)
    del model.records[name]


def put(model: Model, record: Record) -> None:
    BotRegistry().put(sid, RunWrite.parse(record))
    model.records[record["configHash"]] = record


CHANGES: dict[str, Callable[[Model, RunPage, RunPage], None]] = {
    "its run is deleted": lambda model, first, _: delete(model, first.hashes[-1]),
    "its run moves to the top": lambda model, first, _: put(model, run(first.hashes[-1], 1.75e308, updated=START * 2)),
    "its run moves to the end": lambda model, first, _: put(model, run(first.hashes[-1], -1.75e308, updated=1)),
    "its run loses its profit": lambda model, first, _: put(model, run(first.hashes[-1], updated=START)),
    "the page before is deleted": lambda model, first, _: [delete(model, name) for name in first.hashes],
    "both pages are deleted": lambda model, *pages: [delete(model, name) for found in pages for name in found.hashes],
}


@pytest.mark.parametrize("ordering", ORDERINGS)
@pytest.mark.parametrize("change", CHANGES)
def test_a_cursor_goes_on_at_its_place(model: Model, change: str, ordering: str) -> None:
    query = RunQuery(ordering=ordering)
    before = model.ordered(query)
    first, second, third, *_ = walk(query, 4)
    CHANGES[change](model, first, second)
    moved = set(first.hashes[-1:])
    wanted = [name for name in before[4:] if name in model.records and name not in moved]
    rest = [name for found in walk(query, 4, cursor=first.next_cursor) for name in found.hashes]
    assert [name for name in rest if name not in moved] == wanted
    back = [found.hashes for found in walk(query, 4, cursor=third.previous_cursor, backward=True)]
    names = [name for found in back[::-1] for name in found]
    assert [name for name in names if name not in moved] == [
        name for name in before[:8] if name in model.records and name not in moved
    ]
    assert page(sid, query, cursor=first.next_cursor).count == len(model.records)


def test_a_cursor_outlives_every_other_run(model: Model) -> None:
    for ordering in ORDERINGS:
        query = RunQuery(ordering=ordering)
        assert page(sid, query, limit=5).next_cursor
    cursors = {name: page(sid, RunQuery(ordering=name), limit=5).next_cursor for name in ORDERINGS}
    for name in list(model.records):
        delete(model, name)
    for ordering, cursor in cursors.items():
        found = page(sid, RunQuery(ordering=ordering), cursor=cursor, limit=5)
        assert (found.rows, found.count, found.next_cursor, found.previous_cursor) == ([], 0, None, None)
    put(model, run("new", 1e308, updated=START * 2))
    found = page(sid, RunQuery(), cursor=cursors["-profit"], limit=5)
    assert found.rows == [] and found.next_cursor is None
    assert page(sid, RunQuery(), cursor=found.previous_cursor, limit=5).hashes == ["new"]


@pytest.mark.parametrize("ordering", ORDERINGS)
@pytest.mark.parametrize("bounds", [(None, None), (-1e301, 1e301)], ids=str)
def test_steady_runs_are_met_exactly_once_whatever_is_written(
    model: Model, ordering: str, bounds: tuple[float | None, float | None]
) -> None:
    rng = random.Random(ordering)
    for statuses in ((), PAIR):
        query = RunQuery(statuses, *bounds, ordering)
        for is_backward in (False, True):
            steady = set(rng.sample(sorted(model.ordered(query)), len(model.ordered(query)) // 2))
            first = page(sid, query, limit=3)
            cursor = first.last_cursor if is_backward else None
            met: list[str] = []
            for found in walk(query, 3, cursor=cursor, backward=is_backward):
                met += found.hashes
                is_last = (found.previous_cursor if is_backward else found.next_cursor) is None
                assert len(found.hashes) == 3 or is_last
                disturb(model, rng, steady)
            assert sorted(name for name in met if name in steady) == sorted(steady)
            order = met if not is_backward else None
            if order:
                wanted = [name for name in model.ordered(query) if name in steady]
                assert [name for name in order if name in steady] == wanted


def disturb(model: Model, rng: random.Random, steady: set[str]) -> None:
    """Delete, move and add runs that are not steady; at most a dozen at a time stay, so that a walk can end."""
    others = sorted(model.records.keys() - steady)
    for name in rng.sample(others, min(2, len(others))):
        delete(model, name)
    if others[2:]:
        name = rng.choice(sorted(model.records.keys() - steady) or others[:1])
        put(model, run(name, rng.choice([None, 100.0, rng.gauss(0, 50)]), updated=START + rng.randrange(-3, 4)))
    if len(others) < 12:
        status = rng.choice(["completed", *PAIR])
        put(model, run(f"new-{rng.randrange(10**6)}", rng.choice([None, 100.0]), status, updated=START))


STALE: dict[str, tuple[tuple[str, ...], Callable[[Any, str], object]]] = {
    "a run that only the fixed set names": ((), lambda store, key: store.sadd(f"{key}bots", "theirs")),
    "a run that the fixed set lost": ((), lambda store, key: store.srem(f"{key}bots", "a")),
    "a profit of a run nobody indexed": ((), lambda store, key: store.zadd(f"{key}bots:profit", {"theirs": 3.5})),
    "a profit that was lost": ((), lambda store, key: store.zpopmax(f"{key}bots:profit")),
    "a run of the status": (("failed",), lambda store, key: store.sadd(f"{key}bots:status:failed", "theirs")),
    "a run that the status lost": (("failed",), lambda store, key: store.spop(f"{key}bots:status:failed")),
}


@pytest.mark.parametrize("what", STALE)
@pytest.mark.parametrize("ordering", ORDERINGS)
def test_indexes_of_different_sizes_are_told(model: Model, store: redis.Redis, what: str, ordering: str) -> None:
    statuses, change = STALE[what]
    query = RunQuery(statuses, ordering=ordering)
    assert b'"stale"' not in page(sid, query).body()
    change(store, f"session:{tag(SID)}:")
    found = page(sid, query)
    assert found.stale and found.body().endswith(b'"stale":true}')
    assert not page(sid, RunQuery(("completed",), ordering=ordering), limit=1).stale or not statuses


def test_a_run_without_a_derived_row_is_shown_from_its_record(model: Model, store: redis.Redis) -> None:
    theirs = run("theirs", 1.6e308, "running", updated=START)
    write_foreign(SID, [theirs])
    store.sadd(f"session:{tag(SID)}:bots", "lost")
    store.sadd(f"session:{tag(SID)}:bots:status:failed", "lost")
    store.zadd(f"session:{tag(SID)}:bots:profit", {"lost": 1.75e308})
    lost, *_, row = page(sid, RunQuery(), limit=3).decoded()
    assert (row["configHash"], row["profit"], row["status"]) == ("theirs", 1.6e308, "running")
    assert (lost["configHash"], lost["profit"], lost["status"]) == ("lost", None, "failed")
    assert lost["unreadable"] == "no record is stored under its key"
