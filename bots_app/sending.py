"""Runs on their way into the store: batch after batch, the next made ready while the server writes the one before."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

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
from bots_app.records import row_texts
from bots_app.table.fields import Fields, fields_of, laid_out_or_fields
from bots_app.table.layouts import LaidOut
from bots_app.writing import RunWrite
from dashboard.store.ahead import BegunScript
from dashboard.store.pace import Pace
from dashboard.store.time_limit import in_steps
from sessions_app.records import SessionId

#: Runs that a batch has room for however long they take, seconds beyond the quickest batch from which on it is made
#: smaller, and seconds from which on we count as having waited for the answer.
LEAST_RUNS, LONG_S, WAITED_S = 24, 0.006, 0.0005


class _Batch(Sequence[Any]):
    """Runs that are written together: the operations that store them, each made when it is asked for, which is rare."""

    def __init__(self) -> None:
        self.writes: list[RunWrite] = []
        #: What the fields of each run are made from.
        self.runs: list[LaidOut | Fields] = []

    def __len__(self) -> int:
        return len(self.writes)

    def __getitem__(self, place: int | slice) -> Any:
        found = self.writes[place]
        return [put_operation(write) for write in found] if isinstance(found, list) else put_operation(found)


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
            self._ready = begin_batch(self.sid, put_words(batch.writes), batch.runs)
            if self._begun is not None:
                self._ready.send_ahead()

    def _send(self, batch: _Batch) -> _Batch:
        self.in_flight = [write.record.configHash for write in batch.writes]
        self._begun, self._ready = self._ready, None
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
                self.is_built, codes = write_batch(self.sid, batch, begun=begun)
            except RowsApartError:
                self._most_cells = BATCH_CELLS
                self.is_built, codes = write_batch(self.sid, batch)
        hashes, self.in_flight = self.in_flight, []
        answered_at = time.monotonic()
        if answered_at - asked_at > WAITED_S:
            self._pace.took(answered_at - self._sent_at)
        else:
            self._pace.took_less(asked_at - self._sent_at)
        return hashes, codes

    def _batches(self, writes: Iterable[RunWrite]) -> Iterator[_Batch]:
        """Yield batches that a script call can take: bounded in runs, in bytes and in fields."""
        batch, size, cells = _Batch(), 0, Cells(self._most_cells)
        for write in writes:
            length, run = len(write.text) + len(write.trades or b""), write.laid_out or laid_out_or_fields(write.record)
            is_full = not cells.has_room(run) or size + length > BATCH_BYTES
            if batch.runs and (is_full or len(batch.runs) >= self._pace.size):
                yield batch
                batch, size, cells = _Batch(), 0, Cells(self._most_cells)
                cells.has_room(run)
            batch.writes.append(write)
            batch.runs.append(run)
            size += length
        if batch.runs:
            yield batch


def put_words(writes: Sequence[RunWrite]) -> list[list[bytes]]:
    """Return the words of the operations that store some runs, as bytes: the first of each, the second and so on."""
    records = [write.record for write in writes]
    profits = [record.profit for record in records]
    times = [record.lastUpdated for record in records]
    return [
        [b"put"] * len(writes), [record.configHash.encode() for record in records], [b""] * len(writes),
        [write.text for write in writes], [write.trades or b"" for write in writes],
        [record.status.encode() for record in records],
        [b"" if profit is None else repr(float(profit)).encode() for profit in profits],
        [b"" if updated is None else b"%d" % updated for updated in times], row_texts(records),
    ]  # fmt: skip


def put_operation(write: RunWrite) -> tuple[Any, ...]:
    """Return the operation that stores a run, its words as bytes."""
    record, fields = write.record, None if write.laid_out is None else write.laid_out.fields()
    status, profit, updated, row = index_values(record)
    return (
        b"put", record.configHash.encode(), b"", write.text, write.trades or b"", status.encode(), profit.encode(),
        updated.encode(), row, fields_of(record) if fields is None else fields,
    )  # fmt: skip
