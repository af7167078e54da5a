"""Comparing a session's sweep table with its records, a segment at a time; nothing is changed.

Kept in memory: which row each run has, some 0.3 kB a run, and one segment of every column.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

import msgspec
import numpy as np
import numpy.typing as npt

from bots_app.check_rows import LOOKED_AT, NO_RUN, Difference, Place, TableRows, place_in
from bots_app.indexing import READ_RUNS, Run, named_statuses, read_texts
from bots_app.records import UnreadableRun, read_run
from bots_app.table.fields import fields_of
from bots_app.table.kept_columns import MOST_COLUMNS, MOST_WRITTEN, RESERVED
from bots_app.table.shapes import Fields, canonical_names
from bots_app.table.values import MISSING, bits_of
from dashboard.store.client import client
from dashboard.store.keys import SEGMENT_ROWS, SessionKeys
from dashboard.store.shared import chunked
from dashboard.tolerant import from_bytes

#: The shape of runs beyond those that are told apart, as in table_shapes.lua.
ANY = "*"
#: Different fields that are counted.
MOST_COUNTED = 20_000

Bits = npt.NDArray[np.uint64]


def table_differences(keys: SessionKeys, generation: str) -> Iterator[Difference]:
    """Yield how the table differs from the records of the runs that the rows of the list name.

    A run that is written meanwhile is looked at again. Cost: reads every record and every column once.
    """
    rows = TableRows(keys, generation)
    yield from rows.differences()
    yield from _missing(keys, generation)
    values = _Values(keys, generation)
    for segment, found in groupby(rows.places.items(), key=lambda item: item[1].row // SEGMENT_ROWS):
        places: dict[str, Place] = {}
        for some in chunked(found, LOOKED_AT):
            listed = client().hmget(keys.index("rows"), [name for name, _ in some])
            for (name, place), row in zip(some, listed, strict=True):
                if row is not None:
                    places[from_bytes(name)] = place
                elif not client().hexists(keys.index("rows"), name) and rows.place_of(name) == place:
                    yield NO_RUN, from_bytes(name)
        yield from values.differences(segment, places)
    yield from values.left_out()


def _missing(keys: SessionKeys, generation: str) -> Iterator[Difference]:
    places = keys.table(generation).name("places")
    for some in chunked(client().hscan_iter(keys.index("rows"), count=LOOKED_AT), LOOKED_AT):
        names = [name for name, _ in some]
        for name, place in zip(names, client().hmget(places, names), strict=True):
            if place is None and _is_missing(keys, places, name):
                yield "table: a run is missing", from_bytes(name)


def _is_missing(keys: SessionKeys, places: str, name: bytes) -> bool:
    """Tell whether a run is listed and has no place, both at one moment."""
    pipe = client().pipeline(transaction=True)
    pipe.hexists(keys.index("rows"), name)
    pipe.hexists(places, name)
    return bool(pipe.execute() == [1, 0])


class _Values:
    """The columns of one generation beside what the records say."""

    def __init__(self, keys: SessionKeys, generation: str) -> None:
        self.keys, self.table = keys, keys.table(generation)
        self.columns = sorted(self._columns())
        self._shapes: dict[str, frozenset[str] | None] = {}
        self._counts: Counter[str] = Counter()

    def differences(self, segment: int, places: Mapping[str, Place]) -> Iterator[Difference]:
        """Yield what is wrong in the rows of a segment."""
        columns = self._stored(segment)
        for hashes in chunked(places, READ_RUNS):
            fields = [fields_of(run) for run in _runs(self.keys, hashes)]
            self._count(fields)
            at = np.array([places[one].row % SEGMENT_ROWS for one in hashes], dtype=np.intp)
            for name in self.columns:
                wanted = np.array([bits_of(one.get(name)) for one in fields], dtype=np.uint64)
                for place in np.flatnonzero(columns[name][at] != wanted).tolist():
                    if self._is_wrong(hashes[place], name):
                        yield "table: a wrong value", f"{hashes[place]} ({name})"
            for config_hash, one in zip(hashes, fields, strict=True):
                if not self._is_shape(places[config_hash].shape, one) and self._has_wrong_shape(config_hash):
                    yield "table: a wrong shape", config_hash

    def left_out(self) -> Iterator[Difference]:
        """Yield fields that ought to have a column, once all runs have been seen."""
        columns, always = self._columns(), canonical_names()
        others = [(self._counts[name], name) for name in columns - always]
        least, rarest = min(others, default=(0, ""))
        for name, count in sorted(self._counts.items()):
            if name in columns:
                continue
            if len(columns) < MOST_COLUMNS - (0 if name in always else RESERVED):
                yield "table: a field without a column", name
            elif count > least and len(self._counts) <= MOST_WRITTEN:
                # Of still more different fields a rebuild leaves some out before it has seen all runs.
                words = f"{name} of {count:,} runs, while {rarest} of {least:,} has one"
                yield "table: a field without a column that more runs have than one with a column", words

    def _columns(self) -> set[str]:
        return set(map(from_bytes, client().smembers(self.table.name("columns"))))

    def _count(self, fields: Sequence[Fields]) -> None:
        for shape, count in Counter(one.shape for one in fields).items():
            for name in shape.names:
                if name in self._counts or len(self._counts) < MOST_COUNTED:
                    self._counts[name] += count

    def _is_shape(self, shape: str, fields: Fields) -> bool:
        """Tell whether a shape is that of a run with these fields."""
        if shape == ANY:
            return True
        if shape not in self._shapes:
            text = client().hget(self.table.name("shapes"), shape)
            try:
                self._shapes[shape] = frozenset(msgspec.json.decode(text or b"", type=list[str]))
            except msgspec.DecodeError:
                self._shapes[shape] = None
        named = self._shapes[shape]
        return shape == fields.shape.digest and named is not None and named == set(fields).intersection(self.columns)

    def _has_wrong_shape(self, config_hash: str) -> bool:
        """Tell whether the shape is not that of the record, both read at the same time."""
        before = _runs(self.keys, [config_hash])[0]
        place = place_in(client().hget(self.table.name("places"), config_hash))
        after = _runs(self.keys, [config_hash])[0]
        self.columns = sorted(self._columns())
        if place is None:
            return False
        self._shapes.pop(place.shape, None)
        return not any(self._is_shape(place.shape, fields_of(run)) for run in (before, after))

    def _is_wrong(self, config_hash: str, field: str) -> bool:
        """Tell whether a value is not that of the record, both read at the same time."""
        place = place_in(client().hget(self.table.name("places"), config_hash))
        if place is None:
            return False
        key, at = self.table.values(place.row // SEGMENT_ROWS, field), 8 * (place.row % SEGMENT_ROWS)
        before, [text], after = (
            _runs(self.keys, [config_hash])[0], client().mget([key]), _runs(self.keys, [config_hash])[0],
        )  # fmt: skip
        wanted = {bits_of(fields_of(run).get(field)) for run in (before, after)}
        return int.from_bytes((text or b"")[at : at + 8].ljust(8, b"\0"), "little") ^ MISSING not in wanted

    def _stored(self, segment: int) -> dict[str, Bits]:
        found = {}
        for some in chunked(self.columns, 50):
            contents = client().mget([self.table.values(segment, name) for name in some])
            for name, content in zip(some, contents, strict=True):
                whole = (content or b"").ljust(8 * SEGMENT_ROWS, b"\0")
                found[name] = np.frombuffer(whole[: 8 * SEGMENT_ROWS], dtype="<u8") ^ np.uint64(MISSING)
        return found


def _runs(keys: SessionKeys, hashes: Sequence[str]) -> list[Run]:
    found: list[Run] = [
        read_run(config_hash, text) if reason is None else UnreadableRun(config_hash, reason)
        for config_hash, (text, reason) in zip(hashes, read_texts(keys, hashes), strict=True)
    ]
    return named_statuses(keys, found)
