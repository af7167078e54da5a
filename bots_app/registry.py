"""BotRegistry: the door to runs. Every method may raise StoreUnavailable."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Any, TypeVar, cast

import msgspec

from bots_app.deriving import INLINE_RUNS, build, build_in_background
from bots_app.indexing import (
    READ_RUNS,
    index_values,
    named_statuses,
    read_runs,
    read_texts,
    write_one,
)
from bots_app.interruption import interrupted
from bots_app.known_lists import KnownList, known_list
from bots_app.other_statuses import look, read_others
from bots_app.planner import plan_of
from bots_app.query import RunQuery
from bots_app.records import NOT_STORED, BacktestRunRecord, UnreadableRun, read_run
from bots_app.run_page import RunPage
from bots_app.sending import Sender, put_operation
from bots_app.single_put import put_one
from bots_app.table.fields import fields_of
from bots_app.table.ordering import TablePosition, is_of_table
from bots_app.table.plateaus import is_plateau
from bots_app.table_lists import Start, count_in_table, neighbours_in_table, rank_in_table, read_table_page
from bots_app.unindexed import read_unindexed, wait_for_index
from bots_app.writing import RunWrite, check_hash
from dashboard.errors import (
    InvalidRecord,
    PreconditionFailed,
    RecordUnreadable,
    RunNotFound,
    SessionNotFound,
    StoreUnavailable,
    Unavailable,
)
from dashboard.store import cursor as cursors
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.store.pages import RANKED, UNRANKED, NotBuilt, PageReply, Position, RankedList
from dashboard.store.shared import INDEX_VERSION, chunked
from dashboard.store.time_limit import in_steps
from dashboard.tolerant import NOT_STRICT, from_bytes
from sessions_app.records import SessionId
from sessions_app.registry import sha_of

#: Attempts at changing a record that others write at the same time.
ATTEMPTS = 20
Answer = TypeVar("Answer")
_RESULTS = {1: "created", 2: "updated", 0: "unchanged"}


class WriteResult(msgspec.Struct, frozen=True, gc=False):
    """What became of one record of a batch: created, updated, unchanged or refused."""

    index: int
    configHash: str | None
    result: str
    error: str | None = None


class BotRegistry:
    """Reads and writes the runs of sessions."""

    def page(
        self, sid: SessionId, query: RunQuery, *, cursor: str | None = None, limit: int = 50,
        start: Start | None = None, fields: Sequence[str] = (),
    ) -> RunPage:  # fmt: skip
        """Return one page of the list, from `start` on unless a cursor says where; `fields` are those of `page_rows`.

        Raises SessionNotFound, CursorInvalid, InvalidParameter for a field that no run has. Cost: one round trip, at
        any depth, where the planner takes the sorted sets; else see `read_table_page`.
        """
        known = known_list(sid, query)
        packed = cursors.decode(cursor, scope=known.scope) if cursor else None
        if start is not None or is_of_table(packed) or known.is_of_table or any(map(is_plateau, fields)):
            at = TablePosition.unpack(packed) if packed is not None else None
            found, texts = read_table_page(
                sid, query, position=at, limit=limit, start=None if packed else start, fields=fields
            )
            if None in texts:
                members = [one.encode("utf-8", "surrogateescape") for one in found.hashes]
                texts = list[bytes | None](self._with_missing(known.keys, members, texts))
            return RunPage(cast(list[bytes], texts), found, known.scope)
        reply = self._reply(known, Position.unpack(packed) if packed is not None else Position(), limit)
        rows = cast(list[bytes], reply.rows) if all(reply.rows) else self._completed(known.keys, reply)
        return RunPage(rows, reply, known.scope)

    def _reply(self, known: KnownList, position: Position, limit: int) -> PageReply:
        sid, query, keys, ranked = known.sid, known.query, known.keys, known.ranked

        def read_of(others: RunQuery) -> PageReply | None:
            merged = known_list(sid, others).ranked
            assert merged is not None  # as nothing is left out of it any more
            return merged.read(position, limit)

        def read() -> PageReply | None:
            return ranked.read(position, limit) if ranked else read_others(keys, query, read_of)

        reply = self.when_built(sid, read, lambda: read_unindexed(keys, query, position=position, limit=limit))
        if reply is None:
            raise SessionNotFound(sid)
        return reply

    def when_built(self, sid: SessionId, read: Callable[[], Answer], meanwhile: Callable[[], Answer]) -> Answer:
        """Return what `read` does; build the derived keys if they are missing, answer `meanwhile` if that is long."""
        try:
            return read()
        except NotBuilt as missing:
            if missing.cardinality > INLINE_RUNS:
                build_in_background(sid)
                return meanwhile()
            build(sid)
        return read()

    def _completed(self, keys: SessionKeys, reply: PageReply) -> list[bytes]:
        """Return every row of a page, those that no derived key has yet made from the records."""
        return self._with_missing(keys, reply.members, reply.rows)

    def _with_missing(self, keys: SessionKeys, members: Sequence[bytes], rows: Sequence[bytes | None]) -> list[bytes]:
        missing = [from_bytes(member) for member, row in zip(members, rows, strict=True) if row is None]
        made = {run.configHash: index_values(run)[-1] for run in named_statuses(keys, read_runs(keys, missing))}
        return [made[from_bytes(member)] if row is None else row for member, row in zip(members, rows, strict=True)]

    def rows(self, sid: SessionId, hashes: Sequence[str], fields: Sequence[str]) -> list[dict[str, Any]]:
        """Return flat rows with the fields asked for, and always configHash; null where a run has no such field."""
        keys, rows = SessionKeys(str(sid)), []
        for chunk in chunked(hashes, READ_RUNS):
            for run in named_statuses(keys, read_runs(keys, chunk)):
                row: dict[str, Any] = {"configHash": run.configHash}
                if isinstance(run, UnreadableRun):
                    known = run.row()
                    row |= {name: known.get(name) for name in fields} | {"unreadable": run.reason}
                else:
                    row |= {name: run.value(name) for name in fields}
                rows.append(row | {"configHash": run.configHash})
        return rows

    def page_rows(self, sid: SessionId, page: RunPage, fields: Sequence[str]) -> list[dict[str, Any]]:
        """Return flat rows of the runs of a page, as `rows` does, with its plateau scores."""
        found = self.rows(sid, page.hashes, fields)
        for name in set(fields).intersection(page.scores):
            for row, score in zip(found, page.scores[name], strict=True):
                row[name] = score
        return found

    def get(self, sid: SessionId, config_hash: str) -> BacktestRunRecord:
        """Return one run, found by its own address whatever the indexes say. Raises RunNotFound, RecordUnreadable."""
        run = read_run(config_hash, self._text(sid, config_hash))
        if isinstance(run, UnreadableRun):
            raise RecordUnreadable(f"Run {config_hash}", run.reason)
        return run

    def raw(self, sid: SessionId, config_hash: str) -> bytes:
        """Return the stored text of a run. Raises RunNotFound, RecordUnreadable when the key holds no text."""
        return self._text(sid, config_hash)

    def etag(self, sid: SessionId, config_hash: str) -> str:
        """Return the strong ETag of a run's stored text. Raises RunNotFound, RecordUnreadable."""
        return run_etag(self._text(sid, config_hash))

    def _text(self, sid: SessionId, config_hash: str) -> bytes:
        keys = SessionKeys(str(sid))
        [(text, reason)] = read_texts(keys, [config_hash])
        if text is None and reason is None:
            if not client().sismember(keys.bots, config_hash):
                raise RunNotFound(sid, config_hash)
            reason = NOT_STORED
        if reason is not None or text is None:
            raise RecordUnreadable(f"Run {config_hash}", reason or NOT_STORED)
        return text

    def put(self, sid: SessionId, write: RunWrite) -> WriteResult:
        """Store one run. Raises InvalidParameter for an id that cannot be written."""
        sid.check_writable()
        config_hash = write.record.configHash
        try:
            with in_steps():
                is_built, code = put_one(sid, write, put_operation(write))
            if not is_built:
                self.ensure_built(sid)
        except Unavailable as error:
            raise interrupted(error, results=[], batch=[config_hash]) from error
        return WriteResult(0, config_hash, _RESULTS[code])

    def put_many(
        self, sid: SessionId, writes: Iterable[RunWrite], *, progress: Callable[[int], None] | None = None
    ) -> list[WriteResult]:
        """Store runs, each with its place in every index, in atomic batches of up to 160: one round trip a batch,
        while the next one is made ready.

        Writing a run again as it is changes nothing. Raises InvalidParameter for an id that cannot be written, and
        WritesInterrupted, which says what was written before Redis failed.
        """
        sid.check_writable()
        results: list[WriteResult] = []
        sender = Sender(sid)
        try:
            for hashes, codes in sender.send(writes):
                results += map(WriteResult, count(len(results)), hashes, map(_RESULTS.__getitem__, codes))
                if progress:
                    progress(len(results))
            if not sender.is_built:
                self.ensure_built(sid)
        except Unavailable as error:
            raise interrupted(error, results=results, batch=sender.in_flight) from error
        return results

    def ensure_built(self, sid: SessionId) -> None:
        """Build what a write has found missing, at once for a small session, else in the background.

        Its summary is written then, as by every write.
        """
        if client().scard(SessionKeys(str(sid)).bots) > INLINE_RUNS:
            build_in_background(sid, with_summary=True)
        else:
            build(sid, with_summary=True)

    def annotate(
        self, sid: SessionId, config_hash: str, *, notes: str | None = None, tags: list[str] | None = None,
        if_match: str | None = None,
    ) -> BacktestRunRecord:  # fmt: skip
        """Change notes or tags, None leaves them; every other field keeps its very text.

        Raises RunNotFound, RecordUnreadable, PreconditionFailed.
        """
        changes = {name: value for name, value in (("notes", notes), ("tags", tags)) if value is not None}
        for _ in range(ATTEMPTS):
            text = self._text(sid, config_hash)
            if if_match is not None and if_match != run_etag(text):
                raise PreconditionFailed(f"Run {config_hash} was changed meanwhile; read it again before changing it.")
            run = self.get(sid, config_hash)
            try:
                fields: dict[str, Any] = dict(msgspec.json.decode(text, type=dict[str, msgspec.Raw]))
            except NOT_STRICT:
                fields = dict(run.whole)
            changed = msgspec.json.encode(fields | changes)
            new = read_run(config_hash, changed)
            operation = ("edit", config_hash, sha_of(text), changed, b"", *index_values(new), fields_of(new))
            is_built, code = _write_one(sid, operation, change="the run was changed")
            if code >= 0 and isinstance(new, BacktestRunRecord):
                if not is_built:
                    self.ensure_built(sid)
                return new
        raise Unavailable(f"Run {config_hash} is being written too often to be changed; try again.")

    def delete(self, sid: SessionId, config_hash: str) -> None:
        """Remove a run, its trades and its place in every index, in one step. Raises RunNotFound."""
        try:
            check_hash(config_hash)
        except InvalidRecord:
            # Nobody but a foreign program can have written such a hash; it goes if it is there.
            if not client().sismember(SessionKeys(str(sid)).bots, config_hash):
                raise RunNotFound(sid, config_hash) from None
        operation = ("delete", config_hash, "", "", "", "", "", "", "", None)
        is_built, code = _write_one(sid, operation, change="the run was deleted")
        if code < 0:
            raise RunNotFound(sid, config_hash)
        if not is_built:
            self.ensure_built(sid)

    def rank(self, sid: SessionId, config_hash: str, query: RunQuery | None = None) -> tuple[int | None, int]:
        """Return (k, N): the run's place from 1 in the list of the query; None if it is not in it, or walks to know it.

        Cost: two round trips.
        """
        query = query or RunQuery()
        if plan_of(query).is_table:
            return rank_in_table(sid, query, config_hash)
        position = self._position(sid, config_hash, query)
        reply = self._reply(known_list(sid, query), position or Position(), 0)
        return (reply.preceding if position and reply.preceding > 0 else None), reply.count

    def neighbours(
        self, sid: SessionId, config_hash: str, query: RunQuery | None = None
    ) -> tuple[str | None, str | None]:
        """Return the runs just before and just after a run in the list of the query; None at its ends and outside it.

        Cost: three round trips, at any depth.
        """
        query = query or RunQuery()
        if plan_of(query).is_table:
            return neighbours_in_table(sid, query, config_hash)
        position = self._position(sid, config_hash, query)
        if position is None:
            return None, None
        before, after = (
            self._reply(known_list(sid, query), msgspec.structs.replace(position, backward=backward), 1).members
            for backward in (True, False)
        )
        return (from_bytes(before[0]) if before else None), (from_bytes(after[0]) if after else None)

    def count(self, sid: SessionId, query: RunQuery) -> int:
        """Return how many runs the list of the query holds. Cost: one round trip."""
        if plan_of(query).is_table:
            return count_in_table(sid, query)
        return self._reply(known_list(sid, query), Position(), 0).count

    def _position(self, sid: SessionId, config_hash: str, query: RunQuery) -> Position | None:
        """Return where a run stands in the list of the query, None when it is not in it. Cost: one round trip."""
        is_built, position = self._standing(sid, config_hash, query)
        if not is_built:
            # To ask for a list builds the derived keys if they are few.
            self._reply(known_list(sid, query), Position(), 0)
            _, position = self._standing(sid, config_hash, query)
        return position

    def _standing(self, sid: SessionId, config_hash: str, query: RunQuery) -> tuple[bool, Position | None]:
        """Return whether the derived keys are there, and where the run stands as far as the keys there are tell."""
        keys = SessionKeys(str(sid))
        if query.excluded:
            query = query.with_others(look(keys)[1])
        sources = query.sources(keys)
        pipe = client().pipeline()
        pipe.hget(keys.index("stats"), "built")
        pipe.zscore(keys.profit, config_hash)
        for source in sources:
            pipe.sismember(source.fixed, config_hash)
            pipe.zscore(source.ranked, config_hash)
            pipe.zscore(source.unranked, config_hash)
        built, profit, *found = pipe.execute()
        is_built = built == str(INDEX_VERSION).encode()
        if query.has_range and (profit is None or not query.holds(profit)):
            return is_built, None
        if is_built:
            score = next((score for score in found[1::3] if score is not None), None)
            is_listed = score is not None or any(score is not None for score in found[2::3])
        else:
            score, is_listed = profit, any(found[::3])
        if not is_listed:
            return is_built, None
        at, text = (UNRANKED, "") if score is None else (RANKED, repr(score))
        return is_built, Position(at, text, config_hash.encode())

    def status_counts(self, sid: SessionId) -> dict[str, int]:
        """Return how many runs each status has, most first. Raises SessionNotFound, IndexBuilding."""
        keys = SessionKeys(str(sid))

        def read() -> dict[str, int]:
            if RankedList(keys, RunQuery().sources(keys), descending=True).read(Position(), 0) is None:
                raise SessionNotFound(sid)
            stats = client().hgetall(keys.index("stats"))
            found = {from_bytes(name[2:]): int(count) for name, count in stats.items() if name.startswith(b"n:")}
            return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))

        def meanwhile() -> dict[str, int]:
            raise wait_for_index(sid, "the count of each status")

        return self.when_built(sid, read, meanwhile)


def _write_one(sid: SessionId, operation: tuple[Any, ...], *, change: str) -> tuple[bool, int]:
    """Hand one operation to the script; an error says whether the change was made."""
    try:
        return write_one(sid, operation)
    except StoreUnavailable as error:
        raise error.about(change) from error


def run_etag(text: bytes) -> str:
    """Return the strong ETag of a run's stored text."""
    return f'"{sha_of(text)}"'
