"""One state of a session's sweep table, as a query looks at it: nothing in it changes while it is looked at."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

import msgspec
import numpy as np
import numpy.typing as npt

from bots_app.expressions import InvalidExpression, nearest_names
from bots_app.table.columns import Column, Frame
from bots_app.table.derived import Array, Compute, Derived
from bots_app.table.fields import canonical_names
from bots_app.table.hashes import Hashes, Rows
from bots_app.table.plateaus import with_plateaus
from bots_app.table.values import FALSE, MISSING, TRUE, Floats, Mask
from dashboard.errors import InvalidParameter, Unavailable
from dashboard.tolerant import from_bytes

#: Seconds to wait for another thread that works out the same.
WAIT_S = 10.0


class UnknownField(InvalidParameter):  # noqa: N818 - named as what it is raised for, like its base
    """Raised for a field of which no run of the session has a value; names those that may have been meant.

    `place` says where in the parameter it stands, '' for all of it.
    """

    def __init__(self, name: str, known: frozenset[str], *, parameter: str = "fields") -> None:
        self.field, self.nearest, self.place = name, nearest_names(name, known), ""
        self.shown = name if len(name) <= 60 else f"{name[:59]}…"
        hint = f" Did you mean {' or '.join(self.nearest)}?" if self.nearest else ""
        super().__init__(parameter, f"no run of this session has a field {self.shown!r}.{hint}")

    @classmethod
    def within(cls, error: InvalidExpression) -> UnknownField:
        """Return the error of a field in an expression."""
        found = cls(error.field, frozenset(), parameter="where")
        found.message, found.place, found.args = str(error), f"{error.place} ", (f"where: {error}",)
        return found


class Held(msgspec.Struct, frozen=True):
    """What a snapshot is made of; `rows` are those given out, empty ones included."""

    generation: str
    revision: int
    rows: int
    is_stale: bool
    names: frozenset[str]
    frame: Frame
    columns: Mapping[str, Column]
    derived: Derived
    changed_at: npt.NDArray[np.int64]
    texts: Callable[[], Mapping[int, str]]


class Snapshot:
    """The rows of a session at one revision, and the columns that were asked for."""

    def __init__(self, held: Held) -> None:
        self._held, self._columns = held, dict(held.columns)
        #: Columns that are worked out of others, see plateaus.py.
        self._worked_out: dict[str, Floats] = {}
        self.generation, self.revision, self.rows = held.generation, held.revision, held.rows
        #: Whether the table, or an index beside it, lacks runs that the session names.
        self.is_stale = held.is_stale

    def names(self) -> frozenset[str]:
        """Return the fields that may be asked for; a few of them may have lost their last value."""
        return with_plateaus(self._held.names)

    def is_live(self) -> Mask:
        """Tell of each row whether it holds a run."""
        return _shown(self._held.frame.live[: self.rows])

    @property
    def row_hashes(self) -> Hashes:
        """Return the configHash of each row, as selections take them."""
        return self._held.frame.hashes(self.rows)

    @property
    def hashes(self) -> npt.NDArray[np.bytes_]:
        """Return the configHash of each row, b"" of an empty one: a copy of them all."""
        return np.array(self.row_hashes.at(np.arange(self.rows)), dtype=np.bytes_)

    def hashes_at(self, rows: Rows | Sequence[int]) -> list[str]:
        """Return the configHashes of some rows."""
        return [from_bytes(found) for found in self.row_hashes.at(np.asarray(rows, dtype=np.intp))]

    def has(self, name: str) -> bool:
        """Tell whether a field that was asked for is known: some run has a value of it, or every list knows it."""
        column = self._columns.get(name)
        is_stored = column is not None and column.numbers + column.others > 0
        return is_stored or name in canonical_names() or name in self._worked_out

    def column(self, name: str) -> Floats:
        """Return the values of a field that was asked for, one a row. Raises UnknownField."""
        if not self.has(name):
            raise UnknownField(name, self.names())
        if name in self._worked_out:
            return self._worked_out[name]
        column = self._columns.get(name)
        return _shown(np.full(self.rows, np.nan) if column is None else column.values[: self.rows])

    def has_numbers(self, name: str) -> bool:
        """Tell whether a field that was asked for is a number in some run."""
        if name in self._worked_out:
            return not np.isnan(self._worked_out[name]).all()
        column = self._columns.get(name)
        return column is not None and column.numbers > 0

    def has_others(self, name: str) -> bool:
        """Tell whether a field that was asked for is a text or a boolean in some run."""
        column = self._columns.get(name)
        return column is not None and column.others > 0

    def texts(self) -> Mapping[int, str]:
        """Return the texts kept beside their codes (the bits of a value less MISSING). May ask the store."""
        return self._held.texts()

    def label(self, bits: int) -> str | bool | None:
        """Return the text or boolean with these bits, None for one that is not kept."""
        code = bits - MISSING
        return {TRUE: True, FALSE: False}[code] if code in (TRUE, FALSE) else self.texts().get(code)

    @property
    def history(self) -> object:
        """Return what is the same object as long as revisions tell states apart: a server may lose its last writes."""
        return self._held.derived

    def derive(self, key: tuple[object, ...], compute: Compute, *, of: Collection[str]) -> Array:
        """Return an array worked out row by row from the columns of these fields, kept until its rows change."""
        held = self._held
        changed_at = held.changed_at
        if not self._worked_out.keys().isdisjoint(of):
            # A write somewhere may have changed them anywhere.
            changed_at = np.full_like(changed_at, self.revision)
        return held.derived.get(key, compute, rows=self.rows, revision=self.revision, changed_at=changed_at)

    def kept(self, key: tuple[object, ...]) -> Array | None:
        """Return what was worked out for this revision, None when it is not kept."""
        return self._held.derived.at(key, revision=self.revision)

    def keep(self, key: tuple[object, ...], values: Array) -> None:
        """Keep what was worked out for this revision, for as long as there is room."""
        self._held.derived.put(key, values, revision=self.revision)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Have no other thread of this process work out the same meanwhile. Raises Unavailable."""
        lock = self._held.derived.turn
        if not lock.acquire(timeout=WAIT_S):
            raise Unavailable("The plateau scores of this session are still being worked out; try again in a moment.")
        try:
            yield
        finally:
            lock.release()

    def add(self, name: str, values: Floats) -> None:
        """Have a column that is worked out, of numbers, one a row."""
        self._worked_out[name] = _shown(values)

    def keep_only(self, fields: Collection[str]) -> None:
        """Let go of all stored columns but those of these fields."""
        for name in self._columns.keys() - set(fields):
            self._columns.pop(name).unpin()

    def release(self) -> None:
        """Let what was looked at be changed again."""
        for pinned in (self._held.frame, *self._columns.values()):
            pinned.unpin()


def _shown(values: npt.NDArray) -> npt.NDArray:
    values = values.view()
    values.flags.writeable = False
    return values
