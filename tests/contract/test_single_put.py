"""A run put alone, by a script of its own: it leaves what a batch of one leaves, and its values come to the columns."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bots_app.check import check
from bots_app.indexer import SessionIndexer
from bots_app.indexing import write_batch
from bots_app.rebuild import rebuild
from bots_app.registry import BotRegistry
from bots_app.sending import put_operation
from bots_app.table.memory import TableMemory
from bots_app.table.snapshot import Snapshot
from bots_app.writing import RunWrite
from dashboard.store.client import KeyTypeError, client
from dashboard.store.keys import SEGMENT_ROWS, SESSIONS, SessionKeys
from dashboard.tolerant import from_bytes
from sessions_app.records import SessionId
from tests.contract.model import SID, run, write_foreign
from tests.contract.table_model import expected_table, generation_of, labels, same, stored_table
from tests.contract.whole_store import everything

sid = SessionId.parse(SID)
keys = SessionKeys(SID)
registry = BotRegistry()
STATUSES = ["completed"] * 9 + ["failed"]
#: Rows that the tail has room for.
MOST = 32

RECORDS = st.builds(
    run, st.sampled_from(["a", "b", "B", "run-1", "run-2", "run-10"]),
    st.one_of(st.sampled_from([0.0, -0.0, 1.0, 1.0, -7.25, 0.1, 1e15, 1e100, -1e200, None]), st.floats(-1e6, 1e6)),
    st.sampled_from(["completed", "completed", "completed", "failed", "odd"]),
    updated=st.integers(1_700_000_000_000, 1_700_000_000_003),
    configuration=st.sampled_from([{"fast": 1, "kind": "ema"}, {"fast": 2, "kind": "sma"}, {"fast": 3, "kind": True}]),
)  # fmt: skip


def put(*records: dict[str, Any]) -> list[str]:
    return [registry.put(sid, RunWrite.parse(record)).result for record in records]


def put_together(*records: dict[str, Any]) -> list[str]:
    return [one.result for one in registry.put_many(sid, [RunWrite.parse(record) for record in records])]


def in_tail() -> set[str]:
    return set(map(from_bytes, client().hkeys(keys.table(generation_of()).name("tail"))))


def texts() -> dict[str, bytes]:
    prefix = keys.run_prefix
    return {key.decode().removeprefix(prefix): client().get(key) for key in client().scan_iter(match=f"{prefix}*")}


def agree() -> None:
    same(stored_table(), expected_table(texts()))
    assert check(sid) == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    some=st.lists(RECORDS, min_size=1, max_size=5),
    others=st.lists(st.tuples(RECORDS, st.sampled_from([None, None, [], [{"profit": 1.0}]])), min_size=1, max_size=12),
)
def test_what_is_put_alone_leaves_what_a_batch_of_one_leaves(
    store: redis.Redis, some: list[dict[str, Any]], others: list[tuple[dict[str, Any], Any]]
) -> None:
    writes = [RunWrite.parse(one if trades is None else one | {"trades": trades}) for one, trades in others]
    client().flushall()
    put_together(*some)
    results = [registry.put(sid, one).result for one in writes]
    alone, texts_alone = everything(), labels()
    client().flushall()
    put_together(*some)
    codes = [write_batch(sid, [put_operation(one)])[1][0] for one in writes]
    together = everything()
    assert results == [{1: "created", 2: "updated", 0: "unchanged"}[code] for code in codes]
    assert alone.keys() == together.keys()
    for name, value in together.items():
        assert alone[name] == value, name
    # A text that was gone from the tail again before the next batch is not kept.
    used = {bits for values in together["table"].values() for bits in values.values()}
    assert {bits: text for bits, text in labels().items() if bits in used}.items() <= texts_alone.items()
    assert texts_alone.items() <= labels().items()


def test_usual_runs_go_into_the_tail_until_it_is_full(store: redis.Redis) -> None:
    put_together(run("first", 1.0), run("other", 2.0))
    names = [f"run-{number}" for number in range(MOST)]
    for number, name in enumerate(names):
        assert put(run(name, float(number))) == ["created"]
        assert in_tail() == set(names[: number + 1])
    agree()
    assert put(run("run-3", 77.0), run("first", 5.0)) == ["updated", "updated"]
    assert in_tail() == {"first"}
    agree()
    put_together(run("run-4", 1.5), run("run-5", 2.5))
    assert not in_tail()
    agree()


def test_a_run_with_many_fields_takes_the_room_of_several(store: redis.Redis) -> None:
    many = {f"p{number}": number for number in range(390)}
    put_together(*(run(f"run-{number}", 1.0, configuration=many) for number in range(10)))
    for number in range(9):
        put(run(f"run-{number}", 2.0, configuration=many))
        assert len(in_tail()) <= 4
    assert in_tail()
    agree()


def unusual() -> dict[str, Callable[[], object]]:
    usual = {"fast": 1}
    return {
        "no profit": lambda: put(run("a", None, configuration=usual)),
        "a profit too large to be summed": lambda: put(run("a", 1e200, configuration=usual)),
        "another status": lambda: put(run("a", 1.0, "failed", configuration=usual)),
        "a status of one's own": lambda: put(run("a", 1.0, "odd", configuration=usual)),
        "other fields": lambda: put(run("a", 1.0, configuration={"slow": 1})),
        "a hash of other letters": lambda: put(run('a"ä', 1.0, configuration=usual)),
        "a long hash": lambda: put(run("y" * 70, 1.0, configuration=usual)),
        "an older time than the last one": lambda: put(run("b", 1.0, configuration=usual, updated=1_600_000_000_000)),
        "a record of another program": lambda: (
            write_foreign(SID, [run("theirs", 3.0, configuration=usual)]),
            put(run("theirs", 4.0, configuration=usual)),
        ),
        "a freed row": lambda: (registry.delete(sid, "c"), put(run("d", 4.0, configuration=usual))),
    }


@pytest.mark.parametrize("name", list(unusual()))
def test_what_is_out_of_the_ordinary_is_written_all_the_same(store: redis.Redis, name: str) -> None:
    put_together(*(run(one, 1.0, configuration={"fast": 1}) for one in "abc"))
    put(run("b", 3.0, configuration={"fast": 1}, updated=1_700_000_000_009))
    assert in_tail() == {"b"}
    unusual()[name]()
    assert not in_tail()
    if name != "a record of another program":  # which the fixed sets do not name all the same
        agree()
    same(stored_table(), expected_table(texts()))


def test_runs_of_the_tail_are_deleted_filed_and_rebuilt_as_others(store: redis.Redis) -> None:
    put_together(*(run(one, 1.0) for one in "abcd"))
    put(run("a", 2.0), run("b", 3.0))
    registry.delete(sid, "a")
    agree()
    put(run("b", 4.0), run("c", 5.0))
    SessionIndexer(sid).file(["b", "d"])
    agree()
    put(run("b", 6.0), run("c", 7.0))
    assert in_tail() == {"b", "c"}
    rebuild(sid)
    assert not in_tail()
    agree()


def test_nothing_goes_into_the_tail_while_the_indexes_are_built_anew(store: redis.Redis) -> None:
    put_together(*(run(one, 1.0) for one in "ab"))
    client().hset(keys.index("stats"), "building", "token")
    client().sadd(keys.index("dirty"), "")
    put(run("a", 2.0))
    assert not in_tail() and client().smembers(keys.index("dirty")) == {b"", b"a"}
    client().delete(keys.index("dirty"))  # the build was killed
    put(run("a", 3.0))
    assert in_tail() == {"a"}


def test_a_summary_of_another_program_is_kept(store: redis.Redis) -> None:
    put_together(*(run(one, 1.0) for one in "ab"))
    client().set(keys.summary, b'{"symbol": "BTC/USDT:USDT", "theirs": 1}')
    put(run("a", 2.0))
    assert b'"theirs":1' in client().get(keys.summary) and b'"bestProfit":2' in client().get(keys.summary)


def named(name: str) -> str:
    """Return a key of the session's: of its sweep table, of its list, derived."""
    of_table, of_list = ("tail", "places", "moved", "hashes:0"), ("events", "bots:status:completed")
    if name in of_table:
        return keys.table(generation_of()).name(name)
    return name if name == SESSIONS else keys.prefix + name if name in of_list else keys.index(name)


def take_over(name: str) -> None:
    """Have another program put something else under a key."""
    client().delete(named(name))
    client().set(named(name), "theirs")


def dumps() -> dict[bytes, Any]:
    """Return what every key holds; a stream knows of an entry that was taken back."""
    return {
        one: client().xrange(one) if client().type(one) == b"stream" else client().dump(one)
        for one in client().keys("*")
    }


@pytest.mark.parametrize("name", ["rows", "stats", "updated", "events", "bots:status:completed", SESSIONS])
def test_a_key_of_another_type_is_found_before_anything_changes(store: redis.Redis, name: str) -> None:
    put(run("a", 2.0))
    put_together(*(run(one, 1.0) for one in "ab"))  # the tail is empty
    take_over(name)
    before = dumps()
    with pytest.raises(KeyTypeError):
        put(run("new", 5.0, updated=1_700_000_000_009))
    assert dumps() == before


@pytest.mark.parametrize("name", ["tail", "places", "status:completed:profit", "status:completed:updated"])
def test_what_somebody_else_put_among_the_indexes_has_all_built_anew(store: redis.Redis, name: str) -> None:
    put_together(*(run(one, 1.0) for one in "ab"))
    put(run("a", 2.0))
    take_over(name)
    assert put(run("new", 5.0)) == ["created"]
    assert not client().hexists(keys.index("stats"), "built")
    rebuild(sid)
    agree()


def test_hashes_that_somebody_has_overwritten_are_built_anew_once_the_tail_is_written(store: redis.Redis) -> None:
    put_together(*(run(f"run-{number:04}", 1.0) for number in range(600)))
    client().delete(named("hashes:0"))
    client().lpush(named("hashes:0"), "theirs")
    assert put(run("new", 5.0)) == ["created"] and in_tail() == {"new"}
    put_together(run("other", 1.0))
    assert not client().hexists(keys.index("stats"), "built")
    rebuild(sid)
    agree()


def test_a_tail_that_cannot_be_written_is_kept(store: redis.Redis) -> None:
    put_together(run("a", 1.0))
    put(run("b", 2.0))
    take_over("moved")
    with pytest.raises(KeyTypeError):
        put_together(run("c", 1.0), run("d", 1.0))
    assert in_tail() == {"b"}
    client().delete(named("moved"))
    put_together(run("c", 1.0), run("d", 1.0))
    assert not in_tail()
    agree()


class Reader:
    """A process that keeps the columns it was asked for, and reads them after each write."""

    def __init__(self) -> None:
        self.memory = TableMemory(2**30)

    def read(self, fields: list[str]) -> dict[str, dict[str, Any]]:
        with self.memory.snapshot(keys, fields) as snapshot:
            hashes, is_live = snapshot.hashes, snapshot.is_live()
            return {
                from_bytes(hashes[row]): {name: value_of(snapshot, name, row) for name in fields}
                for row in range(snapshot.rows)
                if is_live[row]
            }


def value_of(snapshot: Snapshot, name: str, row: int) -> Any:
    bits = int(snapshot.column(name)[row : row + 1].view("<u8")[0])
    label = snapshot.label(bits)
    return snapshot.column(name)[row] if label is None else label


def test_readers_have_the_tail_whatever_they_held_before(store: redis.Redis) -> None:
    chance, fields = random.Random(7), ["profit", "status", "config.fast", "config.kind"]
    readers = [Reader() for _ in range(4)]
    put_together(*(run(f"run-{number}", 1.0, configuration={"fast": 1, "kind": "ema"}) for number in range(40)))
    for step in range(150):
        records = [
            run(
                f"run-{chance.randrange(60)}", chance.choice([1.0, 2.5, -3.0]), chance.choice(STATUSES),
                configuration={"fast": chance.randrange(5), "kind": chance.choice(["ema", "sma", f"own-{step}"])},
            )
            for _ in range(chance.choice([1, 1, 1, 1, 40]))
        ]  # fmt: skip
        put(*records) if len(records) == 1 else put_together(*records)
        reader = chance.choice(readers)
        asked = chance.sample(fields, chance.randrange(1, 5))
        found = reader.read(asked)
        wanted = expected_values(asked)
        assert found == wanted, step
        if chance.random() < 0.1:
            readers[chance.randrange(4)] = Reader()


def test_the_first_run_of_a_segment_is_put_alone(real_store: redis.Redis) -> None:
    put_together(*(run(f"run-{number}", 1.0) for number in range(SEGMENT_ROWS)))
    wanted = {f"run-{number}": {"profit": 1.0} for number in range(SEGMENT_ROWS)}
    early = Reader()
    assert early.read(["profit"]) == wanted
    put(run("first", 2.0))
    assert in_tail() == {"first"}
    put(run("second", 3.0))
    wanted |= {"first": {"profit": 2.0}, "second": {"profit": 3.0}}
    late = Reader()
    assert early.read(["profit"]) == wanted and late.read(["profit"]) == wanted
    assert check(sid) == []
    put_together(run("run-1", 4.0), run("third", 5.0))
    assert not in_tail()
    wanted |= {"run-1": {"profit": 4.0}, "third": {"profit": 5.0}}
    assert all(reader.read(["profit"]) == wanted for reader in (early, late, Reader()))
    assert check(sid) == []


def expected_values(fields: list[str]) -> dict[str, dict[str, Any]]:
    names = {
        "profit": lambda record: record["resultsMetadata"]["performance"]["totalProfit"],
        "status": lambda record: record["status"], "config.fast": lambda record: record["configuration"]["fast"],
        "config.kind": lambda record: record["configuration"]["kind"],
    }  # fmt: skip
    records = {name: msgspec.json.decode(text) for name, text in texts().items()}
    return {name: {field: names[field](record) for field in fields} for name, record in records.items()}
