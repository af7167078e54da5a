"""Comparing some runs of any sessions with what the indexes say of them, and filing those that differ.

Reading costs little and changes nothing, so that a run which is filed already costs no write. What is filed goes
through the same atomic script as every write, which tells of each change once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bots_app.indexing import BATCH_RUNS, Run, index_values, write_batch
from bots_app.records import UnreadableRun, read_run
from bots_app.survey import USUAL
from dashboard.errors import InvalidSessionId, StoreUnavailable, Unavailable
from dashboard.store.client import KeyTypeError, client
from dashboard.store.keys import SessionKeys
from dashboard.store.shared import INDEX_VERSION
from dashboard.tolerant import from_bytes
from sessions_app.records import SessionId
from sessions_app.registry import sha_of

#: Bytes of records read in one round trip, about: more, and fewer runs are read together from then on.
READ_BYTES = 8_000_000
#: Runs read together at first, until their size is known.
FIRST_READ = 50

#: A run of any session: (sid, configHash).
Pair = tuple[str, str]


@dataclass
class Outcome:
    """What became of the runs given."""

    compared: int = 0
    filed: list[Pair] = field(default_factory=list)
    dropped: list[Pair] = field(default_factory=list)
    #: Runs whose record every index agrees with.
    equal: list[Pair] = field(default_factory=list)
    #: Runs to be given again later: written meanwhile, or of a session that is being deleted.
    again: list[Pair] = field(default_factory=list)
    #: Sessions whose derived keys are not complete.
    unbuilt: set[str] = field(default_factory=set)
    #: Sessions whose summary may have followed an index that was wrong.
    mended: set[str] = field(default_factory=set)
    #: Sessions left out, and why.
    refused: dict[str, str] = field(default_factory=dict)


class _Seen:
    """What is stored of some runs of one session."""

    def __init__(self, sid: SessionId, hashes: Sequence[str]) -> None:
        self.sid, self.keys, self.hashes = sid, SessionKeys(str(sid)), list(hashes)
        self.texts: list[bytes | None] = []
        self.rows: list[bytes | None] = []
        self.members: list[int] = []
        self.scores: list[float | None] = []
        self.statuses: set[str] = set(USUAL)
        self.is_built = self.is_deleting = False
        self.runs: list[Run] = []
        self.values: list[tuple[str, str, str, bytes]] = []
        #: Why a key that holds no text cannot be read; hashes whose record is gone.
        self.reasons: dict[int, str] = {}
        self.gone: set[int] = set()
        self.differs: set[int] = set()

    def ask(self, pipe: Any) -> int:
        keys, hashes = self.keys, self.hashes
        pipe.exists(keys.index("deleting"))
        pipe.hget(keys.index("stats"), "built")
        pipe.hkeys(keys.index("stats"))
        pipe.mget([keys.run(config_hash) for config_hash in hashes])
        pipe.hmget(keys.index("rows"), hashes)
        pipe.smismember(keys.bots, hashes)
        pipe.zmscore(keys.profit, hashes)
        return 7

    def take(self, answers: Sequence[Any]) -> None:
        is_deleting, built, fields, self.texts, self.rows, self.members, self.scores = answers
        self.is_deleting, self.is_built = bool(is_deleting), built == str(INDEX_VERSION).encode()
        self.statuses |= {from_bytes(name[2:]) for name in fields if name.startswith(b"n:")}
        self.runs = [read_run(*pair) for pair in zip(self.hashes, self.texts, strict=True)]
        self.values = [index_values(run) for run in self.runs]
        self.statuses |= {run.status for run, text in zip(self.runs, self.texts, strict=True) if text is not None}
        for index, (_, profit, _, row) in enumerate(self.values):
            score = self.scores[index]
            is_same_score = score is None if profit == "" else score == float(profit)
            if self.rows[index] != row or not self.members[index] or not is_same_score:
                self.differs.add(index)

    def ask_more(self, pipe: Any) -> int:
        """Ask what the keys are that hold no text, and which status sets name the runs that agree so far."""
        self.absent = [index for index, text in enumerate(self.texts) if text is None]
        self.open = [index for index in range(len(self.hashes)) if index not in self.differs or index in self.absent]
        self.asked = sorted(self.statuses) if self.open else []
        for index in self.absent:
            pipe.type(self.keys.run(self.hashes[index]))
        for status in self.asked:
            pipe.smismember(self.keys.status(status), [self.hashes[index] for index in self.open])
        return len(self.absent) + len(self.asked)

    def take_more(self, answers: Sequence[Any]) -> None:
        kinds, named = answers[: len(self.absent)], answers[len(self.absent) :]
        for index, kind in zip(self.absent, kinds, strict=True):
            if kind in (b"none", b"string"):  # a text: written meanwhile, which the script finds out
                self.gone.add(index)
                continue
            self.reasons[index] = f"stored as a {from_bytes(kind)}, not as text"
            self.runs[index] = UnreadableRun(self.hashes[index], self.reasons[index])
            self.values[index] = index_values(self.runs[index])
            if self.rows[index] == self.values[index][-1] and self.members[index] and self.scores[index] is None:
                self.differs.discard(index)
        for place, index in enumerate(self.open):
            found = {status for status, answer in zip(self.asked, named, strict=True) if answer[place]}
            if index in self.gone:
                is_somewhere = self.rows[index] is not None or self.members[index] or self.scores[index] is not None
                (self.differs.add if found or is_somewhere else self.differs.discard)(index)
            elif found != {self.values[index][0]}:
                self.differs.add(index)

    def operation(self, index: int, name: str) -> tuple[Any, ...]:
        if index in self.gone:
            return ("drop", self.hashes[index], "", "", "", "", "", "", "")
        return (name, self.hashes[index], sha_of(self.texts[index]), "", "", *self.values[index])


class Reconciler:
    """Compares and files; remembers only how many records it may read together."""

    def __init__(self) -> None:
        self._read_together = FIRST_READ

    def reconcile(
        self, hashes: Mapping[str, Sequence[str]], outcome: Outcome, *, touch: Collection[Pair] = (),
        is_catching_up: bool = False,
    ) -> None:  # fmt: skip
        """Compare the runs of each session, file those that differ, and add to the outcome what became of them.

        Runs of `touch` that agree are told of all the same: their record changed in what no row shows. While catching
        up, a session whose derived keys are not complete is filed without events. Raises StoreUnavailable.
        """
        for part in self._parts(hashes):
            seen = []
            for sid, some in part.items():
                try:
                    seen.append(_Seen(SessionId.parse(sid), some))
                except InvalidSessionId as error:
                    outcome.refused[sid] = str(error)
            for one in _read(seen, outcome):
                _write(one, outcome, touch, is_catching_up)
            size = sum(len(text) for one in seen for text in one.texts if text)
            if size > READ_BYTES:
                self._read_together = max(1, self._read_together // 4)
            elif size < READ_BYTES // 4:
                self._read_together = min(BATCH_RUNS, self._read_together * 2)

    def _parts(self, hashes: Mapping[str, Sequence[str]]) -> Iterator[dict[str, list[str]]]:
        part: dict[str, list[str]] = {}
        count = 0
        for sid, some in hashes.items():
            for config_hash in some:
                part.setdefault(sid, []).append(config_hash)
                count += 1
                if count >= self._read_together:
                    yield part
                    part, count = {}, 0
        if part:
            yield part


def _read(seen: Sequence[_Seen], outcome: Outcome) -> list[_Seen]:
    """Read what is stored, in two round trips for all sessions; return those that can be filed."""
    left = list(seen)
    for ask, take in ((_Seen.ask, _Seen.take), (_Seen.ask_more, _Seen.take_more)):
        pipe = client().pipeline()
        counts = [ask(one, pipe) for one in left]
        answers, going_on = iter(pipe.answers() if sum(counts) else []), []
        for one, count in zip(left, counts, strict=True):
            own = [next(answers) for _ in range(count)]
            if any(isinstance(answer, Exception) for answer in own):
                outcome.refused[str(one.sid)] = "a key of this session holds another type of value than it should"
                continue
            take(one, own)
            if one.is_deleting:
                outcome.again += [(str(one.sid), config_hash) for config_hash in one.hashes]
                continue
            going_on.append(one)
        left = going_on
    return left


def _write(seen: _Seen, outcome: Outcome, touch: Collection[Pair], is_catching_up: bool) -> None:
    sid = str(seen.sid)
    chosen: list[int] = []
    operations = []
    outcome.compared += len(seen.hashes)
    for index, config_hash in enumerate(seen.hashes):
        is_touched = (sid, config_hash) in touch and index not in seen.gone
        if index in seen.differs or is_touched:
            chosen.append(index)
            operations.append(seen.operation(index, "touch" if is_touched else "file"))
        elif index not in seen.gone:
            outcome.equal.append((sid, config_hash))
    if not seen.is_built and not is_catching_up and (operations or len(seen.gone) < len(seen.hashes)):
        outcome.unbuilt.add(sid)
    if not operations:
        return
    pairs = [(sid, seen.hashes[index]) for index in chosen]
    is_quiet = is_catching_up and not seen.is_built
    try:
        is_built, codes = write_batch(
            seen.sid, operations, statuses=seen.statuses, is_quiet=is_quiet, unless_deleting=True
        )
    except StoreUnavailable:
        raise
    except KeyTypeError as error:
        outcome.refused[sid] = str(error)
        return
    except Unavailable:
        outcome.again += pairs
        return
    if is_built:
        outcome.unbuilt.discard(sid)
    for index, pair, code in zip(chosen, pairs, codes, strict=True):
        if code < 0:
            outcome.again.append(pair)
            continue
        (outcome.dropped if index in seen.gone else outcome.filed).append(pair)
        if code == 0 and is_built:
            outcome.mended.add(sid)
