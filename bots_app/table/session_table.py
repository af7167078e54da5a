"""The columns of one session that a process holds, brought up to date before every use.

One thread at a time asks the store what has changed and puts it in; computing needs no lock. What a reader looks at is
pinned: a change that comes meanwhile is made in a copy, once a reader. Short queries of four threads on two cores, 100
writes a second going on, were no quicker so than one by one under the lock (some 320 a second either way); but an
analysis that takes seconds holds up nobody.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import TypeVar

import numpy as np

from bots_app.table.columns import ENTRY_BYTES, Column, Frame, segments_of
from bots_app.table.derived import Derived
from bots_app.table.hashes import words_from
from bots_app.table.snapshot import Held, Snapshot
from dashboard.errors import DashboardError, Unavailable
from dashboard.store.keys import SEGMENT_ROWS, SessionKeys
from dashboard.store.table import (
    ChangedRows,
    TableReply,
    read_hashes,
    read_long,
    read_same,
    read_table,
    read_texts,
    read_values,
)
from dashboard.store.table_tail import TailRow, labels_of

#: Segments of one column that the store may answer at once: 4 MB, about 3 ms of its time. Where writers change more
#: than that while it is read, the next attempt asks for twice as much.
MOST_SEGMENTS = 128
#: Attempts at having one state of a table that is written all the time; the last one may ask for 1,000,000 rows of 60
#: columns.
ATTEMPTS = 8
#: Runs of the tail whose texts are kept until somebody asks for them.
MOST_TOLD = 2_000
#: Seconds to wait for another thread that loads the same session.
WAIT_S = 10.0

_uses = count(1)
Kept = TypeVar("Kept", Frame, Column)
Answer = TypeVar("Answer")
#: Returns the hashes of the runs whose rows go with an answer.
HashesOf = Callable[[Answer], Sequence[str]]


class SessionGone(Exception):  # noqa: N818 - a fact that the caller acts on
    """Raised when there is no such session in the store."""


class SessionTable:
    """What a process holds of one session's table; `make_column` makes room for so many segments of a column."""

    def __init__(self, keys: SessionKeys, make_column: Callable[[int], Column] = Column) -> None:
        self.keys, self._make_column = keys, make_column
        self._lock = threading.Lock()
        #: When the last look at the store began that everything held is as new as (monotonic nanoseconds).
        self._looked_at = 0
        #: Whether nothing had changed when the store was asked last.
        self._is_quiet = False
        self.used = 0
        self._begin("", 0, 8)

    def _begin(self, generation: str, rows: int, width: int) -> None:
        """Forget everything: the store has another table."""
        self.generation, self.rows, self.width = generation, rows, width
        self.is_stale = False
        self.names: frozenset[str] = frozenset()
        self._texts: Mapping[int, str] = {}
        self._texts_count = self._texts_bytes = 0
        #: Texts of runs of the tail, as the store told them, that are not among the others yet.
        self._told_texts: list[bytes] = []
        self.frame: Frame | None = None
        self.columns: dict[str, Column] = {}
        #: What the store said of the state that is held whole, '' while none is.
        self._said = ""
        self.derived = Derived()
        self._changed_at = np.zeros(segments_of(rows) + 1, dtype=np.int64)

    @property
    def nbytes(self) -> int:
        frame = self.frame.nbytes if self.frame is not None else 0
        return (
            frame
            + self._texts_bytes
            + self.derived.nbytes
            + sum(column.nbytes for column in list(self.columns.values()))
        )

    def snapshot(self, fields: Collection[str]) -> Snapshot:
        """Return the state of now of these fields and no others, to be released.

        A field that has no column is left out. Raises SessionGone, NotBuilt, Unavailable. Cost: one round trip if the
        fields are held already.
        """
        arrived = time.monotonic_ns()
        with self._held_lock():
            if self._looked_at < arrived or not self._has(fields):
                self._refresh(fields)
            return self._pinned(fields)

    def _pinned(self, fields: Collection[str]) -> Snapshot:
        """Return what is held of these fields."""
        self.used = next(_uses)
        columns = {name: self.columns[name] for name in fields if name in self.columns}
        assert self.frame is not None
        for pinned in (self.frame, *columns.values()):
            pinned.pin()
            pinned.used = self.used
        return Snapshot(
            Held(
                self.generation,
                self.frame.revision,
                self.rows,
                self.is_stale,
                self.names,
                self.frame,
                columns,
                self.derived,
                self._changed_at.copy(),
                self._read_texts,
            )  # fmt: skip
        )

    def guess(
        self, fields: Collection[str], work: Callable[[Snapshot], Answer], *, hashes_of: HashesOf[Answer]
    ) -> tuple[Answer, list[bytes | None]] | None:
        """Return what is worked out from what is held, and the rows that go with it, of the same state.

        Whether that is the state of now is asked last, together with the rows: one round trip in all. None where it is
        not, or was not when the store was asked before; also for an error of `work`, as the state of now may know none.
        """
        if not self._lock.acquire(blocking=False):
            return None
        try:
            said = self._said
            if not (said and self._is_quiet and self._has(fields)):
                return None
            snapshot = self._pinned(fields)
        finally:
            self._lock.release()
        try:
            answer = work(snapshot)
        except DashboardError:
            return None
        finally:
            snapshot.release()
        rows = read_same(self.keys, said, hashes_of(answer))
        self._is_quiet = rows is not None
        return None if rows is None else (answer, rows)

    @contextmanager
    def _held_lock(self) -> Iterator[None]:
        if not self._lock.acquire(timeout=WAIT_S):
            raise Unavailable("The columns of this session are still being loaded; try again in a moment.")
        try:
            yield
        finally:
            self._lock.release()

    def drop(self, name: str) -> bool:
        """Let go of a column, unless it is in use or another thread is busy with the session."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            column = self.columns.get(name)
            if column is None or column.pins:
                return False
            del self.columns[name]
            return True
        finally:
            self._lock.release()

    def is_idle(self) -> bool:
        """Tell whether nobody looks at it."""
        return not self._lock.locked() and not any(kept.pins for kept in (self.frame, *self.columns.values()) if kept)

    def _has(self, fields: Collection[str]) -> bool:
        """Tell whether these fields are as new as the hashes are."""
        return self.frame is not None and all(
            self.columns[name].revision == self.frame.revision if name in self.columns else name not in self.names
            for name in fields
        )

    def _missing(self, fields: Collection[str]) -> list[str]:
        """Return the fields with a column that is not held."""
        return [name for name in fields if name in self.names and name not in self.columns]

    def _refresh(self, fields: Collection[str]) -> None:
        """Bring hashes and fields to one state, which is not older than this call."""
        began, most, self._said = time.monotonic_ns(), MOST_SEGMENTS, ""
        for _ in range(ATTEMPTS):
            held = [name for name in fields if name in self.columns] if self.frame is not None else []
            kept = [self.frame, *(self.columns[name] for name in held)] if self.frame is not None else []
            since = min((one.revision for one in kept if one is not None), default=0)
            reply = read_table(
                self.keys, generation=self.generation if kept else "", revision=since, names=len(self.names),
                fields=held, most=most, is_cold=bool(self._missing(fields)),
            )  # fmt: skip
            if reply is None:
                raise SessionGone()
            if self._take(reply, held, since, fields):
                self._looked_at, self._is_quiet = began, not (reply.changes or reply.tail)
                self._said = reply.state(len(self.names)) if reply.generation else ""
                return
            most *= 2
        raise Unavailable("The runs of this session are being written too quickly to be read; try again in a moment.")

    def _take(self, reply: TableReply, held: list[str], since: int, fields: Collection[str]) -> bool:
        """Put in what the store has answered, and load what is not there; tell whether that was the last of it."""
        # A column that nobody knew of before is read next time, when the store has been asked for the whole tail; so is
        # any where the revision goes back, which is that of a server that has lost its last writes.
        missing, is_behind = self._missing(fields), reply.revision < since
        is_other = reply.generation != self.generation
        if is_other or is_behind:
            self._begin(reply.generation, reply.rows, reply.width)
            held = []
        self.rows, self.is_stale = reply.rows, reply.is_stale
        if reply.names is not None:
            self.names = reply.names
        if reply.texts != self._texts_count:
            # Those of the tail are among them now.
            self._texts, self._texts_count, self._texts_bytes, self._told_texts = {}, reply.texts, 0, []
        self._note_changes(reply.changes)
        self._note_changes({one.row // SEGMENT_ROWS: one.revision for one in sorted(reply.tail, key=_revision)})
        is_first = self.frame is None
        if is_first:
            frame = Frame(segments_of(self.rows), self.width)
            self._load_hashes(frame, range(segments_of(self.rows)), reply.revision)
            self.frame = frame
        elif reply.changed_rows is not None:
            self._put_rows(reply.changed_rows, held, reply.revision)
        elif reply.is_whole:
            self._put(reply, held)
        else:
            self._load_hashes(self._own_frame(has_changed=True), reply.moved, reply.revision)
            for name in held:
                self._load(name, list(reply.changes), reply.revision)
        if is_first:
            missing = [] if is_behind and not is_other else self._missing(fields)
        for name in missing:
            self._load(name, range(segments_of(self.rows)), reply.revision)
        if reply.tail:
            self._put_tail(reply.tail, [name for name in fields if name in self.columns])
        is_resolved = self._resolve()
        if not reply.generation:
            return True
        is_done = reply.is_whole and is_resolved and not is_first and not missing
        is_done = is_done and not self._missing(fields)
        if is_done and self.frame is not None and np.count_nonzero(self.frame.live) != reply.places:
            # Somebody has changed the table by hand: a run is listed twice, or not at all.
            self.is_stale = True
        return is_done

    def _note_changes(self, changes: Mapping[int, int]) -> None:
        segments = segments_of(self.rows)
        if len(self._changed_at) < segments:
            self._changed_at = np.concatenate([self._changed_at, np.zeros(segments, dtype=np.int64)])
        for segment, revision in changes.items():
            self._changed_at[segment] = revision

    def _put(self, reply: TableReply, held: list[str]) -> None:
        frame = self._own_frame(has_changed=bool(reply.moved))
        for segment, content in zip(reply.moved, reply.hashes, strict=True):
            frame.put(segment, content)
        frame.revision = reply.revision
        for name, pieces in zip(held, reply.pieces, strict=False):
            column = self._own_column(name, has_changed=bool(pieces))
            for segment, content in zip(reply.changes, pieces, strict=True):
                column.put(segment, content, frame.live)
            column.revision = reply.revision

    def _put_rows(self, changed: ChangedRows, held: list[str], revision: int) -> None:
        rows, frame = np.array(changed.rows), self._own_frame(has_changed=False)
        if changed.hashes and not frame.has_rows(rows, words := words_from(changed.hashes, self.width)):
            frame = self._own_frame(has_changed=True)
            frame.put_rows(rows, words)
        frame.revision = revision
        for name, content in zip(held, changed.values, strict=True):
            column = self._own_column(name, has_changed=True)
            column.put_rows(rows, content, frame.live)
            column.revision = revision

    def _put_tail(self, tail: Sequence[TailRow], fields: Sequence[str]) -> None:
        """Put in runs that are newer than what the columns in the store say."""
        rows = np.array([one.row for one in tail])
        words = words_from(b"".join(one.config_hash.ljust(self.width, b"\0") for one in tail), self.width)
        frame = self._own_frame(has_changed=False)
        if not frame.has_rows(rows, words):
            frame = self._own_frame(has_changed=True)
            frame.put_rows(rows, words)
        for name in fields:
            column = self._own_column(name, has_changed=True)
            column.put_rows(rows, b"".join(one.value(name) for one in tail), frame.live)
        self._told_texts = [*self._told_texts[-MOST_TOLD:], *(one.texts for one in tail)]

    def _load_hashes(self, frame: Frame, segments: Collection[int], revision: int) -> None:
        for segment, content in read_hashes(self.keys, self.generation, list(segments), self.width):
            frame.put(segment, content)
        frame.revision = revision

    def _load(self, name: str, segments: Collection[int], revision: int) -> None:
        """Read segments of a column; what is there then is at least of that revision, and part of it may be newer."""
        frame = self._own_frame(has_changed=False)
        if name in self.columns:
            column = self._own_column(name, has_changed=True)
        else:
            column = self._make_column(segments_of(self.rows))
        for segment, content in read_values(self.keys, self.generation, name, list(segments)):
            column.put(segment, content, frame.live)
        column.revision = revision
        self.columns[name] = column

    def _resolve(self) -> bool:
        """Read the hashes that are longer than their places; tell whether there were none to be read."""
        frame = self.frame
        assert frame is not None
        if not frame.unresolved:
            return True
        frame = self._own_frame(has_changed=True)
        frame.resolve(read_long(self.keys, self.generation, sorted(frame.unresolved)))
        return False

    def _own_frame(self, *, has_changed: bool) -> Frame:
        """Return the hashes to be changed: a copy, should somebody look at them or should there be no room."""
        assert self.frame is not None
        self.frame = self._own(self.frame, has_changed)
        return self.frame

    def _own_column(self, name: str, *, has_changed: bool) -> Column:
        self.columns[name] = self._own(self.columns[name], has_changed)
        return self.columns[name]

    def _own(self, kept: Kept, has_changed: bool) -> Kept:
        segments = segments_of(self.rows)
        if kept.has_room(segments) and not (kept.pins and has_changed):
            return kept
        return kept.copy(segments)

    def _read_texts(self) -> Mapping[int, str]:
        """Return the texts behind the codes, read anew when there are more of them."""
        if not self._texts and self._texts_count:
            self._texts = texts = read_texts(self.keys, self.generation)
            self._texts_bytes = sum(len(text) + ENTRY_BYTES for text in texts.values())
        if self._told_texts:
            self._texts, self._told_texts = {**self._texts, **labels_of(self._told_texts)}, []
        return self._texts


def _revision(one: TailRow) -> int:
    return one.revision
