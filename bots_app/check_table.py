"""Comparing a session's sweep table with its records, a segment at a time; nothing is changed.

Kept in memory: which row each run has, some 0.1 kB a run, and one segment of every column.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from bots_app.indexing import READ_RUNS, Run, named_statuses, read_texts
from bots_app.records import UnreadableRun, read_run
from bots_app.table.fields import fields_of
from bots_app.table.values import MISSING, bits_of
from dashboard.store.client import client
from dashboard.store.keys import SEGMENT_ROWS, SessionKeys
from dashboard.store.shared import chunked
from dashboard.tolerant import from_bytes

#: Entries of a hash looked at in one step.
LOOKED_AT = 1_000

Bits = npt.NDArray[np.uint64]
#: A kind of difference, and an example of it.
Difference = tuple[str, str]


def table_differences(keys: SessionKeys, generation: str) -> Iterator[Difference]:
    """Yield how the table differs from the records of the runs that the rows of the list name.

    A run that is written meanwhile is looked at again. Cost: reads every record and every column once.
    """
    table = keys.table(generation)
    by_segment: dict[int, dict[str, int]] = {}
    found = client().hscan_iter(table.name("places"), count=LOOKED_AT)
    for some in chunked(found, LOOKED_AT):
        listed = client().hmget(keys.index("rows"), [name for name, _ in some])
        for (name, place), row in zip(some, listed, strict=True):
            if row is None:
                yield "table: a run that does not exist", from_bytes(name)
            else:
                at = int(place.split()[0])
                by_segment.setdefault(at // SEGMENT_ROWS, {})[from_bytes(name)] = at % SEGMENT_ROWS
    yield from _missing(keys, generation)
    for segment, places in sorted(by_segment.items()):
        for config_hash, field in _wrong_values(keys, generation, segment, places):
            if _is_wrong(keys, generation, config_hash, field):
                yield "table: a wrong value", f"{config_hash} ({field})"


def _missing(keys: SessionKeys, generation: str) -> Iterator[Difference]:
    places = keys.table(generation).name("places")
    for some in chunked(client().hscan_iter(keys.index("rows"), count=LOOKED_AT), LOOKED_AT):
        names = [name for name, _ in some]
        for name, place in zip(names, client().hmget(places, names), strict=True):
            if place is None:
                yield "table: a run is missing", from_bytes(name)


def _wrong_values(
    keys: SessionKeys, generation: str, segment: int, places: Mapping[str, int]
) -> Iterator[tuple[str, str]]:
    """Yield (configHash, field) of values that are not those of the record."""
    names = _columns(keys, generation)
    columns = _stored(keys, generation, segment, names)
    for hashes in chunked(places, READ_RUNS):
        runs = _runs(keys, hashes)
        at = np.array([places[one] for one in hashes], dtype=np.intp)
        fields = [fields_of(run) for run in runs]
        for name in names:
            wanted = np.array([bits_of(one.get(name)) for one in fields], dtype=np.uint64)
            for place in np.flatnonzero(columns[name][at] != wanted).tolist():
                yield hashes[place], name


def _is_wrong(keys: SessionKeys, generation: str, config_hash: str, field: str) -> bool:
    """Tell whether a value is not that of the record, both read at the same time."""
    table = keys.table(generation)
    place = client().hget(table.name("places"), config_hash)
    if place is None:
        return False
    row = int(place.split()[0])
    key, at = table.values(row // SEGMENT_ROWS, field), 8 * (row % SEGMENT_ROWS)
    before, content, after = (
        _runs(keys, [config_hash])[0], client().getrange(key, at, at + 7), _runs(keys, [config_hash])[0],
    )  # fmt: skip
    wanted = {bits_of(fields_of(run).get(field)) for run in (before, after)}
    return int.from_bytes(content.ljust(8, b"\0"), "little") ^ MISSING not in wanted


def _runs(keys: SessionKeys, hashes: Sequence[str]) -> list[Run]:
    found: list[Run] = [
        read_run(config_hash, text) if reason is None else UnreadableRun(config_hash, reason)
        for config_hash, (text, reason) in zip(hashes, read_texts(keys, hashes), strict=True)
    ]
    return named_statuses(keys, found)


def _columns(keys: SessionKeys, generation: str) -> list[str]:
    return sorted(map(from_bytes, client().smembers(keys.table(generation).name("columns"))))


def _stored(keys: SessionKeys, generation: str, segment: int, names: Sequence[str]) -> dict[str, Bits]:
    table, found = keys.table(generation), {}
    for some in chunked(names, 50):
        contents = client().mget([table.values(segment, name) for name in some])
        for name, content in zip(some, contents, strict=True):
            whole = (content or b"").ljust(8 * SEGMENT_ROWS, b"\0")
            found[name] = np.frombuffer(whole, dtype="<u8") ^ np.uint64(MISSING)
    return found
