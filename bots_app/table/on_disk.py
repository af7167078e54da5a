"""Columns that lie in a file without a name instead of in memory: for exports, which look at many of them once."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from django.conf import settings

from bots_app.table.columns import Column, Pinned, span
from bots_app.table.hashes import WORD, Rows
from bots_app.table.session_table import SessionTable
from bots_app.table.snapshot import Snapshot
from bots_app.table.values import MISSING, Floats, Mask, to_stored
from dashboard.errors import Unavailable
from dashboard.store.keys import SEGMENT_ROWS, SessionKeys


class Scratch:
    """A file that goes with its process at the latest; what was not written to it reads as zero bytes.

    Every method raises Unavailable when the disk is full or fails.
    """

    def __init__(self) -> None:
        with _told():
            self._file = tempfile.TemporaryFile(dir=settings.VAR_DIR, buffering=0)  # noqa: SIM115 - see `close`
        self._size = 0

    def allot(self, size: int) -> int:
        """Return where the next so many bytes begin."""
        start = self._size
        self._size += size
        with _told():
            self._file.truncate(self._size)
        return start

    def write(self, start: int, content: memoryview) -> None:
        """Put down bytes."""
        with _told():
            while content:
                written = os.pwrite(self._file.fileno(), content, start)
                start, content = start + written, content[written:]

    def read(self, start: int, size: int) -> bytearray:
        """Return bytes that were allotted."""
        content = bytearray(size)
        rest = memoryview(content)
        with _told():
            while rest:
                found = os.preadv(self._file.fileno(), [rest], start)
                if not found:
                    raise OSError("the file is shorter than what was written to it")
                start, rest = start + found, rest[found:]
        return content

    def close(self) -> None:
        """Give the room on the disk back."""
        self._file.close()


@contextmanager
def _told() -> Iterator[None]:
    """Turn what is wrong with the disk into what a user can be told."""
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        raise Unavailable(f"The server cannot put the columns of this file on its disk ({why}); try again.") from error


class Kept:
    """An array in a scratch file, of which parts can be had."""

    def __init__(self, scratch: Scratch, array: npt.NDArray[Any]) -> None:
        self._scratch, self._dtype = scratch, array.dtype
        self._start = scratch.allot(array.nbytes)
        scratch.write(self._start, np.ascontiguousarray(array).view(np.uint8).data)

    def part(self, first: int, last: int) -> npt.NDArray[Any]:
        """Return the values from the first on and before the last, counted from 0."""
        size = self._dtype.itemsize
        return np.frombuffer(self._scratch.read(self._start + first * size, (last - first) * size), dtype=self._dtype)


class FileColumn(Column):
    """A column in a file. It is read each time that `values` is asked for, and takes no memory else."""

    def __init__(self, scratch: Scratch, segments: int) -> None:
        Pinned.__init__(self)
        self._scratch = scratch
        self._numbers: npt.NDArray[np.int32] = np.zeros(segments, dtype=np.int32)
        self._others = self._numbers.copy()
        self._totals = None
        self.nbytes = self._numbers.nbytes + self._others.nbytes
        self._start = scratch.allot(segments * SEGMENT_ROWS * WORD)

    @property
    def values(self) -> Floats:  # type: ignore[override] # elsewhere an array that is held
        """Return all values, in an array of the caller's own."""
        content = self._scratch.read(self._start, len(self._numbers) * SEGMENT_ROWS * WORD)
        bits = np.frombuffer(content, dtype="<u8")
        np.bitwise_xor(bits, np.uint64(MISSING), out=bits)
        return bits.view(np.float64)

    def copy(self, segments: int) -> FileColumn:
        """Return the same with room for so many segments."""
        other = FileColumn(self._scratch, segments)
        count = min(segments, len(self._numbers))
        for segment in range(count):
            other._write(segment, self._scratch.read(self._place(segment), SEGMENT_ROWS * WORD))
        other._numbers[:count], other._others[:count] = self._numbers[:count], self._others[:count]
        other.revision, other.used = self.revision, self.used
        return other

    def has_room(self, segments: int) -> bool:
        return len(self._numbers) >= segments

    def put(self, segment: int, content: bytes | None, live: Mask) -> None:
        """Set a segment from the bytes in the store; `live` tells which of all rows hold a run."""
        one, self._totals = Column(1), None
        one.put(0, content, live[span(segment)])
        self._numbers[segment], self._others[segment] = one.numbers, one.others
        self._write(segment, to_stored(one.values))

    def put_rows(self, rows: Rows, content: bytes, live: Mask) -> None:
        """Set some rows from the bytes in the store."""
        values, self._totals = np.frombuffer(content, dtype="<u8"), None
        for segment in np.unique(rows // SEGMENT_ROWS).tolist():
            is_here, live_here = rows // SEGMENT_ROWS == segment, live[span(segment)]
            one = Column(1)
            one.put(0, bytes(self._scratch.read(self._place(segment), SEGMENT_ROWS * WORD)), live_here)
            one.put_rows(rows[is_here] % SEGMENT_ROWS, values[is_here].tobytes(), live_here)
            self._numbers[segment], self._others[segment] = one.numbers, one.others
            self._write(segment, to_stored(one.values))

    def _place(self, segment: int) -> int:
        return self._start + segment * SEGMENT_ROWS * WORD

    def _write(self, segment: int, content: bytes | bytearray) -> None:
        self._scratch.write(self._place(segment), memoryview(content))


@contextmanager
def snapshot_on_disk(keys: SessionKeys, fields: Collection[str]) -> Iterator[Snapshot]:
    """Give the state of now of these fields of a session, as `TableMemory.snapshot` does, and keep nothing of it.

    Raises SessionGone, NotBuilt, Unavailable. Cost: all columns are read from the store, some 20 ms each a million
    runs; in memory are the hashes alone.
    """
    with closing(Scratch()) as scratch:
        yield SessionTable(keys, partial(FileColumn, scratch)).snapshot(fields)
