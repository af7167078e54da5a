"""A batch does what its operations do one by one, also where they name the same run again and again."""

from __future__ import annotations

import random
from typing import Any

import pytest
import redis

from bots_app.indexing import index_values, write_batch
from bots_app.records import read_run
from bots_app.sending import put_operation
from bots_app.table.fields import fields_of
from bots_app.writing import RunWrite
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from sessions_app.records import SessionId
from sessions_app.registry import sha_of
from tests.contract.model import SID, run, write_foreign
from tests.contract.whole_store import everything

sid = SessionId.parse(SID)
keys = SessionKeys(SID)
HASHES = ("a", "b", "c", "d")
TIMES = {"completed": 1_700_000_000_000, "failed": 1_700_000_000_001, "odd:x": 1_700_000_000_000}
RECORDS = [
    RunWrite.parse(run(name, profit, status, updated=updated))
    for name in HASHES
    for profit in (None, 1.5, -2.0)
    for status, updated in TIMES.items()
]
FOREIGN = [run("b", 3.0, "running"), run("c", None, "completed", updated=None), run("d", 1.5, "failed")]


def operation(chance: random.Random, stored: dict[str, bytes]) -> tuple[Any, ...]:
    """Return an operation, right or not, and keep in mind what will be stored if it is done."""
    write = chance.choice(RECORDS)
    name, values = write.record.configHash, index_values(write.record)
    kind = chance.choice(["put", "put", "put", "edit", "file", "touch", "fill", "delete", "drop"])
    text = stored.get(name)
    if kind in ("delete", "drop"):
        if kind == "delete":
            stored.pop(name, None)
        return (kind, name, "", "", "", "", "", "", "", None)
    if kind in ("file", "touch", "fill"):
        found = read_run(name, text)
        return (kind, name, sha_of(text), "", "", *index_values(found), fields_of(found))
    expected = "" if kind == "put" else sha_of(chance.choice([text, write.text]))
    if kind == "put" or (text is not None and expected == sha_of(text)):
        stored[name] = write.text
    return (kind, name, expected, write.text, chance.choice([b"", b"", b"[]"]), *values, fields_of(write.record))


def prepare(start: str) -> dict[str, bytes]:
    """Empty the store, and have some runs in it: of another program, or ours with one damaged row."""
    client().flushall()
    if start == "foreign":
        write_foreign(SID, FOREIGN)
    elif start == "damaged":
        ours = [RunWrite.parse(record) for record in FOREIGN if "lastUpdated" in record]
        write_batch(sid, [put_operation(one) for one in ours])
        client().hset(keys.index("rows"), "b", "no row")
        client().hdel(keys.index("rows"), "d")
    return {name: client().get(keys.run(name)) for name in HASHES if client().exists(keys.run(name))}


@pytest.mark.parametrize("start", ["empty", "foreign", "damaged"])
def test_a_batch_does_what_its_operations_do_one_by_one(store: redis.Redis, start: str) -> None:
    chance = random.Random(start)
    for _ in range(60):
        stored = prepare(start)
        operations = [operation(chance, stored) for _ in range(chance.randint(1, 9))]
        _, codes = write_batch(sid, operations)
        together = everything()
        prepare(start)
        assert [write_batch(sid, [one])[1][0] for one in operations] == codes
        alone = everything()
        assert together.keys() == alone.keys()
        for name, value in alone.items():
            assert together[name] == value, (name, operations)
