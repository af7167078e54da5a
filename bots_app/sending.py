"""Runs on their way into the store: batch after batch, the next made ready while the server writes the one before."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from bots_app.indexing import (
    BATCH_BYTES,
    BATCH_CELLS,
    FIRST_RUNS,
    LARGE_CELLS,
    LARGE_RUNS,
    Cells,
    RowsApartError,
    begin_batch,
    index_values,
    write_batch,
)
from bots_app.table.fields import fields_of
from bots_app.writing import RunWrite
from dashboard.store.ahead import BegunScript
from dashboard.store.pace import Pace
from dashboard.store.time_limit import in_steps
from sessions_app.records import SessionId

#: Runs that a batch has room for however long they take, seconds beyond the quickest batch from which on it is made
#: smaller, and seconds from which on we count as having waited for the answer.
LEAST_RUNS, LONG_S, WAITED_S = 24, 0.006, 0.0005


class _Batch(NamedTuple):
    hashes: list[str]
    operations: list[tuple[Any, ...]]


class Sender:
    """Puts runs into a session in atomic batches, of which one at most is with the server at any time."""

    def __init__(self, sid: SessionId) -> None:
        self.sid = sid
        #: Whether the session's derived keys are built, by the last batch's answer.
        self.is_built = True
        #: The runs of the batch that is with the server, or at which it failed.
        self.in_flight: list[str] = []
        self._begun: BegunScript | None = None
        self._ready: BegunScript | None = None
        #: Runs that a batch may have: each a quarter more than the one before, which the server writes meanwhile, and
        #: fewer where we wait for it.
        self._pace = Pace(FIRST_RUNS, least=LEAST_RUNS, most=LARGE_RUNS, long_s=LONG_S)
        self._sent_at = 0.0
        #: Runs times fields that it may have: less once the rows of one were too far apart.
        self._most_cells = LARGE_CELLS

    def send(self, writes: Iterable[RunWrite]) -> Iterator[tuple[list[str], list[int]]]:
        """Yield the hashes and codes of each batch. Raises Unavailable, KeyTypeError, and what `writes` raises."""
        sent: _Batch | None = None
        try:
            for batch in self._batches(writes):
                self._pack(batch)
                done = self._finish(sent) if sent else None
                sent = self._send(batch)
                if done:
                    yield done
            if sent:
                last, sent = sent, None
                yield self._finish(last)
        except Exception:
            # What is with the server is as good as written: who gave us the writes has only failed at the next.
            if sent and self._begun is not None:
                self._finish(sent)
            raise
        finally:
            for left in (self._begun, self._ready):
                if left is not None:
                    left.abandon()

    def _pack(self, batch: _Batch) -> None:
        with in_steps():
            self._ready = begin_batch(self.sid, batch.operations)
            if self._begun is not None:
                self._ready.send_ahead()

    def _send(self, batch: _Batch) -> _Batch:
        self.in_flight, self._begun, self._ready = batch.hashes, self._ready, None
        if self._begun is not None:
            with in_steps():
                self._begun.send()
        self._sent_at = time.monotonic()
        return batch

    def _finish(self, batch: _Batch) -> tuple[list[str], list[int]]:
        begun, self._begun = self._begun, None
        asked_at = time.monotonic()
        with in_steps():
            try:
                self.is_built, codes = write_batch(self.sid, batch.operations, begun=begun)
            except RowsApartError:
                self._most_cells = BATCH_CELLS
                self.is_built, codes = write_batch(self.sid, batch.operations)
        self.in_flight = []
        answered_at = time.monotonic()
        if answered_at - asked_at > WAITED_S:
            self._pace.took(answered_at - self._sent_at)
        else:
            self._pace.took_less(asked_at - self._sent_at)
        return batch.hashes, codes

    def _batches(self, writes: Iterable[RunWrite]) -> Iterator[_Batch]:
        """Yield batches that a script call can take: bounded in runs, in bytes and in fields."""
        batch, size, cells = _Batch([], []), 0, Cells(self._most_cells)
        for write in writes:
            length, operation = len(write.text) + len(write.trades or b""), put_operation(write)
            is_full = not cells.has_room(operation[-1]) or size + length > BATCH_BYTES
            if batch.hashes and (len(batch.hashes) >= self._pace.size or is_full):
                yield batch
                batch, size, cells = _Batch([], []), 0, Cells(self._most_cells)
                cells.has_room(operation[-1])
            batch.hashes.append(write.record.configHash)
            batch.operations.append(operation)
            size += length
        if batch.hashes:
            yield batch


def put_operation(write: RunWrite) -> tuple[Any, ...]:
    """Return the operation that stores a run, its words as bytes."""
    record = write.record
    status, profit, updated, row = index_values(record)
    return (
        b"put", record.configHash.encode(), b"", write.text, write.trades or b"", status.encode(), profit.encode(),
        updated.encode(), row, fields_of(record),
    )  # fmt: skip
