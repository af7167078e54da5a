"""Making a session's indexes anew beside those in use, and putting them in their place all at once.

The records are read in bulk and loaded with plain commands, under names of the build's own: the derived indexes, a
generation of the sweep table, which is named as the build is, and the fixed indexes where they are wanted. What our
writers change meanwhile they put down (`index:dirty`), and it is taken over from the indexes in use; the script that
swaps takes over the last of it. Another build, or a deletion of the session, ends this one: nothing of it is used then.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from bots_app.averages import kept_average
from bots_app.bulk import raise_first
from bots_app.indexing import bounded
from bots_app.loading import Loader
from bots_app.run_values import LoadedRun, RunValues
from bots_app.table.new_table import NewTable
from bots_app.table.packing import pack
from bots_app.table.quick_rows import QuickRow
from bots_app.table.shapes import canonical_names
from dashboard.errors import Unavailable
from dashboard.store.client import client
from dashboard.store.dropped_tables import remove_dropped, remove_generation
from dashboard.store.keys import PER_STATUS, SessionKeys
from dashboard.store.lease import BuilderLease
from dashboard.store.overlapped import is_script_unknown
from dashboard.store.scripts import script
from dashboard.store.session_list import note_own, own_list_keys
from dashboard.store.shared import EVENTS_KEPT, INDEX_VERSION, chunked
from dashboard.store.trash import free
from sessions_app.records import SessionId
from sessions_app.registry import summary_options

#: Runs that one call of a script takes over: some 4 ms of the server's time.
CARRIED = 200
#: Most calls sent at once where writers write faster than one call at a time takes over.
MOST_CALLS = 32
#: Attempts at the swap, where others write at the same time.
ATTEMPTS = 200
#: Keys that a step looks at where all are looked through.
SCANNED = 1_000
#: Seconds between two signs of life, and milliseconds without one after which a build is void.
HOLD_EVERY_S, VOID_MS = 2.0, 60_000


class BuildEnded(Exception):  # noqa: N818 - a fact that the caller acts on
    """Raised when what was made cannot be used: another build has begun, the session was deleted, or data was lost."""


class Build:
    """The indexes of one session in the making; `is_fixed` says whether the fixed ones are made too."""

    def __init__(self, sid: SessionId, lease: BuilderLease, *, is_fixed: bool, statuses: Iterable[str]) -> None:
        self.sid, self.lease, self.is_fixed = sid, lease, is_fixed
        self.keys = SessionKeys(str(sid))
        self.made, self.old = self.keys.next(lease.id), self.keys.old(lease.id)
        self.loader = Loader(self.made, NewTable(self.keys.table(lease.id)), is_fixed=is_fixed)
        #: Names of the indexes put aside, without their prefix.
        self.put_aside: list[str] = []
        self._statuses, self._began_at, self._held_at = set(statuses), time.monotonic(), time.monotonic()
        #: The session's revision before any record was read, '' for none.
        self._revision = b""

    def begin(self) -> tuple[bool, bool]:
        """Have our writers put down what they change from now on.

        Returns whether there was anything of the session's but runs, and whether a deletion of it has not ended.
        """
        names = [*map(self.keys.index, ("stats", "dirty", "deleting")), self.keys.summary]
        self._began_at = time.monotonic()
        found = script("begin_build")(names, [self.lease.id, self.old.index("dirty"), VOID_MS])
        is_known, is_deleting, self._revision = found
        return bool(is_known), bool(is_deleting)

    def hold(self) -> None:
        """Give a sign of life now and then. Raises BuildEnded when it comes too late, or another one has the place."""
        if time.monotonic() - self._held_at > HOLD_EVERY_S:
            self._held_at = time.monotonic()
            is_alive = client().pexpire(self.keys.index("dirty"), VOID_MS)
            if self.lease.hold() is not None or not is_alive:
                raise BuildEnded

    def end_load(self) -> None:
        """Store the figures of what was loaded: from now on runs can be taken over."""
        pipe = client().pipeline()
        if table := self.loader.table.stats():
            pipe.hset(self.made.index("stats"), mapping=table)
        for status, figures in self.loader.figures.items():
            names = (f"{name}:{status}" for name in ("n", "sum", "sq", "wide"))
            pipe.hset(self.made.index("stats"), mapping=dict(zip(names, figures.fields(), strict=True)))
        pipe.execute()

    def place(self, runs: Sequence[LoadedRun], gone: Sequence[str] = ()) -> None:
        """Put runs that were read anew in their place; those `gone` are taken out. Raises BuildEnded."""
        found: list[tuple[Any, ...]] = []
        for run in runs:
            values, fields = run.values, run.fields
            fields = fields.fields() if isinstance(fields, QuickRow) else fields
            found.append((values.config_hash, values.status, *texts_of(values), values.row, fields))
        found += [(config_hash, "", "", "", b"", None) for config_hash in gone]
        for some in chunked(found, CARRIED):
            for part in bounded(some):
                packed = pack([fields for *_, fields in part])
                self._carry(0, [*packed, *(word for *words, _ in part for word in words)])

    def _carry(self, count: int, values: Sequence[Any] = ()) -> int:
        left: int = script("carry_runs")(*self._carry_call(count, values))
        if left < 0:
            raise BuildEnded
        return left

    def _carry_call(self, count: int, values: Sequence[Any] = ()) -> tuple[list[str], list[Any]]:
        options = {
            "token": self.lease.id, "prefix": self.keys.prefix, "next": self.made.prefix, "fixed": self.is_fixed,
            "table": self._table_facts(), "count": count,
        }  # fmt: skip
        return [self.keys.index("stats"), self.keys.index("dirty")], [msgspec.json.encode(options), *values]

    def _table_facts(self) -> dict[str, Any]:
        """Return what the scripts have to know of the sweep table made."""
        prefix, always = self.keys.table_prefix, sorted(canonical_names())
        return {"tables": prefix, "generation": self.lease.id, "always": always}

    def carry(self) -> Iterator[None]:
        """Take over what our writers changed until little is left, a step at a time. Raises BuildEnded."""
        calls, left = 1, self._carry(CARRIED)
        while left > CARRIED:
            yield
            self.hold()
            answers = script("carry_runs").each([self._carry_call(CARRIED)] * calls)
            if any(map(is_script_unknown, answers)):
                continue  # told to forget its scripts between two commands
            raise_first(answers)
            if answers[-1] < 0:
                raise BuildEnded
            # Writers that are as fast as this are given less room.
            calls = min(calls * 2, MOST_CALLS) if answers[-1] >= left else calls
            left = answers[-1]

    def swap(self, *, is_kept: bool = True, with_summary: bool = False) -> None:
        """Put what was made in the place of what is in use. Raises BuildEnded, KeyTypeError, Unavailable.

        `is_kept` tells whether there is a session at all.
        """
        calls = 0
        for _ in range(ATTEMPTS):
            options = self._summary() if with_summary else {}
            pipe = client().pipeline()
            script("carry_runs").load(pipe)
            script("swap_indexes").load(pipe)
            for _ in range(calls):
                script("carry_runs").queue(pipe, *self._carry_call(CARRIED))
            script("swap_indexes").queue(pipe, *self._swap_call(options | {"is_kept": is_kept}))
            answers = pipe.answers()
            if any(map(is_script_unknown, answers)):
                continue  # told to forget its scripts between two commands
            raise_first(answers)
            code, *names = answers[-1]
            if code == 1:
                self.put_aside = [name.decode() for name in names]
                note_own(str(self.sid))
                return
            if code in (-2, -3):
                raise BuildEnded
            calls = min(calls * 2, MOST_CALLS) or 1 if code == 0 else calls
        raise Unavailable(f"Session {self.sid} is being written too often for its indexes to be exchanged; try again.")

    def _summary(self) -> dict[str, Any]:
        options = summary_options(self.sid)
        return options | kept_average(self.sid, options.pop("text"), made=self.made)

    def _swap_call(self, options: dict[str, Any]) -> tuple[list[str], list[Any]]:
        names = [*map(self.keys.index, ("stats", "dirty")), self.keys.events, self.keys.summary, *own_list_keys()]
        options |= {
            "sid": str(self.sid), "token": self.lease.id, "prefix": self.keys.prefix, "next": self.made.prefix,
            "old": self.old.prefix, "fixed": self.is_fixed, "table": self._table_facts(), "loaded": self.loader.batches,
            "count": CARRIED,
            "statuses": sorted(self._statuses | self.loader.figures.keys()), "version": INDEX_VERSION,
            "now_us": time.time_ns() // 1000, "events": EVENTS_KEPT, "chosen": self._chosen(),
        }  # fmt: skip
        return names, [msgspec.json.encode(options)]

    def _chosen(self) -> dict[str, Any]:
        """Return what is put down of the choice of the table's columns, see `bots_app.choosing`."""
        took_ms = round(1000 * (time.monotonic() - self._began_at))
        # The exchange of the indexes is a revision of its own.
        of = str(int(self._revision) + 1) if self._revision else ""
        return {"of": of, "at": time.time_ns() // 1_000_000, "took": took_ms, "gap": self.loader.table.gap()}

    def remove_rest(self) -> None:
        """Remove what was put aside, and what was made and not used; give up what is not done."""
        made = [self.lease.id, self.made.index("dirty")]
        in_use = script("end_build")([self.keys.index("stats"), self.keys.index("dirty")], made)
        if in_use != self.lease.id.encode():
            remove_generation(self.keys, self.lease.id, between=self._stay)
        remove_dropped(self.keys, between=self._stay)
        names = [f"{self.old.prefix}{name}" for name in (*self.put_aside, "events", "index:dirty")]
        names += [self.made.bots, self.made.profit]
        names += [self.made.index(name) for name in ("rows", "stats", "heard", "dirty", *PER_STATUS)]
        for status in self._statuses | self.loader.figures.keys():
            names += [self.made.status(status), *(self.made.index_status(status, name) for name in PER_STATUS)]
        if self.loader.is_shared:
            # Of which statuses other processes have made something, they say when they are done.
            names += client().scan_iter(match=self.keys.pattern(self.made.prefix), count=SCANNED)
        free(names, between=self._stay)

    def _stay(self) -> None:
        """Keep the place now and then, while what is left is removed; nothing depends on it any more."""
        if time.monotonic() - self._held_at > HOLD_EVERY_S:
            self._held_at = time.monotonic()
            self.lease.hold()


def texts_of(one: RunValues) -> tuple[str, str]:
    """Return profit and time as the scripts take them: '' when missing."""
    return "" if one.profit is None else repr(one.profit), "" if one.updated is None else str(one.updated)
