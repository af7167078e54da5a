"""The rows of an export in its order: put on the disk from a snapshot, and read a part at a time after it is closed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bots_app.exports import Kind
from bots_app.exports.values import codes_in, reader_of
from bots_app.table.hashes import Hashes, Rows
from bots_app.table.on_disk import Kept, Scratch
from bots_app.table.ordering import Ordering, TablePosition
from bots_app.table.snapshot import Snapshot, UnknownField
from bots_app.table.values import bits_in
from dashboard.store import cursor as cursors


class OrderedHashes:
    """The configHash of each row."""

    def __init__(self, scratch: Scratch, hashes: Hashes, rows: Rows) -> None:
        self._words = [Kept(scratch, words[rows]) for words in hashes.words]
        self._rows, self._long = Kept(scratch, rows), hashes.long

    def part(self, first: int, last: int) -> list[bytes]:
        """Return the hashes of some rows."""
        rows = self._rows.part(first, last).tolist() if self._long else []
        long = {place: self._long[row] for place, row in enumerate(rows) if row in self._long}
        words = np.array([kept.part(first, last) for kept in self._words])
        return Hashes(words, long).at(np.arange(last - first))


class OrderedColumns:
    """The values of those fields whose columns tell all of them exactly."""

    def __init__(
        self, scratch: Scratch, snapshot: Snapshot, rows: Rows, names: Sequence[str], *, others: frozenset[str]
    ) -> None:  # fmt: skip
        """Raises UnknownField; `others` may have been meant then, too."""
        self._found = {}
        for name in names:
            if not snapshot.has(name):
                raise UnknownField(name, snapshot.names() | others)
            values = snapshot.column(name)
            reader = reader_of(snapshot, name, values)
            if reader is not None:
                self._found[name] = reader, Kept(scratch, values[rows])

    def kinds(self) -> dict[str, Kind]:
        """Return the fields that there are."""
        return {name: reader.kind for name, (reader, _) in self._found.items()}

    def part(self, first: int, last: int) -> dict[str, list[Any]]:
        """Return plain values of some rows by field."""
        return {name: reader.plain(kept.part(first, last)) for name, (reader, kept) in self._found.items()}


class OrderedCursors:
    """The cursor that goes on right behind each row."""

    def __init__(self, scratch: Scratch, ordering: Ordering, rows: Rows, scope: str) -> None:
        self._scope, self._keys = scope, []
        for field, _ in ordering.fields:
            values = ordering.snapshot.column(field)
            plain = {bits: ordering.plain(bits) for bits in codes_in(values, most=len(values))}
            self._keys.append((Kept(scratch, values[rows]), plain))

    def part(self, first: int, last: int, hashes: Sequence[bytes]) -> list[str]:
        """Return the cursors of some rows, which have these hashes."""
        levels = []
        for kept, plain in self._keys:
            values = kept.part(first, last)
            numbers, bits = values.tolist(), bits_in(values).tolist()
            levels.append([one if one == one else plain.get(code) for one, code in zip(numbers, bits, strict=True)])
        return [
            cursors.encode(TablePosition(tuple(values), one).pack(), scope=self._scope)
            for *values, one in zip(*levels, hashes, strict=True)
        ]
