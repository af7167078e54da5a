"""The sweep table holds what the records say, whatever is written."""

from __future__ import annotations

import json
from typing import Any

import pytest
import redis

from bots_app.indexer import SessionIndexer
from bots_app.rebuild import rebuild
from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.store import dropped_tables
from dashboard.store.client import KeyTypeError, client
from dashboard.store.keys import SEGMENT_ROWS, SessionKeys
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry
from tests.contents import contents_of
from tests.contract.model import SID, run
from tests.contract.table_model import expected_table, generation_of, labels, same, stored_table, table_keys

sid = SessionId.parse(SID)
keys = SessionKeys(SID)
registry = BotRegistry()


def put(*records: dict[str, Any]) -> None:
    writes = [RunWrite.parse(record) for record in records]
    if len(writes) == 1:
        registry.put(sid, writes[0])
    else:
        registry.put_many(sid, writes)


def texts() -> dict[str, bytes]:
    prefix = keys.run_prefix
    found = client().scan_iter(match=keys.pattern(prefix))
    return {key.decode().removeprefix(prefix): client().get(key) for key in found}


def agree() -> None:
    same(stored_table(), expected_table(texts()))


def stats(name: str) -> int:
    return int(client().hget(keys.index("stats"), name))


def test_a_run_has_a_row_with_every_field(store: redis.Redis) -> None:
    put(
        run("a", 1.5, configuration={"fast": 5, "kind": "ema", "on": True, "nested": {"x.y": [1, "two"]}, "none": None})
    )
    agree()
    assert stored_table()["a"].keys() >= {"status", "profit", "config.fast", "config.kind", "config.nested.x.y.1"}
    assert "config.none" not in stored_table()["a"]
    assert set(labels().values()) == {"completed", "ema", "two"}


def test_what_a_run_no_longer_says_is_missing(store: redis.Redis) -> None:
    put(run("a", 1.5, configuration={"fast": 5, "slow": 7}), run("b", 2.5, configuration={"fast": 6}))
    put(run("a", None, "failed", configuration={"other": "x"}))
    agree()
    put(run("a", None, "failed", configuration={}), run("b", 1.0, configuration={"slow": 1, "more": 2}))
    agree()


def test_a_row_is_given_out_again(store: redis.Redis) -> None:
    put(*(run(name, 1.0, configuration={"only": 1, name: 2}) for name in "abc"))
    registry.delete(sid, "b")
    agree()
    assert stats("rows") == 3
    put(run("d", 3.0), run("e", 4.0))
    agree()
    assert stats("rows") == 4


def test_writing_a_run_again_as_it_is_changes_nothing(store: redis.Redis) -> None:
    record = run("a", 1.0)
    put(record, run("b"))

    def stored() -> dict[bytes, object]:
        found = contents_of(client(), f"*{SID}*")
        return {key: held for key, held in found.items() if client().type(key) != b"stream"}

    before = stored()
    put(record)
    put(record, run("b"))
    assert before == stored()


def test_only_a_parameter_that_changed_is_filed(store: redis.Redis) -> None:
    put(run("a", 1.0), run("b", 2.0))
    before = stats("revision")
    client().set(keys.run("a"), json.dumps(run("a", 1.0, configuration={"fast": 99})))
    indexer = SessionIndexer(sid)
    indexer.file(["a", "b"])
    agree()
    assert (indexer.filed, indexer.changed) == (2, 1)
    assert stats("revision") == before + 1


def test_long_and_odd_names(store: redis.Redis) -> None:
    put(
        run("short", 1.0),
        run("ä" * 30),
        run("x" * 64),
        run("y" * 65),
        run("z" * 200, configuration={"ü {x} :": 1, "%s": 2}),
    )
    agree()
    registry.delete(sid, "z" * 200)
    registry.delete(sid, "short")
    put(run("w" * 70))
    agree()


def test_segments_are_allocated_whole(real_store: redis.Redis) -> None:
    count = SEGMENT_ROWS + 150
    put(*(run(f"run-{number}", float(number)) for number in range(count)))
    put(run(f"run-{count - 1}", None, configuration={"late": 5}))
    agree()
    table = keys.table(generation_of())
    for segment in range(2):
        for name in ("profit", "status", "config.fast"):
            assert client().strlen(table.values(segment, name)) == 8 * SEGMENT_ROWS
            assert client().memory_usage(table.values(segment, name)) < 33_000
    assert client().strlen(table.values(1, "config.late")) == 8 * SEGMENT_ROWS
    assert client().strlen(table.values(0, "config.late")) == 0


def test_the_segments_that_changed_are_known(store: redis.Redis) -> None:
    put(run("a"), run("b"))
    put(run("b", 5.0))
    assert client().zrange(keys.table(generation_of()).name("changes"), 0, -1, withscores=True) == [
        (b"0", float(stats("revision")))
    ]
    moved = client().zscore(keys.table(generation_of()).name("moved"), "0")
    put(run("c"))
    assert moved < client().zscore(keys.table(generation_of()).name("moved"), "0") == stats("revision")


def test_more_fields_than_columns(store: redis.Redis) -> None:
    many = {f"p{number}": number for number in range(700)}
    put(run("a", None, "running", configuration=many), run("b", 1.0, configuration={"late": 1}))
    put(run("a", 2.0, configuration={"p1": 7, "p699": 8}))
    table = keys.table(generation_of())
    columns = {name.decode() for name in client().smembers(table.name("columns"))}
    omitted = {name.decode() for name in client().smembers(table.name("omitted"))}
    assert len(columns) <= 500 and {"profit", "status", "lastUpdated", "config.p1"} <= columns
    assert "config.late" in omitted and not columns & omitted
    wanted = {
        name: {field: bits for field, bits in values.items() if field in columns}
        for name, values in expected_table(texts()).items()
    }
    same(stored_table(), wanted)


@pytest.mark.parametrize("name", ["places", "shapes", "columns", "texts", "changes", "recent", "moved", "free", "long"])
def test_a_key_of_another_type_is_found_before_anything_changes(store: redis.Redis, name: str) -> None:
    put(run("a", 1.0))
    client().delete(keys.table(generation_of()).name(name))
    client().set(keys.table(generation_of()).name(name), "theirs")
    before = client().get(keys.run("a"))
    with pytest.raises(KeyTypeError):
        put(run("a", 2.0, configuration={"new": "text"}), run("b", 1.0))
    assert client().get(keys.run("a")) == before


def test_a_column_that_somebody_else_put_there_is_made_anew_by_a_rebuild(real_store: redis.Redis) -> None:
    put(run("a", 1.0), run("b", 2.0))
    key = keys.table(generation_of()).values(0, "profit")
    client().delete(key)
    client().sadd(key, "theirs")
    put(run("a", 3.0), run("b", 2.5))
    assert not client().hexists(keys.index("stats"), "built")
    rebuild(sid)
    agree()


def test_table_keys_are_the_sessions_own(store: redis.Redis) -> None:
    put(run("a", 1.0))
    assert table_keys() and all(keys.owns(key) for key in table_keys())


def test_a_deletion_that_was_stopped_leaves_no_table_in_the_end(
    store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(run("a", 1.0), run("y" * 70, 2.0))

    def stop(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(dropped_tables, "free", stop)
        SessionRegistry().delete(sid)
    assert table_keys() > {keys.dropped_tables}
    SessionRegistry().delete(sid)
    assert not list(client().scan_iter(match=f"*{SID}*"))
