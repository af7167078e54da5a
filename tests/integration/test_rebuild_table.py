"""The sweep table that a rebuild makes: what writers would have made, exchanged with the indexes, whoever works."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import redis

from bots_app import building
from bots_app import rebuild as rebuilding
from bots_app.building import Build
from bots_app.check import check
from bots_app.loading import Loader
from bots_app.rebuild import rebuild
from bots_app.registry import BotRegistry
from bots_app.sweep import sweep
from bots_app.synthetic import records as synthetic_records
from bots_app.table import kept_columns
from bots_app.writing import RunWrite
from dashboard.store.client import client, override
from dashboard.store.keys import SEGMENT_ROWS, SessionKeys
from dashboard.store.tracking import TrackingRefused
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry
from tests.contract.model import SID, run, write_foreign
from tests.contract.table_model import expected_table, generation_of, labels, same, stored_table, table_keys

sid = SessionId.parse(SID)
keys = SessionKeys(SID)
FIELDS = {"profit", "config.fast", "config.kind"}


def put(*records: dict[str, Any]) -> None:
    BotRegistry().put_many(sid, [RunWrite.parse(record) for record in records])


def texts() -> dict[str, bytes]:
    found = client().scan_iter(match=keys.pattern(keys.run_prefix), count=1_000)
    names = [key.decode() for key in found]
    return {
        key.removeprefix(keys.run_prefix): text for key, text in zip(names, client().mget(names), strict=True) if text
    }


def assert_right() -> None:
    """Assert that the table says what the records say, and that nothing of another generation is left."""
    same(stored_table(), expected_table(texts()))
    assert check(sid) == []
    table = keys.table(generation_of())
    assert all(key.startswith(table.prefix) for key in table_keys())
    assert not list(client().scan_iter(match=keys.pattern(keys.builds_prefix)))


def listed() -> list[str]:
    with sweep(sid, FIELDS) as snapshot:
        return snapshot.hashes_at(np.flatnonzero(snapshot.is_live()))


@pytest.fixture
def some(real_store: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> redis.Redis:
    """A session of 120 runs, a rebuild of which takes some steps."""
    monkeypatch.setattr(rebuilding, "STEP", 20)
    put(*(run(f"run-{n}", float(n), configuration={"fast": n, "kind": ("ema", "sma")[n % 2]}) for n in range(120)))
    return real_store


def whole(name: str) -> Any:
    """Return what a key of the table in use holds, the order left away."""
    key = keys.table(generation_of()).name(name)
    readers = {b"set": client().smembers, b"hash": client().hgetall}
    kind = client().type(key)
    return readers[kind](key) if kind in readers else kind


def in_no_order(found: Any) -> Any:
    """Return what a key holds, the names of each shape in order: a run may tell them in any."""
    if not isinstance(found, dict):
        return found
    return {name: sorted(json.loads(text)) if text[:1] == b"[" else text for name, text in found.items()}


def test_it_is_what_writers_make(real_store: redis.Redis) -> None:
    odd = [run("y" * 70, 1.0), run("ä" * 30, None, "odd"), run("bare", None, updated=None)]
    put(*odd, *(run(f"run-{n}", n % 7 or None, configuration={"fast": n, "kind": "ema"}) for n in range(60)))
    names = ("shapes", "columns", "texts", "omitted", "free")
    before, table = {name: in_no_order(whole(name)) for name in names}, stored_table()
    width, shape_of = client().hget(keys.index("stats"), "width"), lambda place: place.split(b" ")[1]
    places = {name: shape_of(place) for name, place in whole("places").items()}
    rebuild(sid)
    assert_right()
    same(stored_table(), table)
    assert {name: in_no_order(whole(name)) for name in names} == before
    assert {name: shape_of(place) for name, place in whole("places").items()} == places
    assert int(width) >= int(client().hget(keys.index("stats"), "width")) >= 16
    put(run("new", 1.5, configuration={"fast": 3, "kind": "wma"}), run("run-3", 2.5))
    BotRegistry().delete(sid, "run-4")
    assert_right()


def test_segments_are_whole_strings(real_store: redis.Redis) -> None:
    pipe = real_store.pipeline()
    for number, text in enumerate(synthetic_records(sid, SEGMENT_ROWS + 300)):
        pipe.set(keys.run(f"run-{number}"), text)
    pipe.execute()
    rebuild(sid)
    assert_right()
    table = keys.table(generation_of())
    for name in (table.hashes(0), table.hashes(1)):
        assert client().strlen(name) == 16 * SEGMENT_ROWS
    for segment in range(2):
        assert client().strlen(table.values(segment, "profit")) == 8 * SEGMENT_ROWS
        assert client().memory_usage(table.values(segment, "profit")) < 33_000
    assert client().zcard(table.name("changes")) == client().zcard(table.name("moved")) == 2
    with sweep(sid, FIELDS) as snapshot:
        assert snapshot.is_live().sum() == SEGMENT_ROWS + 300
    # No more rows than the log takes of one segment: where run-5 stands is chance.
    put(*(run(f"more-{n}", 1.0) for n in range(19)), run("run-5", 1.0))
    assert_right()
    # Rows that were changed since are all in the log of them.
    assert client().zcount(table.name("recent"), "-inf", 0) == 1 and client().zcard(table.name("recent")) == 21
    assert len(listed()) == SEGMENT_ROWS + 319


@pytest.mark.parametrize("again", [False, True])
def test_no_run_is_listed_twice_whatever_was_wrong(some: redis.Redis, again: bool) -> None:
    """A place that was lost, a slot that is occupied by nobody, and one by the wrong run."""
    table = keys.table(generation_of())
    some.hdel(table.name("places"), "run-3")
    some.setrange(table.hashes(0), 50 * 16, b"run-7".ljust(16, b"\0"))
    some.setrange(table.hashes(0), 120 * 16, b"ghost".ljust(16, b"\0"))
    some.hincrby(keys.index("stats"), "rows", 1)
    if again:
        put(run("run-3", 9.0))
    rebuild(sid)
    assert_right()
    assert sorted(listed()) == sorted(f"run-{n}" for n in range(120))


def changes() -> Iterator[Callable[[redis.Redis, int], None]]:
    """Yield what is done to runs meanwhile: by us, and by programs that write records alone."""

    def record(name: str, n: int) -> dict[str, Any]:
        return run(name, float(name.split("-")[1]), configuration={"fast": 1_000 + n, "kind": f"new-{n % 5}"})

    yield lambda store, n: put(record(f"run-{n}", n))
    yield lambda store, n: put(*(record(f"ours-{n}{k}", n) for k in range(3)))
    yield lambda store, n: BotRegistry().delete(sid, f"run-{119 - n}")
    yield lambda store, n: store.set(keys.run(f"run-{40 + n}"), json.dumps(record(f"run-{40 + n}", n))) and None
    yield lambda store, n: write_foreign(SID, [record(f"theirs-{n}", n)])
    yield lambda store, n: put(run(f"run-{n}", 1.0, "odd", configuration={"only": [n, {"deep": True}]}))


@pytest.mark.parametrize("is_tracked", [True, False])
@pytest.mark.parametrize("change", list(changes()))
def test_what_is_written_meanwhile_is_in_it(
    some: redis.Redis, monkeypatch: pytest.MonkeyPatch, change: Callable[[redis.Redis, int], None], *, is_tracked: bool
) -> None:
    count = iter(range(1_000))
    if not is_tracked:
        monkeypatch.setattr(rebuilding, "Tracker", refuse)

    def around(cls: type, name: str) -> None:
        real = getattr(cls, name)

        def wrapped(*args: Any, **options: Any) -> Any:
            change(some, next(count))
            found = real(*args, **options)
            change(some, next(count))
            return found

        monkeypatch.setattr(cls, name, wrapped)

    for cls, name in (
        (rebuilding._Rebuild, "_load"), (Build, "end_load"), (rebuilding._Rebuild, "_read_heard"), (Build, "swap"),
    ):  # fmt: skip
        around(cls, name)
    rebuild(sid, progress=lambda done: change(some, next(count)) if done % 40 == 0 else None)
    assert next(count) > 8
    assert_right()
    assert sorted(listed()) == sorted(texts())


def refuse(prefix: str) -> None:
    raise TrackingRefused("no")


@pytest.mark.parametrize("carried", [1, building.CARRIED])
def test_our_last_writes_come_with_the_exchange(
    some: redis.Redis, monkeypatch: pytest.MonkeyPatch, carried: int
) -> None:
    """Right then, before anything else is looked at again."""
    monkeypatch.setattr(building, "CARRIED", carried)
    real = Build.swap

    def swap(*args: Any, **options: Any) -> None:
        put(run("run-1", 5.0, configuration={"fast": 77, "kind": "wma"}), run("late", 6.0, "fresh"))
        put(run("run-2", None, configuration={"kind": "a text that no run had", "more": {"x": 1}}))
        BotRegistry().delete(sid, "run-0")
        real(*args, **options)
        same(stored_table(), expected_table(texts()))
        assert {"wma", "fresh", "a text that no run had"} <= set(labels().values())
        with sweep(sid, FIELDS) as snapshot:
            assert not snapshot.is_stale

    monkeypatch.setattr(Build, "swap", swap)
    rebuild(sid)
    assert_right()


def test_readers_see_the_old_table_or_the_new_one(some: redis.Redis) -> None:
    for n in range(120):
        some.set(keys.run(f"run-{n}"), json.dumps(run(f"run-{n}", -float(n), configuration={"fast": n, "kind": "x"})))
    seen: list[tuple[float, bool]] = []
    stopped = threading.Event()

    def read() -> None:
        with override(some):
            while not stopped.is_set():
                with sweep(sid, FIELDS) as snapshot:
                    profits = snapshot.column("profit")[snapshot.is_live()]
                    seen.append((float(profits.sum()), snapshot.is_stale))

    thread = threading.Thread(target=read)
    thread.start()
    try:
        rebuild(sid)
    finally:
        stopped.set()
        thread.join()
    total = float(sum(range(120)))
    assert set(seen) <= {(total, False), (-total, False)}
    assert seen[0][0] == total
    assert_right()


def test_the_rarest_fields_have_no_column(some: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_columns, "MOST_COLUMNS", 40)
    monkeypatch.setattr(kept_columns, "MOST_WRITTEN", 60)
    SessionRegistry().delete(sid)
    # p0 is in one run, p1 in two, ...; none of the first is a frequent one.
    write_foreign(
        SID,
        [run(f"run-{n}", 1.0, configuration={f"p{k}": n for k in range(50) if n >= 119 - k}) for n in range(120)],
    )
    rebuild(sid)
    columns = {name.decode() for name in whole("columns")}
    kept = [int(name.removeprefix("config.p")) for name in columns if name.startswith("config.p")]
    assert len(columns) == 20 and sorted(kept) == list(range(50 - len(kept), 50))
    assert {name.decode() for name in whole("omitted")} == {f"config.p{k}" for k in range(50 - len(kept))}
    wanted = {
        name: {field: bits for field, bits in fields.items() if field in columns}
        for name, fields in expected_table(texts()).items()
    }
    same(stored_table(), wanted)
    assert not [key for key in table_keys() if key.endswith(":config.p0")]


@pytest.mark.parametrize("step", ["_load", "end_load", "swap", "remove_rest"])
def test_what_a_stopped_one_has_made_goes_with_the_next(
    some: redis.Redis, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    generation, before = generation_of(), stored_table()

    def stop(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Build, "remove_rest", stop)
        if step in ("end_load", "swap"):
            patch.setattr(Build, step, stop)
        elif step == "_load":
            patch.setattr(Loader, "load_rest", stop)
        rebuild(sid)
    assert (generation_of() == generation) == (step != "remove_rest")
    same(stored_table(), before)
    rebuild(sid)
    assert_right()


def test_a_deletion_takes_what_a_stopped_one_has_made(some: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Build, "remove_rest", stop)
        patch.setattr(Build, "swap", stop)
        rebuild(sid)
    assert len({key.removeprefix(keys.table_prefix).split(":")[0] for key in table_keys()}) == 2
    SessionRegistry().delete(sid)
    assert not list(some.scan_iter(match=f"*{SID}*"))
