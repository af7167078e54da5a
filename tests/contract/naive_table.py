"""A sweep table written the slow and plain way, key by key, and what it holds: for tests of who reads it."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import redis

from bots_app.query import RunQuery
from bots_app.table.hashes import LONG
from bots_app.table.values import MISSING, bits_of
from dashboard.store.keys import SEGMENT_ROWS, SessionKeys
from dashboard.store.shared import INDEX_VERSION

Fields = Mapping[str, Any]
#: Rows of one segment from which on they are not put down one by one, and the most rows put down.
MANY_ROWS, MOST_RECENT = 3, 30


class NaiveTable:
    """Writes one session's table in transactions; `runs` are what it holds, by configHash."""

    def __init__(self, store: redis.Redis, sid: str, *, generation: str = "g1", width: int = 16) -> None:
        self.store, self.keys, self.width = store, SessionKeys(sid), width
        self.revision = 1_700_000_000_000_000
        self.begin(generation)

    def begin(self, generation: str) -> None:
        """Begin an empty table in the place of the one there is."""
        self.generation, self.table = generation, self.keys.table(generation)
        self.runs: dict[str, Fields] = {}
        self.rows: dict[str, int] = {}
        self.free: list[int] = []
        self.given = 0
        self.change({})

    def change(self, runs: Mapping[str, Fields | None]) -> None:
        """Write runs, delete those that are None: all at once, as one batch."""
        self.revision += max(1, len(runs))
        pipe = self.store.pipeline(transaction=True)
        changed, moved, before = set(), set(), dict(self.rows)
        for config_hash, fields in runs.items():
            row = self.rows.get(config_hash)
            if fields is None:
                row = self.rows.pop(config_hash)
                del self.runs[config_hash]
                self.free.append(row)
                self._put_hash(pipe, row, "")
                moved.add(row // SEGMENT_ROWS)
            else:
                if row is None:
                    row = self.free.pop() if self.free else self.given
                    self.given = max(self.given, row + 1)
                    self.rows[config_hash] = row
                    self._put_hash(pipe, row, config_hash)
                    moved.add(row // SEGMENT_ROWS)
                    for name in self.columns():
                        self._put_value(pipe, row, name, MISSING)
                for name in self.runs.get(config_hash, {}).keys() - fields.keys():
                    self._put_value(pipe, row, name, MISSING)
                for name, value in fields.items():
                    self._put_value(pipe, row, name, bits_of(value))
                    pipe.sadd(self.table.name("columns"), name)
                    if isinstance(value, str) and len(value) <= 200:
                        pipe.hset(self.table.name("texts"), str(bits_of(value) - MISSING), value)
                self.runs[config_hash] = dict(fields)
            changed.add(row // SEGMENT_ROWS)
        rows = {row for row in (before.get(name, self.rows.get(name)) for name in runs) if row is not None}
        self._note_rows(pipe, rows, len(changed))
        self._finish(pipe, runs, changed, moved)

    def _note_rows(self, pipe: Any, rows: set[int], segments: int) -> None:
        """Put down which rows were changed, as far as readers want to know."""
        recent = self.table.name("recent")
        if len(rows) > MANY_ROWS * segments:
            pipe.delete(recent)
            rows = {""}  # type: ignore[arg-type]
        if rows:
            pipe.zadd(recent, {str(row): self.revision for row in rows})
            pipe.zremrangebyrank(recent, 0, -MOST_RECENT - 1)

    def _finish(self, pipe: Any, runs: Mapping[str, Fields | None], changed: set[int], moved: set[int]) -> None:
        for name, segments in (("changes", changed), ("moved", moved)):
            for segment in segments:
                pipe.zadd(self.table.name(name), {str(segment): self.revision})
        for config_hash, fields in runs.items():
            if fields is None:
                pipe.srem(self.keys.bots, config_hash)
                for name, command in ((self.keys.index("rows"), pipe.hdel), (self.table.name("places"), pipe.hdel)):
                    command(name, config_hash)
                pipe.zrem(self.keys.index("unranked"), config_hash)
            else:
                pipe.sadd(self.keys.bots, config_hash)
                pipe.hset(self.keys.index("rows"), config_hash, "{}")
                pipe.hset(self.table.name("places"), config_hash, f"{self.rows[config_hash]} shape")
                pipe.zadd(self.keys.index("unranked"), {config_hash: 0})
        pipe.hset(
            self.keys.index("stats"),
            mapping={
                "built": INDEX_VERSION, "swept": 1,
                "revision": self.revision, "table": self.generation, "rows": self.given,
                "width": self.width,
            },
        )  # fmt: skip
        pipe.execute()

    def columns(self) -> set[str]:
        return {name for fields in self.runs.values() for name in fields}

    def _put_hash(self, pipe: Any, row: int, config_hash: str) -> None:
        text = config_hash.encode()
        is_long = len(text) > self.width
        if is_long:
            pipe.hset(self.table.name("long"), str(row), text)
            text = bytes([LONG])
        else:
            pipe.hdel(self.table.name("long"), str(row))
        segment, place = divmod(row, SEGMENT_ROWS)
        pipe.setrange(self.table.hashes(segment), place * self.width, text.ljust(self.width, b"\0"))

    def _put_value(self, pipe: Any, row: int, name: str, bits: int) -> None:
        segment, place = divmod(row, SEGMENT_ROWS)
        pipe.setrange(self.table.values(segment, name), place * 8, (bits ^ MISSING).to_bytes(8, "little"))

    def fill(self, hashes: list[str], columns: Mapping[str, np.ndarray]) -> None:
        """Write many runs into an empty table, one string a segment; an array of doubles a column, NaN: missing."""
        self.given, self.revision = len(hashes), self.revision + len(hashes)
        pipe = self.store.pipeline()
        slots = np.array([text.encode() for text in hashes], dtype=f"S{self.width}")
        for segment, start in enumerate(range(0, len(hashes), SEGMENT_ROWS)):
            part = slice(start, start + SEGMENT_ROWS)
            pipe.set(self.table.hashes(segment), slots[part].tobytes())
            for name, values in columns.items():
                pipe.set(self.table.values(segment, name), (values[part].view("<u8") ^ np.uint64(MISSING)).tobytes())
            pipe.zadd(self.table.name("changes"), {str(segment): self.revision})
            pipe.zadd(self.table.name("moved"), {str(segment): self.revision})
        pipe.sadd(self.table.name("columns"), *columns)
        pipe.sadd(self.keys.bots, *hashes[:1])
        pipe.hset(
            self.keys.index("stats"),
            mapping={
                "built": INDEX_VERSION, "swept": 1,
                "revision": self.revision, "table": self.generation, "rows": self.given,
                "width": self.width,
            },
        )  # fmt: skip
        pipe.execute()


def matching(runs: Mapping[str, Fields], query: RunQuery) -> list[str]:
    """Return the list of a query, worked out by looking at every run and sorting all; expressions are not looked at."""
    found = [config_hash for config_hash, fields in runs.items() if _matches(fields, query)]
    return sorted(found, key=functools.cmp_to_key(functools.partial(_compare, runs, query.order)))


def _matches(fields: Fields, query: RunQuery) -> bool:
    status = fields.get("status")
    if (query.statuses and status not in query.statuses) or status in query.excluded:
        return False
    ranges = [("profit", query.min_profit, query.max_profit), *query.bounds]
    for name, least, most in ranges:
        value = fields.get(name)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if (least is not None or most is not None) and not is_number:
            return False
        if (least is not None and value < least) or (most is not None and value > most):
            return False
    return True


def _kind(value: Any) -> int:
    """Return the place of a kind of value: numbers, booleans, texts, nothing."""
    if value is None:
        return 3
    return 1 if isinstance(value, bool) else 2 if isinstance(value, str) else 0


def _compare(runs: Mapping[str, Fields], order: Any, first: str, second: str) -> int:
    is_down = order[0][1]
    for place, (name, descending) in enumerate(order):
        one, other = runs[first].get(name), runs[second].get(name)
        kinds = _kind(one), _kind(other)
        if kinds == (3, 3):
            if place == 0:
                is_down = False
                break
        elif 3 in kinds or (0 in kinds and kinds != (0, 0)):
            return -1 if kinds[0] < kinds[1] else 1
        elif (kinds[0], one) != (kinds[1], other):
            return -1 if ((kinds[0], one) < (kinds[1], other)) != descending else 1
    return -1 if (first.encode() < second.encode()) != is_down else 1
