"""Loading a session's runs in several processes, each of which reads records and writes what it makes of them.

This one walks over the names of the runs, hands them out, and settles what cannot be told of a part. A helper keeps to
itself, as one process does: some steps of records, a block of runs to be put in order, a segment of the table.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import chain
from multiprocessing.connection import Connection

from bots_app.helpers import Helper, HelperEnded, close_all, wait_for
from bots_app.loading import Counts, LoadedPart, Loader, load_named, load_records
from bots_app.table.new_table import NewTable, width_of
from dashboard.errors import Unavailable
from dashboard.store.keys import SessionKeys
from dashboard.store.overlapped import Exchange

#: Steps of names that lie ready for a helper.
AHEAD = 3
#: Seconds between two signs of life while the helpers work.
LOOK_EVERY_S = 0.5


class Segments:
    """Numbers of the table's segments, each given once, whichever process asks."""

    def __init__(self) -> None:
        self._next = multiprocessing.get_context("spawn").Value("q", 0)

    def __call__(self) -> int:
        with self._next.get_lock():
            number = self._next.value
            self._next.value += 1
        return int(number)


def load_with_helpers(
    loader: Loader, keys: SessionKeys, token: str, source: Iterable[list[str]], *, helpers: int,
    between: Callable[[], object], is_deleting: bool = False,
) -> Generator[Counts, None, None]:  # fmt: skip
    """Load the runs that a source names with so many helpers, and yield the counts of all of them now and then.

    They do it as `load_records` does, or as `load_named` where the fixed indexes are not made.
    Raises Unavailable if a helper ends before its time.
    """
    names = (hashes for hashes in source if hashes)
    first = next(names, None)
    if first is None:
        return
    segments, width = Segments(), width_of([name.encode() for name in first])
    loader.table.number = segments
    work = _Work()
    loader.is_shared = True
    try:
        for _ in range(helpers):
            work.helpers.append(Helper(load_part, keys, token, width, segments, loader.is_fixed, is_deleting))
        for hashes in chain([first], names):
            while not work.hand_out(hashes):
                between()
                yield from work.listen(LOOK_EVERY_S)
            yield from work.listen(0)
        work.end()
        while work.is_going():
            between()
            yield from work.listen(LOOK_EVERY_S)
        for part in work.parts.values():
            loader.take(part)
        loader.is_shared = False
    except HelperEnded as error:
        raise Unavailable(f"{error} The indexes of session {keys.sid} are as they were; try again.") from error
    finally:
        close_all(work.helpers)


class _Work:
    """What the helpers have at hand, and what they have said."""

    def __init__(self) -> None:
        self.helpers: list[Helper] = []
        #: Of the helpers that are done.
        self.parts: dict[Helper, LoadedPart] = {}
        self._steps: dict[Helper, int] = {}
        self._counts: dict[Helper, Counts] = {}

    def hand_out(self, hashes: list[str]) -> bool:
        """Hand names to the helper with the fewest; tell whether one of them had room."""
        helper = min(self.helpers, key=lambda one: self._steps.get(one, 0))
        if self._steps.get(helper, 0) >= AHEAD:
            return False
        helper.send(hashes)
        self._steps[helper] = self._steps.get(helper, 0) + 1
        return True

    def end(self) -> None:
        """Tell the helpers that there are no more names."""
        for helper in self.helpers:
            helper.send(None)

    def is_going(self) -> bool:
        return len(self.parts) < len(self.helpers)

    def listen(self, seconds: float) -> Iterator[Counts]:
        """Take what helpers say, waiting for the first word of it; yield the counts of all."""
        going = [helper for helper in self.helpers if helper not in self.parts]
        for helper in wait_for(going, seconds=seconds):
            said = helper.receive()
            if isinstance(said, LoadedPart):
                self.parts[helper] = said
                said = said.counts
            else:
                self._steps[helper] -= 1
            self._counts[helper] = said
            total = Counts()
            for counts in self._counts.values():
                total.add(counts)
            yield total


def load_part(
    parent: Connection, keys: SessionKeys, token: str, width: int, segments: Segments, is_fixed: bool,
    is_deleting: bool,
) -> None:  # fmt: skip
    """Load the runs that the parent names, in a process of its own."""
    table, counts = NewTable(keys.table(token), number=segments, width=width, is_part=True), Counts()
    loader, names = Loader(keys.next(token), table, is_fixed=is_fixed), _named(parent, counts)
    with Exchange(keys.bots) as exchange:
        work = (
            load_records(loader, keys, names, exchange, counts, is_deleting=is_deleting)
            if is_fixed
            else load_named(loader, keys, names, exchange, counts)
        )
        try:
            for _ in work:
                continue
        except (EOFError, OSError):
            # What has been sent is not to be written after the parent has removed all that was made.
            exchange.drain()
            raise
        loader.load_rest(exchange, between=lambda: None, is_part=True)
    parent.send(loader.part(counts))


def _named(parent: Connection, counts: Counts) -> Iterator[list[str]]:
    """Yield the names that the parent hands out, and tell it each time how far the work is."""
    while (hashes := parent.recv()) is not None:
        parent.send(counts)
        yield hashes
