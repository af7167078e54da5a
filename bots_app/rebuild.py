"""Rebuilding a session's indexes from its records, while writers write and readers read.

Every index and the sweep table are made anew beside those in use, and all are exchanged at once: a reader sees the old
ones or the new ones. What our writers change meanwhile is taken over before; what other programs change is heard of by
tracking, and read again. Where the server cannot tell of changes, every record is compared once more in the end.
Stopped at any point, the old indexes (or, by then, the new ones) go on to serve, and a rebuild can be started again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import chain

import msgspec

from bots_app.beside import Beside
from bots_app.building import Build, BuildEnded
from bots_app.bulk import STEP, BulkReader, raise_first
from bots_app.filling import fill_table
from bots_app.helpers import LEAST_RUNS, can_help
from bots_app.indexer import SessionIndexer
from bots_app.leftovers import remove_leftovers
from bots_app.load_helpers import load_with_helpers
from bots_app.loading import Counts, load_records
from bots_app.lost_entries import lost_entries
from bots_app.quick_reading import QuickReader
from bots_app.run_values import LoadedRun
from bots_app.strays import Strays
from bots_app.survey import USUAL, named_of, odd_members, run_hashes
from dashboard.errors import Unavailable
from dashboard.store.client import KeyTypeError, client
from dashboard.store.keys import SessionKeys
from dashboard.store.lease import BuilderFacts, BuilderLease
from dashboard.store.overlapped import Command, Exchange
from dashboard.store.shared import chunked
from dashboard.store.tracking import Tracker, TrackingRefused
from dashboard.tolerant import from_bytes
from sessions_app.discovery import list_session
from sessions_app.records import SessionId

#: Seconds between two looks whether another rebuild of the session has ended.
LOOK_EVERY_S = 0.2
#: Attempts where the session is deleted, or data or the connection lost, meanwhile.
ATTEMPTS, TRACKED = 5, 3
#: Runs filed in one call where the indexes are in use.
FILED_AT_ONCE = 250
#: Rounds of reading what other programs changed before the exchange; the rest is filed after it.
ROUNDS = 5

log = logging.getLogger(__name__)


class RebuildResult(msgspec.Struct):
    """Counts of one session's rebuild: runs filed, of these changed and unreadable, and index entries dropped."""

    filed: int = 0
    changed: int = 0
    unreadable: int = 0
    dropped: int = 0


def rebuild(
    sid: SessionId, *, statuses: Iterable[str] = (), strays: Strays | None = None,
    progress: Callable[[int], None] | None = None, waiting: Callable[[BuilderFacts], None] | None = None,
    helpers: int = 1,
) -> RebuildResult:  # fmt: skip
    """Make every index, figure and summary number of a session agree with its records.

    `strays` spare walks over the key space where many sessions are rebuilt; with several `helpers`, as many processes
    read the records of a large session. Waits for another one that builds its indexes, and tells `waiting` of it first.
    Raises StoreUnavailable, Unavailable.
    """
    lease = BuilderLease(SessionKeys(str(sid)).index("builder"))
    is_told = False
    while (other := lease.hold()) is not None:
        if waiting and not is_told:
            waiting(other)
        is_told = True
        time.sleep(LOOK_EVERY_S)
    try:
        if strays is None or strays.has_leftovers(sid):
            remove_leftovers(sid, between=lease.hold)
        for attempt in range(ATTEMPTS):
            try:
                # Where hearing of changes is lost again and again, it is done without.
                work = _Rebuild(sid, lease, set(statuses) | USUAL, progress, helpers)
                return work.run(is_tracked=attempt < TRACKED, strays=strays)
            except BuildEnded:
                log.info("The rebuild of session %s begins anew: it was deleted, restored or taken over.", sid)
                if lease.hold() is not None:
                    break
    finally:
        lease.release()
    raise Unavailable(f"The rebuild of session {sid} was disturbed too often; the old indexes still serve. Try again.")


class _Rebuild:
    def __init__(
        self, sid: SessionId, lease: BuilderLease, statuses: set[str], progress: Callable[[int], None] | None,
        helpers: int,
    ) -> None:  # fmt: skip
        self.sid, self.progress = sid, progress
        self.making = Build(sid, lease, is_fixed=True, statuses=statuses)
        self.keys, self.made = self.making.keys, self.making.made
        self.statuses = statuses
        self.helpers, self.counts, self.dropped, self.expected = helpers, Counts(), 0, 0
        self.is_deleting = False
        self.strays: list[str] | None = None
        self.tracker: Tracker | None = None
        self.reader = QuickReader()

    def run(self, *, is_tracked: bool, strays: Strays | None) -> RebuildResult:
        try:
            # Everything is read after both: nothing that changes from now on is missed.
            if is_tracked:
                self._listen()
            is_known, self.is_deleting = self.making.begin()
            self.strays = strays.of(self.sid) if strays else None
            self._load()
            self.making.end_load()
            for _ in self.making.carry():
                self._hear()
            self._read_heard()
            if self.tracker and not self.tracker.is_whole:
                raise BuildEnded
            is_kept = is_known or self.counts.filed > 0
            self.dropped = max(0, self._count_rows() - self.counts.rows_met)
            self.making.swap(is_kept=is_kept, with_summary=is_kept)
            self._file_rest()
        finally:
            if self.tracker:
                self.tracker.close()
            self.making.remove_rest()
        list_session(str(self.sid))
        counts = self.counts
        return RebuildResult(counts.filed, counts.changed, counts.unreadable, self.dropped)

    def _listen(self) -> None:
        try:
            self.tracker = Tracker(self.keys.run_prefix)
        except TrackingRefused as error:
            log.info("Every record of session %s is compared twice: %s", self.sid, error)

    def _load(self) -> None:
        loader, counts = self.making.loader, Counts()
        self.expected = self._count_runs()
        if self.helpers > 1 and can_help() and self.expected >= LEAST_RUNS:
            with closing(Beside(self._odd())) as odd:
                found = load_with_helpers(
                    loader, self.keys, self.making.lease.id, self._all(odd), helpers=self.helpers,
                    is_deleting=self.is_deleting, between=self._stay,
                )  # fmt: skip
                with closing(found):
                    for counts in found:
                        self._tell(counts)
            source: Iterable[list[str]] = ()
        else:
            source = self._source()
        with Exchange(self.keys.bots) as exchange:
            for _ in load_records(
                loader, self.keys, source, exchange, counts, is_deleting=self.is_deleting, ride=self._note_heard
            ):
                self.making.hold()
                self._tell(counts)
            loader.load_rest(exchange, between=self.making.hold)
        self.counts = counts

    def _stay(self) -> None:
        self.making.hold()
        self._hear()

    def _tell(self, counts: Counts) -> None:
        self.making.lease.say(counts.filed, of=self.expected)
        if self.progress:
            self.progress(counts.filed)

    def _count_runs(self) -> int:
        """Return about how many runs there are: as many as an index names."""
        pipe = client().pipeline()
        pipe.scard(self.keys.bots)
        pipe.hlen(self.keys.index("rows"))
        return max(answer for answer in (0, *pipe.answers()) if isinstance(answer, int))

    def _count_rows(self) -> int:
        try:
            return int(client().hlen(self.keys.index("rows")))
        except KeyTypeError:
            return 0

    def _source(self) -> Iterator[list[str]]:
        yield from _steps(run_hashes(self.sid, self.strays))
        yield from self._odd()

    def _odd(self) -> Iterator[list[str]]:
        return _steps(odd_members(self.sid, self.statuses))

    def _all(self, odd: Beside[list[str]]) -> Iterator[list[str]]:
        for hashes in _steps(run_hashes(self.sid, self.strays)):
            yield hashes
            yield from odd.ready()
        yield from odd.rest()

    def _note_heard(self) -> list[Command]:
        """Return what puts down which runs other programs, or ours, have changed."""
        found = self.tracker.heard() if self.tracker else []
        hashes = dict.fromkeys(key.removeprefix(self.keys.run_prefix) for key in found)
        return [("SADD", self.made.index("heard"), *some) for some in chunked(hashes, STEP)]

    def _hear(self) -> None:
        commands = self._note_heard()
        if commands:
            pipe = client().pipeline()
            for command in commands:
                pipe.execute_command(*command)
            pipe.execute()

    def _read_heard(self) -> None:
        """Read what other programs changed again, until little is left."""
        for _ in range(ROUNDS):
            self._hear()
            count = 0
            for hashes in self._heard():
                self.making.place(*self._read(hashes))
                self.making.hold()
                count += len(hashes)
            if count < STEP:
                return

    def _heard(self, size: int = STEP) -> Iterator[list[str]]:
        while found := client().spop(self.made.index("heard"), size):
            yield self._own([from_bytes(name) for name in found])

    def _own(self, hashes: list[str]) -> list[str]:
        """Return the hashes that are this session's: one with a colon is, if an index names it."""
        named = named_of(self.sid, [name for name in hashes if ":" in name], self.statuses)
        return [name for name in hashes if ":" not in name or name in named]

    def _read(self, hashes: list[str]) -> tuple[list[LoadedRun], list[str]]:
        """Return what the records of runs say, and the runs without a record."""
        found: list[LoadedRun] = []
        gone: list[str] = []
        with Exchange(self.keys.bots) as exchange:
            for batch in BulkReader(exchange, self.keys).batches([hashes] if hashes else []):
                for name, one in zip(batch.hashes, batch.loaded(self.reader), strict=True):
                    if one is None:
                        gone.append(name)
                    else:
                        found.append(one)
        return found, gone

    def _file_rest(self) -> None:
        """File, in the indexes now in use, what other programs changed until they were exchanged."""
        statuses = self.statuses | self.making.loader.figures.keys()
        # A deletion that had begun before has left what it does not concern; one that begins now is not to be undone.
        indexer = SessionIndexer(self.sid, statuses=statuses, unless_deleting=not self.is_deleting)
        self._file_lost(indexer)
        heard = self.tracker.heard_all() if self.tracker else []
        hashes = self._own(list(dict.fromkeys(key.removeprefix(self.keys.run_prefix) for key in heard)))
        for some in chain(chunked(hashes, FILED_AT_ONCE), self._heard(FILED_AT_ONCE)):
            indexer.file(some)
        if self.tracker is None or not self.tracker.is_whole:
            self.strays = None
            for found in self._source():
                for some in chunked(self._differing(found), FILED_AT_ONCE):
                    indexer.file(some)
            fill_table(self.sid, between=self.making.lease.hold)
        if indexer.changed or indexer.dropped:
            indexer.finish(with_summary=True, is_new=False)

    def _differing(self, hashes: list[str]) -> Iterator[str]:
        """Yield the runs whose rows say something else than their records, and those without a record."""
        with Exchange(self.keys.bots) as exchange:
            reader = BulkReader(
                exchange, self.keys, others=lambda names: [("HMGET", self.keys.index("rows"), *names)]
            )  # fmt: skip
            for batch in reader.batches([hashes] if hashes else []):
                raise_first(batch.others)
                for name, one, row in zip(batch.hashes, batch.values(), batch.others[0], strict=True):
                    if one is None or one.row != row:
                        yield name

    def _file_lost(self, indexer: SessionIndexer) -> None:
        """File runs that others named, while we built, in the indexes put aside alone; count those without a record."""
        names = [f"{self.making.old.prefix}{name}" for name in self.making.put_aside if name.startswith("bots")]
        for found in lost_entries(self.keys.bots, names):
            for lost in chunked(map(from_bytes, found), FILED_AT_ONCE):
                before = indexer.filed
                indexer.file(lost)
                self.dropped += len(lost) - (indexer.filed - before)


def _steps(hashes: Iterable[str]) -> Iterator[list[str]]:
    """Yield hashes some at a time, each once among these."""
    for some in chunked(hashes, STEP):
        yield list(dict.fromkeys(some))
