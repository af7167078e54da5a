"""Reading the records of a whole session, in batches of bounded size, while the batch before is worked on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, NamedTuple, TypeVar

from bots_app.quick_reading import QuickReader
from bots_app.records import UnreadableRun
from bots_app.run_values import LoadedRun, RunValues, loaded_of, read_values, values_of
from bots_app.table.quick_rows import QuickRow
from bots_app.table.shapes import Fields
from dashboard.store.client import KeyTypeError, client
from dashboard.store.keys import SessionKeys
from dashboard.store.overlapped import Command, Exchange, is_script_unknown
from dashboard.store.scripts import script
from dashboard.store.shared import chunked
from dashboard.tolerant import from_bytes

#: Runs looked up, and at most read, in one step.
STEP = 500
#: Runs looked up, and entries added to a hash, by one command: while the server moves a million of them to a larger
#: table, each takes some 40 us.
AT_ONCE = 250
#: Runs read, and asked about besides, by one command: where the server has to fetch what nobody has read for long, and
#: to find room for the answer, each takes some 50 us.
READ_AT_ONCE = 100
#: Bytes of records read in one step, unless a single one is larger.
STEP_BYTES = 2_000_000
#: What the script says of a run instead of its size.
_MISSING, _SEEN, _NO_TEXT = -1, -2, -3

Read = TypeVar("Read")


class Batch(NamedTuple):
    """Some runs with their records; a run without one has neither text nor reason, one that is no text a reason."""

    hashes: list[str]
    texts: list[bytes | None]
    reasons: dict[str, str]
    #: The answers to what was asked besides.
    others: list[Any]

    def values(self) -> Iterator[RunValues | None]:
        """Yield what the indexes say of each, None of those without a record."""
        return self._read(read_values, values_of)

    def loaded(self, reader: QuickReader) -> Iterator[LoadedRun | None]:
        """Yield what indexes and sweep table say of each, None of those without a record."""
        return self._read(reader.read, loaded_of)

    def fields(self, reader: QuickReader) -> Iterator[Fields | QuickRow | UnreadableRun | None]:
        """Yield what the sweep table says of each, None of those without a record."""
        return self._read(reader.fields, lambda run: run)

    def _read(
        self, read: Callable[[str, bytes], Read], told: Callable[[UnreadableRun], Read]
    ) -> Iterator[Read | None]:  # fmt: skip
        for config_hash, text in zip(self.hashes, self.texts, strict=True):
            if text is not None:
                yield read(config_hash, text)
            elif config_hash in self.reasons:
                yield told(UnreadableRun(config_hash, self.reasons[config_hash]))
            else:
                yield None


class BulkReader:
    """Reads runs of a session; `others` are asked for each batch, `ride` has commands sent along.

    With `claims`, a set under a build's keys, each hash is read once however often it comes: `keeps` says whether those
    without a record are among them too.
    """

    def __init__(
        self, exchange: Exchange, keys: SessionKeys, *, claims: str = "", keeps: bool = True,
        others: Callable[[list[str]], list[Command]] = lambda hashes: [],
    ) -> None:  # fmt: skip
        self._exchange, self._keys, self._others = exchange, keys, others
        self._claims, self._keeps = claims, keeps
        self._riders: list[Command] = []
        self._takers: list[tuple[int, Callable[[list[Any]], None]]] = []
        self._sized: deque[tuple[list[str], dict[str, str]]] = deque()

    def ride(self, commands: Iterable[Command], take: Callable[[list[Any]], None] | None = None) -> None:
        """Have commands sent with the next step; `take` is given the answers, without it the first error is raised."""
        before = len(self._riders)
        self._riders += commands
        self._takers.append((len(self._riders) - before, take or raise_first))

    def batches(self, source: Iterable[list[str]]) -> Iterator[Batch]:
        """Yield every run; the server works on the next step meanwhile. Raises StoreUnavailable, KeyTypeError."""
        names = iter(source)
        ready: Batch | None = None
        is_more = True
        while is_more or self._sized or ready or self._takers:
            hashes = next(names, None) if is_more and len(self._sized) < 2 else []
            is_more = hashes is not None
            reading = self._sized.popleft() if self._sized else None
            look_up, reads, takers = self._look_up(hashes or []), self._reads(reading), self._takers
            # What is read comes last: its answers may wait, while the sending waits for the server to take in the rest.
            start = len(self._riders)
            self._exchange.send([*self._riders, *look_up, *reads])
            self._riders, self._takers = [], []
            if ready:
                yield ready
            answers = self._exchange.receive()
            given, found = iter(answers[:start]), answers[start + len(look_up) :]
            for count, take in takers:
                take(list(islice(given, count)))
            if hashes:
                self._take_sizes(hashes, answers[start : start + len(look_up)])
            found = _joined(found, -(-len(reading[0]) // READ_AT_ONCE)) if reading else []
            raise_first(found[:1])
            ready = Batch(reading[0], found[0], reading[1], found[1:]) if reading else None

    def _arguments(self, hashes: list[str]) -> tuple[list[str], list[str]]:
        mode = "" if not self._claims else "keep" if self._keeps else "claim"
        return [self._claims or self._keys.bots], [self._keys.run_prefix, mode, *hashes]

    def _look_up(self, hashes: list[str]) -> list[Command]:
        calls = map(self._arguments, chunked(hashes, AT_ONCE))
        return [("EVALSHA", script("look_up_runs").sha, len(names), *names, *args) for names, args in calls]

    def _reads(self, reading: tuple[list[str], dict[str, str]] | None) -> list[Command]:
        if reading is None:
            return []
        commands: list[Command] = []
        prefix = self._keys.run_prefix
        for hashes in chunked(reading[0], READ_AT_ONCE):
            commands += [("MGET", *[prefix + name for name in hashes]), *self._others(hashes)]
        return commands

    def _take_sizes(self, hashes: list[str], answers: list[Any]) -> None:
        sizes: list[int] = []
        for some, answer in zip(chunked(hashes, AT_ONCE), answers, strict=True):
            if is_script_unknown(answer):
                answer = script("look_up_runs")(*self._arguments(some))
            raise_first([answer])
            sizes += answer
        no_text = [config_hash for config_hash, size in zip(hashes, sizes, strict=True) if size == _NO_TEXT]
        reasons = _reasons(self._keys, no_text)
        batch: list[str] = []
        total = 0
        for config_hash, size in zip(hashes, sizes, strict=True):
            if size == _SEEN or (size == _MISSING and self._claims and not self._keeps):
                continue
            if batch and total + size > STEP_BYTES:
                self._sized.append((batch, reasons))
                batch, total = [], 0
            batch.append(config_hash)
            total += max(size, 0)
        if batch:
            self._sized.append((batch, reasons))


def _reasons(keys: SessionKeys, hashes: Sequence[str]) -> dict[str, str]:
    """Return why the records of runs cannot be read whose keys hold another type than text."""
    pipe = client().pipeline()
    for config_hash in hashes:
        pipe.type(keys.run(config_hash))
    kinds = zip(hashes, pipe.execute() if hashes else (), strict=True)
    others = ((name, from_bytes(kind)) for name, kind in kinds if kind not in (b"none", b"string"))
    return {name: f"stored as a {kind}, not as text" for name, kind in others}


def _joined(answers: list[Any], parts: int) -> list[Any]:
    """Return the answers to commands that were asked in parts, part after part, as if each was asked at once."""
    size = len(answers) // parts
    found: list[Any] = []
    for place in range(size):
        pieces = answers[place::size]
        error = next((piece for piece in pieces if isinstance(piece, Exception)), None)
        found.append(error or list(chain.from_iterable(pieces)))
    return found


def raise_first(answers: Iterable[Any]) -> None:
    """Raise the first error among answers. Raises KeyTypeError, and what the driver raises."""
    for answer in answers:
        if isinstance(answer, Exception):
            if "WRONGTYPE" in str(answer):
                raise KeyTypeError("A key of this session holds another type of value than it should.") from answer
            raise answer
