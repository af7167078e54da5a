"""Comparing a session's sweep table with its records, a segment at a time; nothing is changed.

Kept in memory: which row each run has, some 0.3 kB a run, and one segment of every column.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

import msgspec
import numpy as np

from bots_app.bulk import STEP, Batch, BulkReader
from bots_app.check_rows import LOOKED_AT, NO_RUN, Difference, Place, TableRows, place_in
from bots_app.indexing import Run, named_statuses, read_texts
from bots_app.quick_reading import QuickReader
from bots_app.records import NOT_STORED, UnreadableRun, read_run
from bots_app.table.fields import fields_of
from bots_app.table.kept_columns import MOST_COLUMNS, MOST_WRITTEN, RESERVED
from bots_app.table.packing import Bits
from bots_app.table.quick_rows import Piece, QuickRow, piece_of, sorted_out
from bots_app.table.shapes import Fields, Shape, canonical_names
from bots_app.table.values import MISSING, bits_of
from dashboard.store.client import client
from dashboard.store.keys import SEGMENT_ROWS, SessionKeys
from dashboard.store.overlapped import Exchange
from dashboard.store.shared import chunked
from dashboard.store.table_tail import read_tail, read_tail_row
from dashboard.tolerant import from_bytes

#: The shape of runs beyond those that are told apart, as in table_shapes.lua.
ANY = "*"
#: Different fields that are counted.
MOST_COUNTED = 20_000
#: Strings of 32 KiB that one command reads.
AT_ONCE = 20


def table_differences(keys: SessionKeys, generation: str) -> Iterator[Difference]:
    """Yield how the table differs from the records of the runs that the rows of the list name.

    A run that is written meanwhile is looked at again. Cost: reads every record and every column once.
    """
    rows = TableRows(keys, generation)
    yield from rows.differences()
    yield from _missing(keys, generation)
    values, lost, places = _Values(keys, generation), list[bytes](), dict[str, Place]()
    with Exchange(keys.bots) as exchange:
        for batch in BulkReader(exchange, keys).batches(_listed(keys, rows, places, lost)):
            yield from values.differences(batch, [places.pop(name) for name in batch.hashes])
    for name in lost:
        if not client().hexists(keys.index("rows"), name) and rows.place_of(name) == rows.places[name]:
            yield NO_RUN, from_bytes(name)
    yield from values.left_out()


def _listed(
    keys: SessionKeys, rows: TableRows, places: dict[str, Place], lost: list[bytes]
) -> Iterator[list[str]]:  # fmt: skip
    """Yield the runs of the table that the list names, never those of two segments together.

    Puts down the place of each, and the runs that the list does not name.
    """
    for _, found in groupby(rows.places.items(), key=lambda item: item[1].row // SEGMENT_ROWS):
        for some in chunked((name for name, _ in found), STEP):
            listed = client().hmget(keys.index("rows"), some)
            known = [name for name, row in zip(some, listed, strict=True) if row is not None]
            places.update((from_bytes(name), rows.places[name]) for name in known)
            yield list(map(from_bytes, known))
            lost += [name for name, row in zip(some, listed, strict=True) if row is None]


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
        self.keys, self.generation, self.table = keys, generation, keys.table(generation)
        self.columns = sorted(self._columns())
        self._reader = QuickReader()
        #: The values last read, of one segment.
        self._segment, self._values = -1, dict[str, Bits]()
        #: Whether the table has a shape under a digest.
        self._are_shapes: dict[tuple[str, Shape], bool] = {}
        self._counts: Counter[str] = Counter()

    def differences(self, batch: Batch, places: Sequence[Place]) -> Iterator[Difference]:
        """Yield what is wrong in the rows of some runs of one segment."""
        if not places:
            return
        columns = self._stored(places[0].row // SEGMENT_ROWS)
        for numbers, piece in self._pieces(batch):
            self._count(piece.shapes)
            at = np.array([places[number].row % SEGMENT_ROWS for number in numbers], dtype=np.intp)
            wanted = dict(zip(piece.names, piece.values, strict=True))
            nothing = np.zeros(len(numbers), dtype="<u8")
            for name, stored in columns.items():
                for place in np.flatnonzero(stored[at] != wanted.get(name, nothing)).tolist():
                    config_hash = batch.hashes[numbers[place]]
                    if self._is_wrong(config_hash, name):
                        yield "table: a wrong value", f"{config_hash} ({name})"
            for number, shape in zip(numbers, piece.shapes, strict=True):
                config_hash = batch.hashes[number]
                if not self._is_shape(places[number].shape, shape) and self._has_wrong_shape(config_hash):
                    yield "table: a wrong shape", config_hash

    def _pieces(self, batch: Batch) -> Iterator[tuple[list[int], Piece]]:
        """Yield what the table has to say of some runs, of those together that were read alike, by their numbers."""
        fields: list[Fields | QuickRow] = []
        unreadable: dict[int, Run] = {}
        for config_hash, found in zip(batch.hashes, batch.fields(self._reader), strict=True):
            one = UnreadableRun(config_hash, NOT_STORED) if found is None else found
            if isinstance(one, UnreadableRun):
                unreadable[len(fields)] = one
                one = fields_of(one)
            fields.append(one)
        for number, run in zip(unreadable, named_statuses(self.keys, [*unreadable.values()]), strict=True):
            fields[number] = fields_of(run)
        pieces, alone = sorted_out(fields)
        yield from pieces
        if alone:
            yield [number for number, _ in alone], piece_of([one for _, one in alone])

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

    def _count(self, shapes: Sequence[Shape]) -> None:
        for shape, count in Counter(shapes).items():
            for name in shape.names:
                if name in self._counts or len(self._counts) < MOST_COUNTED:
                    self._counts[name] += count

    def _is_shape(self, digest: str, shape: Shape) -> bool:
        """Tell whether the table has the shape of a run with these fields under this digest."""
        known = self._are_shapes.get((digest, shape))
        if known is None:
            text = client().hget(self.table.name("shapes"), digest)
            try:
                named = set(msgspec.json.decode(text or b"", type=list[str]))
            except msgspec.DecodeError:
                named = None
            is_same = digest == shape.digest and named == set(shape.names).intersection(self.columns)
            known = self._are_shapes[digest, shape] = digest == ANY or is_same
        return known

    def _has_wrong_shape(self, config_hash: str) -> bool:
        """Tell whether the shape is not that of the record, both read at the same time."""
        before = _runs(self.keys, [config_hash])[0]
        place = place_in(client().hget(self.table.name("places"), config_hash))
        after = _runs(self.keys, [config_hash])[0]
        self.columns = sorted(self._columns())
        self._are_shapes.clear()
        self._segment = -1
        return place is not None and not any(
            self._is_shape(place.shape, fields_of(run).shape) for run in (before, after)
        )

    def _is_wrong(self, config_hash: str, field: str) -> bool:
        """Tell whether a value is not that of the record, both read at the same time."""
        place = place_in(client().hget(self.table.name("places"), config_hash))
        if place is None:
            return False
        before, found, after = (
            _runs(self.keys, [config_hash])[0], self._value(config_hash, place.row, field),
            _runs(self.keys, [config_hash])[0],
        )  # fmt: skip
        wanted = {bits_of(fields_of(run).get(field)) for run in (before, after)}
        return int.from_bytes(found, "little") ^ MISSING not in wanted

    def _value(self, config_hash: str, row: int, field: str) -> bytes:
        """Return what the table says of a run: its tail, or else the column."""
        newest = read_tail_row(self.keys, self.generation, config_hash.encode("utf-8", "surrogateescape"))
        if newest is not None:
            return newest.value(field)
        # MGET takes a key of another type for one that is not there.
        [text] = client().mget([self.table.values(row // SEGMENT_ROWS, field)])
        at = 8 * (row % SEGMENT_ROWS)
        return bytes((text or b"")[at : at + 8].ljust(8, b"\0"))

    def _stored(self, segment: int) -> dict[str, Bits]:
        """Return the values of a segment as they are stored: 0 for those that are missing."""
        if segment != self._segment:
            self._segment, self._values = segment, {}
            for some in chunked(self.columns, AT_ONCE):
                contents = client().mget([self.table.values(segment, name) for name in some])
                for name, content in zip(some, contents, strict=True):
                    whole = (content or b"").ljust(8 * SEGMENT_ROWS, b"\0")
                    self._values[name] = np.frombuffer(whole[: 8 * SEGMENT_ROWS], dtype="<u8").copy()
            for newest in read_tail(self.keys, self.generation):
                if newest.row // SEGMENT_ROWS == segment:
                    for name, values in self._values.items():
                        values[newest.row % SEGMENT_ROWS] = int.from_bytes(newest.value(name), "little")
        return self._values


def _runs(keys: SessionKeys, hashes: Sequence[str]) -> list[Run]:
    found: list[Run] = [
        read_run(config_hash, text) if reason is None else UnreadableRun(config_hash, reason)
        for config_hash, (text, reason) in zip(hashes, read_texts(keys, hashes), strict=True)
    ]
    return named_statuses(keys, found)
