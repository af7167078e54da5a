"""Comparing a session's indexes, figures and summary with its records; nothing is changed.

Each record is read once, and looked for at every place where it should be. A place that holds other entries than those
found there is then looked through for what does not belong. Kept in memory: the hashes, some 0.1 kB a run.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import msgspec

from bots_app.bulk import STEP, Batch, BulkReader, raise_first
from bots_app.check_places import Place, all_places, misplaced, places_of, whole_places
from bots_app.check_rows import Difference
from bots_app.check_table import table_differences
from bots_app.check_totals import Totals, is_same
from bots_app.helpers import LEAST_RUNS, Helper, HelperEnded, can_help
from bots_app.run_values import RunValues
from bots_app.survey import USUAL, odd_members, run_hashes
from dashboard.errors import Unavailable
from dashboard.store import keys as store_keys
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.store.overlapped import Command, Exchange
from dashboard.store.shared import INDEX_VERSION, chunked
from dashboard.tolerant import from_bytes
from sessions_app.records import SessionId, read_summary
from sessions_app.registry import SessionRegistry

#: Examples named of each kind of drift.
EXAMPLES = 5
_COUNTS = {"set": "SCARD", "zset": "ZCARD", "hash": "HLEN"}


class Drift(msgspec.Struct):
    """One kind of difference between what the records say and what is stored, how often, and the first examples."""

    kind: str
    count: int = 0
    examples: list[str] = []

    def add(self, example: str) -> None:
        self.count += 1
        if len(self.examples) < EXAMPLES or example < self.examples[-1]:
            insort(self.examples, example)
            del self.examples[EXAMPLES:]


def check(
    sid: SessionId, *, statuses: Iterable[str] = (), strays: Iterable[str] | None = None,
    progress: Callable[[int], None] | None = None, helpers: int = 1,
) -> list[Drift]:  # fmt: skip
    """Return every kind of drift of a session, none for a sound one. Cost: reads the whole session, in small steps.

    `strays` are the records that its set of runs does not name, where they are known. With several `helpers`, a process
    of its own reads the sweep table of a large session meanwhile. Raises StoreUnavailable, Unavailable.
    """
    with ExitStack() as stack:
        return _Check(sid, set(statuses) | USUAL, strays, progress, stack if helpers > 1 else None).run()


class _Check:
    def __init__(
        self, sid: SessionId, statuses: set[str], strays: Iterable[str] | None, progress: Callable[[int], None] | None,
        stack: ExitStack | None,
    ) -> None:  # fmt: skip
        self.sid, self.keys, self.strays, self.progress = sid, SessionKeys(str(sid)), strays, progress
        #: What a helper ends with, where one is wanted.
        self.stack = stack
        self.statuses, self.totals = statuses, Totals()
        self.drifts: dict[str, Drift] = {}
        self.is_built = False
        self._seen: set[str] = set()
        #: Runs found where they should be, by key.
        self._found: Counter[str] = Counter()
        self._fit: dict[str, bool] = {}

    def run(self) -> list[Drift]:
        stats = self._stats()
        self.is_built = stats.get("built") == str(INDEX_VERSION)
        table = self._table(stats)
        with Exchange(self.keys.bots) as exchange:
            reader = BulkReader(exchange, self.keys, others=self._rows)
            for batch in reader.batches(self._unseen()):
                runs = [one for one in batch.values() if one is not None]
                self._look_at(runs, batch)
                reader.ride(*self._look_up(runs))
                if self.progress:
                    self.progress(self.totals.count)
        self.statuses |= self.totals.figures.keys() | {name[2:] for name in stats if name.startswith("n:")}
        self._look_for_others()
        if self.is_built:
            for status in sorted(self.statuses):
                for kind, example in self.totals.wrong_figures(status, stats):
                    self._tell(kind, example)
            for kind, example in table:
                self._tell(kind, example)
        elif self.totals.count:
            self._tell("derived keys: not built yet", str(self.sid))
        self._check_summary()
        return sorted(self.drifts.values(), key=lambda drift: drift.kind)

    def _tell(self, kind: str, example: str) -> None:
        self.drifts.setdefault(kind, Drift(kind)).add(example)

    def _stats(self) -> dict[str, str]:
        key = self.keys.index("stats")
        kept = client().hgetall(key) if self._is_fit(Place("figures", key, "hash")) else {}
        return {from_bytes(name): from_bytes(value) for name, value in kept.items()}

    def _is_fit(self, place: Place) -> bool:
        """Tell whether a key holds what it should, and note it if not."""
        if place.key not in self._fit:
            found = from_bytes(client().type(place.key))
            self._fit[place.key] = found in (place.kind, "none")
            if not self._fit[place.key]:
                kind = f"{place.label}: another type of key"
                self._tell(kind, f"{place.key} ({found} instead of {place.kind})")
        return self._fit[place.key]

    def _unseen(self) -> Iterator[list[str]]:
        """Yield every hash once; those with a colon, which no key tells, are known by the indexes that name them."""
        for source in (run_hashes(self.sid, self.strays), odd_members(self.sid, self.statuses)):
            for hashes in chunked(source, STEP):
                found = [name for name in dict.fromkeys(hashes) if name not in self._seen]
                self._seen.update(found)
                yield found

    def _rows(self, hashes: list[str]) -> list[Command]:
        return [("HMGET", self.keys.index("rows"), *hashes)]

    def _look_at(self, runs: list[RunValues], batch: Batch) -> None:
        """Count the runs, and compare their rows."""
        for one in runs:
            self.totals.add(one)
        place = Place("rows", self.keys.index("rows"), "hash")
        if not self.is_built or not self._is_fit(place):
            return
        raise_first(batch.others)
        rows = dict(zip(batch.hashes, batch.others[0], strict=True))
        for one in runs:
            row = rows[one.config_hash]
            self._found[place.key] += row is not None
            if row != one.row:
                self._tell("rows: a run is missing" if row is None else "rows: a row is out of date", one.config_hash)

    def _look_up(self, runs: list[RunValues]) -> tuple[list[Command], Callable[[list[Any]], None]]:
        """Return what asks for runs at every place where they should be, and what takes the answers."""
        by_status: dict[str, list[RunValues]] = {}
        for one in runs:
            by_status.setdefault(one.status, []).append(one)
        groups = [(place, runs) for place in whole_places(self.keys, is_built=self.is_built)]
        for status, found in by_status.items():
            groups += [(place, found) for place in places_of(self.keys, status, is_built=self.is_built)]
        asked: list[tuple[Place, list[str], list[float]]] = []
        commands: list[Command] = []
        for place, group in groups:
            if place.kind == "hash" or not self._is_fit(place):
                continue
            scores = [place.score(one) for one in group]
            hashes = [one.config_hash for one, score in zip(group, scores, strict=True) if score is not None]
            if hashes:
                asked.append((place, hashes, [score for score in scores if score is not None]))
                commands.append(("SMISMEMBER" if place.kind == "set" else "ZMSCORE", place.key, *hashes))
        return commands, partial(self._take, asked)

    def _take(self, asked: list[tuple[Place, list[str], list[float]]], answers: list[Any]) -> None:
        raise_first(answers)
        for (place, hashes, wanted), answer in zip(asked, answers, strict=True):
            found = [None if score is None else float(score) for score in answer]
            if found == wanted:
                self._found[place.key] += len(found)
                continue
            for config_hash, score, right in zip(hashes, found, wanted, strict=True):
                is_missing = score is None or (place.kind == "set" and not score)
                self._found[place.key] += not is_missing
                if is_missing:
                    self._tell(f"{place.label}: a run is missing", config_hash)
                elif score != right:
                    self._tell(f"{place.label}: a wrong score", f"{config_hash} ({score!r} instead of {right!r})")

    def _look_for_others(self) -> None:
        """Look through the indexes that hold something else than the runs found there."""
        places = [
            place for place in all_places(self.keys, self.statuses, is_built=self.is_built) if self._is_fit(place)
        ]
        pipe = client().pipeline()
        for place in places:
            pipe.execute_command(_COUNTS[place.kind], place.key)
        for place, count in zip(places, pipe.execute(), strict=True):
            if count != self._found[place.key]:
                self._look_through(place)

    def _look_through(self, place: Place) -> None:
        scans = {"set": client().sscan_iter, "zset": client().zscan_iter, "hash": client().hscan_iter}
        items = scans[place.kind](place.key, count=STEP)
        names = dict.fromkeys(from_bytes(item[0] if isinstance(item, tuple) else item) for item in items)
        with Exchange(self.keys.bots) as exchange:
            for batch in BulkReader(exchange, self.keys).batches(chunked(names, STEP)):
                for name, one in zip(batch.hashes, batch.values(), strict=True):
                    reason = misplaced(place, one)
                    if reason:
                        self._tell(f"{place.label}: {reason}", name)

    def _table(self, stats: dict[str, str]) -> Iterable[Difference]:
        """Return the differences of the sweep table, which are found when they are asked for, or by a helper before."""
        if not (self.is_built and "swept" in stats and "table" in stats):
            return ()
        generation = stats["table"]
        table = self.keys.table(generation)
        places = [
            Place("rows", self.keys.index("rows"), "hash"), Place("table", table.name("places"), "hash"),
            *(Place("table", table.name(name), "set") for name in ("columns", "omitted", "free")),
            *(Place("table", table.name(name), "hash") for name in ("long", "shapes", "texts", "tail")),
            *(Place("table", table.name(name), "zset") for name in ("changes", "moved", "recent")),
        ]  # fmt: skip
        if not all(self._is_fit(place) for place in places):
            return ()
        if self.stack is None or not can_help() or client().hlen(self.keys.index("rows")) < LEAST_RUNS:
            return table_differences(self.keys, generation)
        return _told_by(self.stack.enter_context(closing(Helper(tell_differences, self.keys, generation))))

    def _check_summary(self) -> None:
        is_text = client().type(self.keys.summary) in (b"string", b"none")
        summary = read_summary(self.sid, client().get(self.keys.summary)) if is_text else None
        if not is_text or (summary and summary.unreadable):
            self._tell("summary: unreadable", str(self.sid))
        elif summary is None:
            if self.totals.count:
                self._tell("summary: missing", str(self.sid))
        else:
            for name, value in self.totals.summary().items():
                found = getattr(summary, name)
                is_other_mean = name == "avgProfit" and is_same(found, self.totals.mean_of_all())
                if not is_other_mean and not is_same(found, value):
                    self._tell(f"summary: a wrong {name}", f"{found!r} instead of {value!r}")
        is_listed = client().zscore(store_keys.SESSIONS, str(self.sid)) is not None
        if self.totals.count and not is_listed:
            self._tell("list of sessions: the session is missing", str(self.sid))
        elif is_listed and not SessionRegistry().exists(self.sid):
            self._tell("list of sessions: an entry without a session", str(self.sid))


def tell_differences(parent: Connection, keys: SessionKeys, generation: str) -> None:
    """Tell the parent how a sweep table differs from the records, in a process of its own."""
    for some in chunked(table_differences(keys, generation), STEP):
        parent.send(some)
    parent.send(None)


def _told_by(helper: Helper) -> Iterator[Difference]:
    try:
        while (some := helper.receive()) is not None:
            yield from some
    except HelperEnded as error:
        raise Unavailable(f"{error} Try again.") from error
