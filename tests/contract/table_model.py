"""The sweep table read whole, the slow and plain way, and what it has to hold by the records alone."""

from __future__ import annotations

import json
from typing import Any

from bots_app.records import read_run
from bots_app.table.fields import fields_of
from bots_app.table.values import MISSING, bits_of
from dashboard.store.client import client
from dashboard.store.keys import SEGMENT_ROWS, SessionKeys
from dashboard.store.table_tail import labels_of, read_tail
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
    names = _cells([table.hashes(segment) for segment in _segments(rows)], width)[:rows]
    values = {
        column: _cells([table.values(segment, column) for segment in _segments(rows)], 8) for column in sorted(columns)
    }
    for newest in read_tail(keys, stats["table"]):
        assert names[newest.row] in (bytes(width), newest.config_hash.ljust(width, b"\0"))
        names[newest.row] = newest.config_hash.ljust(width, b"\0")
        for column, cells in values.items():
            cells[newest.row] = newest.value(column)
    places = {name.decode(): place.decode() for name, place in client().hgetall(table.name("places")).items()}
    found: Table = {}
    for row, raw in enumerate(names):
        if raw == bytes(width):
            continue
        name = long[row] if raw[:1] == b"\xff" else raw.rstrip(b"\0").decode()
        assert name not in found, f"{name} has two rows"
        bits = {column: int.from_bytes(cells[row], "little") ^ MISSING for column, cells in values.items()}
        found[name] = {column: one for column, one in bits.items() if one != MISSING}
        place, shape = places[name].split(" ")
        assert int(place) == row
        assert shape == "*" or found[name].keys() == shapes[shape] <= columns
    assert places.keys() == found.keys()
    assert long.keys() <= {row for row, raw in enumerate(names) if raw[:1] == b"\xff"}
    free = [int(member.split(b" ")[0]) for member in client().smembers(table.name("free"))]
    assert sorted(free) == [row for row, raw in enumerate(names) if raw == bytes(width)]
    return found


def _segments(rows: int) -> range:
    return range(-(-rows // SEGMENT_ROWS))


def _cells(keys: list[str], width: int) -> list[bytes]:
    """Return the rows of segments; what is not there is zero bytes."""
    texts = client().mget(keys) if keys else []
    whole = b"".join((text or b"").ljust(width * SEGMENT_ROWS, b"\0") for text in texts)
    return [whole[at : at + width] for at in range(0, len(whole), width)]


def expected_table(texts: dict[str, bytes]) -> Table:
    """Return what the table has to hold, from the stored text of each run."""
    return {
        name: {field: bits_of(value) for field, value in fields_of(read_run(name, text)).items()}
        for name, text in texts.items()
    }


def labels(sid: str = SID) -> dict[int, str]:
    """Return the texts that the table knows, by their bits."""
    found = client().hgetall(SessionKeys(sid).table(generation_of(sid)).name("texts"))
    newest = labels_of([one.texts for one in read_tail(SessionKeys(sid), generation_of(sid))])
    return {MISSING + int(code): text.decode() for code, text in found.items()} | {
        MISSING + code: text for code, text in newest.items()
    }


def table_keys(sid: str = SID) -> set[str]:
    """Return every key of any generation of the session's table."""
    return {key.decode() for key in client().scan_iter(match=SessionKeys(sid).pattern(SessionKeys(sid).table_prefix))}


def same(found: Any, wanted: Any) -> None:
    """Assert that two tables are equal, and name the first run that is not."""
    assert found.keys() == wanted.keys()
    for name, values in wanted.items():
        assert found[name] == values, name
