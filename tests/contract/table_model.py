"""The sweep table read whole, the slow and plain way, and what it has to hold by the records alone."""

from __future__ import annotations

import json
from typing import Any

from bots_app.records import read_run
from bots_app.table.fields import fields_of
from bots_app.table.values import MISSING, bits_of
from dashboard.store.client import client
from dashboard.store.keys import SEGMENT_ROWS, SessionKeys
from tests.contract.model import SID

#: Bits of each field of each run.
Table = dict[str, dict[str, int]]


def generation_of(sid: str = SID) -> str:
    return (client().hget(SessionKeys(sid).index("stats"), "table") or b"").decode()


def stored_table(sid: str = SID) -> Table:
    """Return what the table in use holds of each run; asserts that its keys agree with each other."""
    keys = SessionKeys(sid)
    stats = {name.decode(): value.decode() for name, value in client().hgetall(keys.index("stats")).items()}
    if "table" not in stats:
        return {}
    table, rows, width = keys.table(stats["table"]), int(stats["rows"]), int(stats["width"])
    columns = {name.decode() for name in client().smembers(table.name("columns"))}
    shapes = {name.decode(): set(json.loads(text)) for name, text in client().hgetall(table.name("shapes")).items()}
    long = {int(row): name.decode() for row, name in client().hgetall(table.name("long")).items()}
    names = [_hash_at(table.hashes(row // SEGMENT_ROWS), row % SEGMENT_ROWS, width) for row in range(rows)]
    found: Table = {}
    for row, raw in enumerate(names):
        if raw == bytes(width):
            continue
        name = long[row] if raw[:1] == b"\xff" else raw.rstrip(b"\0").decode()
        assert name not in found, f"{name} has two rows"
        values = {
            column: _value_at(table.values(row // SEGMENT_ROWS, column), row % SEGMENT_ROWS) for column in columns
        }
        found[name] = {column: bits for column, bits in values.items() if bits != MISSING}
        place, shape = client().hget(table.name("places"), name).decode().split(" ")
        assert int(place) == row
        assert shape == "*" or found[name].keys() <= shapes[shape] <= columns
    assert client().hlen(table.name("places")) == len(found)
    assert long.keys() <= {row for row, raw in enumerate(names) if raw[:1] == b"\xff"}
    free = [int(member.split(b" ")[0]) for member in client().smembers(table.name("free"))]
    assert sorted(free) == [row for row, raw in enumerate(names) if raw == bytes(width)]
    return found


def _hash_at(key: str, row: int, width: int) -> bytes:
    return client().getrange(key, row * width, row * width + width - 1).ljust(width, b"\0")


def _value_at(key: str, row: int) -> int:
    return int.from_bytes(client().getrange(key, row * 8, row * 8 + 7).ljust(8, b"\0"), "little") ^ MISSING


def expected_table(texts: dict[str, bytes]) -> Table:
    """Return what the table has to hold, from the stored text of each run."""
    return {
        name: {field: bits_of(value) for field, value in fields_of(read_run(name, text)).items()}
        for name, text in texts.items()
    }


def labels(sid: str = SID) -> dict[int, str]:
    """Return the texts that the table knows, by their bits."""
    found = client().hgetall(SessionKeys(sid).table(generation_of(sid)).name("texts"))
    return {MISSING + int(code): text.decode() for code, text in found.items()}


def table_keys(sid: str = SID) -> set[str]:
    """Return every key of any generation of the session's table."""
    return {key.decode() for key in client().scan_iter(match=SessionKeys(sid).pattern(SessionKeys(sid).table_prefix))}


def same(found: Any, wanted: Any) -> None:
    """Assert that two tables are equal, and name the first run that is not."""
    assert found.keys() == wanted.keys()
    for name, values in wanted.items():
        assert found[name] == values, name
