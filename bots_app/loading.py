"""Loading runs into the indexes and the sweep table that a build makes: their records are read in bulk, in one process.

Several processes may each load a part of a session's runs, all different. What cannot be told of a part alone, such as
figures, the last rows of the table and which of its columns stay, one of them takes in and settles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple, cast

import msgspec

from bots_app.bulk import AT_ONCE, BulkReader, raise_first
from bots_app.exact_sums import Figures
from bots_app.indexing import named_statuses
from bots_app.quick_reading import QuickReader
from bots_app.records import NOT_STORED, UnreadableRun
from bots_app.run_values import LoadedRun, RunValues, loaded_of
from bots_app.score_order import ScoreOrder
from bots_app.table.new_table import NewTable, TablePart
from dashboard.store.keys import SessionKeys, ShadowKeys
from dashboard.store.overlapped import Command, Exchange
from dashboard.store.shared import chunked


class Counts(msgspec.Struct):
    """Counts of runs whose records were read: filed, of these changed and unreadable, and those that had a row."""

    filed: int = 0
    changed: int = 0
    unreadable: int = 0
    rows_met: int = 0

    def add(self, other: Counts) -> None:
        """Count in what another one has counted."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class LoadedPart(NamedTuple):
    """What is left to be settled of the runs that one process has loaded."""

    counts: Counts
    batches: int
    figures: dict[str, Figures]
    table: TablePart


class Loader:
    """What a build makes of runs; `is_fixed` says whether the fixed indexes are made too."""

    def __init__(self, made: ShadowKeys, table: NewTable, *, is_fixed: bool) -> None:
        self.made, self.table, self.is_fixed = made, table, is_fixed
        self.figures: dict[str, Figures] = {}
        #: Steps loaded, which the store counts as well: one that came back with older data lacks some.
        self.batches = 0
        #: Whether other processes are loading parts, or have been stopped in it.
        self.is_shared = False
        self._order = ScoreOrder(made, has_profits=is_fixed)

    def load(self, values: Sequence[RunValues], *, scores: Sequence[Any] | None = None) -> list[Command]:
        """Return the commands that put runs into the indexes made; what is sorted follows in the order of its scores.

        `scores` are theirs in the fixed index, where that is not made.
        """
        by_status: dict[str, list[RunValues]] = {}
        rows: list[Any] = []
        for one in values:
            by_status.setdefault(one.status, []).append(one)
            rows += (one.config_hash, one.row)
        made = self.made
        commands: list[Command] = [("HSET", made.index("rows"), *some) for some in chunked(rows, 2 * AT_ONCE)]
        for status, found in by_status.items():
            figures = self.figures.setdefault(status, Figures())
            for one in found:
                figures.add(one.profit)
            if self.is_fixed:
                commands.append(("SADD", made.status(status), *[one.config_hash for one in found]))
        lost = [one.profit is None for one in values] if scores is None else [score is None for score in scores]
        self._order.add(values, lost=lost)
        return self._counted([*commands, *self._order.due()])

    def load_whole(self, runs: Sequence[LoadedRun], *, scores: Sequence[Any] | None = None) -> list[Command]:
        """Return the commands that put runs into the indexes made and into the sweep table made."""
        self.table.add([run.values.config_hash for run in runs], [run.fields for run in runs])
        return [*self.table.due(), *self.load([run.values for run in runs], scores=scores)]

    def _counted(self, commands: list[Command]) -> list[Command]:
        self.batches += 1
        return [*commands, ("HINCRBY", self.made.index("stats"), "loaded", 1)]

    def load_rest(self, exchange: Exchange, *, between: Callable[[], object], is_part: bool = False) -> None:
        """Load what was not due yet; the server works on some of it while the next is made ready.

        Of a part, the last rows of the table are left to who settles it.
        """
        table = self.table.rest_of_part() if is_part else self.table.rest()
        is_waited_for = False
        for commands in chain(self._order.rest(), table):
            between()
            exchange.send(self._counted(commands))
            if is_waited_for:
                raise_first(exchange.receive())
            is_waited_for = True
        if is_waited_for:
            raise_first(exchange.receive())

    def part(self, counts: Counts) -> LoadedPart:
        """Return what is left to be settled."""
        return LoadedPart(counts, self.batches, self.figures, self.table.part())

    def take(self, part: LoadedPart) -> None:
        """Take in what another process has loaded."""
        self.batches += part.batches
        for status, figures in part.figures.items():
            self.figures.setdefault(status, Figures()).merge(figures)
        self.table.take(part.table)


def load_records(
    loader: Loader, keys: SessionKeys, source: Iterable[list[str]], exchange: Exchange, counts: Counts, *,
    is_deleting: bool, ride: Callable[[], list[Command]] = list,
) -> Iterator[None]:  # fmt: skip
    """Load the runs that a source names a step at a time, and count them; commands of `ride` are sent along.

    `is_deleting` says that a deletion of the session has not ended: what it concerns is left out.
    """

    def others(hashes: list[str]) -> list[Command]:
        """Return what is asked of runs besides their records: their rows, and whether they are being deleted."""
        asked: list[Command] = [("HMGET", keys.index("rows"), *hashes)]
        if is_deleting:
            asked += [("SMISMEMBER", name, *hashes) for name in (keys.index("deleting"), keys.bots)]
        return asked

    quick = QuickReader()
    reader = BulkReader(exchange, keys, claims=loader.made.bots, keeps=False, others=others)
    for batch in reader.batches(source):
        rows, *going = batch.others
        rows = [None] * len(batch.hashes) if isinstance(rows, Exception) else rows
        raise_first(going)
        found: list[LoadedRun] = []
        gone = []
        for place, one in enumerate(batch.loaded(quick)):
            if one is None or (going and going[0][place] and not going[1][place]):
                gone.append(batch.hashes[place])
                continue
            found.append(one)
            counts.changed += rows[place] != one.values.row
            counts.rows_met += rows[place] is not None
            counts.unreadable += bool(one.values.reason)
        counts.filed += len(found)
        if gone:
            reader.ride([("SREM", loader.made.bots, *gone)])
        reader.ride([*loader.load_whole(found), *ride()])
        yield


def load_named(
    loader: Loader, keys: SessionKeys, source: Iterable[list[str]], exchange: Exchange, counts: Counts
) -> Iterator[None]:  # fmt: skip
    """Load the runs that a source names into the derived indexes and the table, as `load_records` does.

    Those that cannot be read, or have no record, are there under the status that the fixed sets name.
    """
    quick = QuickReader()
    reader = BulkReader(
        exchange, keys, claims=loader.made.bots, others=lambda hashes: [("ZMSCORE", keys.profit, *hashes)]
    )  # fmt: skip
    for batch in reader.batches(source):
        [scores] = batch.others
        raise_first([scores])
        found = with_lost(keys, batch.hashes, batch.loaded(quick))
        counts.filed += len(found)
        reader.ride(loader.load_whole(found, scores=scores))
        yield


def with_lost(keys: SessionKeys, hashes: Sequence[str], found: Iterable[LoadedRun | None]) -> list[LoadedRun]:
    """Return what was loaded of runs, those that cannot be read under the status that the fixed sets name."""
    runs = list(found)
    lost = [place for place, one in enumerate(runs) if one is None or one.values.reason]
    unread = [UnreadableRun(hashes[place], one.values.reason if (one := runs[place]) else NOT_STORED) for place in lost]
    for place, run in zip(lost, named_statuses(keys, unread), strict=True):
        runs[place] = loaded_of(run)
    return cast(list[LoadedRun], runs)
