"""Comparing some runs of any sessions with what the indexes say of them, and filing those that differ.

Reading costs little and changes nothing, so that a run which is filed already costs no write. What is filed goes
through the same atomic script as every write, which tells of each change once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from django.conf import settings

from bots_app.indexing import Run, batch_call, bounded, index_values, write_batch
from bots_app.records import UnreadableRun, read_run
from bots_app.survey import USUAL
from bots_app.table.fields import fields_of
from dashboard.errors import InvalidSessionId, StoreUnavailable, Unavailable
from dashboard.store.client import KeyTypeError, client
from dashboard.store.keys import SessionKeys
from dashboard.store.scripts import script
from dashboard.store.session_list import Notice, note
from dashboard.store.shared import INDEX_VERSION
from dashboard.tolerant import from_bytes
from sessions_app.records import SessionId
from sessions_app.registry import sha_of

#: Bytes of records read in one round trip, about: more, and fewer runs are read together from then on.
READ_BYTES = 8_000_000
#: Runs read together at first, until their size is known, and at most: filed, they keep Redis busy for some 5 ms.
FIRST_READ, MOST_READ = 50, 125

WRONG_TYPE = "a key of this session holds another type of value than it should"
_STATUSES = msgspec.json.encode(sorted(USUAL))

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
        self.is_built = self.is_deleting = False
        self.texts: list[bytes | None] = []
        self.runs: list[Run] = []
        self.values: list[tuple[str, str, str, bytes]] = []
        self.statuses: list[str] = []
        #: By position in `hashes`: runs whose record is gone, and runs of which an index says something else.
        self.gone: set[int] = set()
        self.differs: set[int] = set()

    def ask(self, pipe: Any) -> None:
        keys = self.keys
        names = [keys.bots, keys.profit, *(keys.index(name) for name in ("rows", "stats", "deleting"))]
        pipe.mget([keys.run(config_hash) for config_hash in self.hashes])
        script("read_places").queue(pipe, names, [keys.status_prefix, INDEX_VERSION, _STATUSES, *self.hashes])

    def take(self, texts: list[bytes | None], places: Sequence[Any]) -> None:
        """Take the answers. Cost: a round trip where a record is gone."""
        self.is_deleting, self.is_built = bool(places[0]), bool(places[1])
        self.texts, self.statuses = texts, list(map(from_bytes, places[2]))
        self.runs = [read_run(*pair) for pair in zip(self.hashes, texts, strict=True)]
        if None in texts:
            self._find_gone()
        self.values = [index_values(run) for run in self.runs]
        _, _, _, rows, members, scores, *named = places
        for index, (status, profit, _, row) in enumerate(self.values):
            found = [name for name, answers in zip(self.statuses, named, strict=True) if answers[index]]
            score = scores[index]
            if index in self.gone:
                is_right = not found and rows[index] is None and not members[index] and score is None
            else:
                is_same = score is None if profit == "" else score is not None and float(score) == float(profit)
                is_right = is_same and rows[index] == row and bool(members[index]) and found == [status]
            if not is_right:
                self.differs.add(index)
        self.statuses = sorted({*self.statuses, *(values[0] for values in self.values)})

    def _find_gone(self) -> None:
        absent = [index for index, text in enumerate(self.texts) if text is None]
        pipe = client().pipeline()
        for index in absent:
            pipe.type(self.keys.run(self.hashes[index]))
        for index, kind in zip(absent, pipe.execute(), strict=True):
            if kind in (b"none", b"string"):  # a text was written meanwhile, which the script finds out
                self.gone.add(index)
            else:
                self.runs[index] = UnreadableRun(self.hashes[index], f"stored as a {from_bytes(kind)}, not as text")

    def operation(self, index: int, name: str) -> tuple[Any, ...]:
        if index in self.gone:
            return ("drop", self.hashes[index], "", "", "", "", "", "", "", None)
        fields = fields_of(self.runs[index])
        return (name, self.hashes[index], sha_of(self.texts[index]), "", "", *self.values[index], fields)


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
            _write([_planned(one, outcome, touch, is_catching_up) for one in _read(seen, outcome)], outcome)
            size = sum(len(text) for one in seen for text in one.texts if text)
            if size > READ_BYTES:
                self._read_together = max(1, self._read_together // 4)
            elif size < READ_BYTES // 4:
                self._read_together = min(MOST_READ, self._read_together * 2)

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
    """Read what is stored, in one round trip for all sessions; return those that can be filed."""
    pipe = client().pipeline()
    script("read_places").load(pipe)
    for one in seen:
        one.ask(pipe)
    answers, fit = pipe.answers()[1:], []
    for one, texts, places in zip(seen, answers[::2], answers[1::2], strict=True):
        if isinstance(texts, Exception) or isinstance(places, Exception):
            outcome.refused[str(one.sid)] = WRONG_TYPE
            continue
        one.take(texts, places)
        if one.is_deleting:
            outcome.again += [(str(one.sid), config_hash) for config_hash in one.hashes]
        else:
            fit.append(one)
    return fit


@dataclass
class _Plan:
    """What is to be done to one session: a position in its hashes and an operation for each run."""

    seen: _Seen
    chosen: list[int]
    operations: list[Sequence[Any]]
    is_quiet: bool

    def parts(self) -> Iterator[_Plan]:
        """Yield plans that a script call can take."""
        start = 0
        for operations in bounded(self.operations):
            end = start + len(operations)
            yield _Plan(self.seen, self.chosen[start:end], list(operations), self.is_quiet)
            start = end

    def call(self) -> dict[str, Any]:
        return {"statuses": self.seen.statuses, "is_quiet": self.is_quiet, "unless_deleting": True}


def _planned(seen: _Seen, outcome: Outcome, touch: Collection[Pair], is_catching_up: bool) -> _Plan:
    sid = str(seen.sid)
    plan = _Plan(seen, [], [], is_catching_up and not seen.is_built)
    outcome.compared += len(seen.hashes)
    for index, config_hash in enumerate(seen.hashes):
        is_touched = (sid, config_hash) in touch and index not in seen.gone
        if index in seen.differs or is_touched:
            plan.chosen.append(index)
            plan.operations.append(seen.operation(index, "touch" if is_touched else "file"))
        elif index not in seen.gone:
            outcome.equal.append((sid, config_hash))
    if not seen.is_built and not is_catching_up and (plan.operations or len(seen.gone) < len(seen.hashes)):
        outcome.unbuilt.add(sid)
    return plan


def _write(plans: Sequence[_Plan], outcome: Outcome) -> None:
    """Hand the operations to the script, all sessions in one round trip."""
    plans = [part for plan in plans if plan.operations for part in plan.parts()]
    calls = [batch_call(plan.seen.sid, plan.operations, **plan.call()) for plan in plans]
    answers = [None for _ in plans] if len(plans) == 1 else script("write_runs").each(calls)
    if settings.REDIS_CLUSTER:
        written = [plan for plan, answer in zip(plans, answers, strict=True) if isinstance(answer, list)]
        note(Notice(str(plan.seen.sid)) for plan in written if not plan.is_quiet)
    for plan, answer in zip(plans, answers, strict=True):
        if isinstance(answer, Exception):
            outcome.refused[str(plan.seen.sid)] = WRONG_TYPE
        elif answer is None or answer[0] == -1:
            # Alone, or with a summary of another program's, which has to be read.
            _write_one(plan, outcome)
        else:
            _settle(plan, answer[0] == 1, answer[1:], outcome)


def _write_one(plan: _Plan, outcome: Outcome) -> None:
    sid = str(plan.seen.sid)
    try:
        is_built, codes = write_batch(plan.seen.sid, plan.operations, **plan.call())
    except StoreUnavailable:
        raise
    except KeyTypeError:
        outcome.refused[sid] = WRONG_TYPE
    except Unavailable:
        outcome.again += [(sid, plan.seen.hashes[index]) for index in plan.chosen]
    else:
        _settle(plan, is_built, codes, outcome)


def _settle(plan: _Plan, is_built: bool, codes: Sequence[int], outcome: Outcome) -> None:
    """Take what became of a session's runs."""
    sid = str(plan.seen.sid)
    if is_built:
        outcome.unbuilt.discard(sid)
    for index, code in zip(plan.chosen, codes, strict=True):
        pair = (sid, plan.seen.hashes[index])
        if code < 0:
            outcome.again.append(pair)
            continue
        (outcome.dropped if index in plan.seen.gone else outcome.filed).append(pair)
        if code == 0 and is_built:
            outcome.mended.add(sid)
