"""Filing runs of a session from their records, a batch at a time, where the indexes are in use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from bots_app.averages import kept_average
from bots_app.indexing import ATTEMPTS, BATCH_RUNS, Run, index_values, read_texts, write_batch
from bots_app.records import UnreadableRun, read_run
from bots_app.table.fields import fields_of
from dashboard.errors import Unavailable
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.store.scripts import script
from dashboard.store.shared import INDEX_VERSION, chunked
from dashboard.tolerant import from_bytes
from sessions_app.records import SessionId
from sessions_app.registry import finish_index, sha_of, summary_options

#: Scores summed in one call of a script when figures are recounted: some 5 ms of the server's time.
RECOUNTED = 1_000


class SessionIndexer:
    """Mends the indexes of a session, each run in one step, so that readers and writers go on meanwhile."""

    def __init__(self, sid: SessionId, *, statuses: Iterable[str] = (), unless_deleting: bool = False) -> None:
        self.sid, self.unless_deleting = sid, unless_deleting
        self.keys = SessionKeys(str(sid))
        #: Statuses whose fixed sets may name runs that do not belong there.
        self.statuses = set(statuses)
        self.filed = self.changed = self.dropped = self.unreadable = 0

    def is_built(self) -> bool:
        return client().hget(self.keys.index("stats"), "built") == str(INDEX_VERSION).encode()

    def members(self, size: int = BATCH_RUNS) -> Iterator[list[str]]:
        """Yield the hashes of every run that an index names, in chunks; a hash may come again in another one."""
        names = [self.keys.bots, self.keys.index("rows"), self.keys.profit]
        names += map(self.keys.status, sorted(self.statuses))
        kinds = dict(zip(names, self._types(names), strict=True))
        scans: dict[bytes, Callable[..., Iterator[Any]]] = {
            b"set": client().sscan_iter, b"zset": client().zscan_iter, b"hash": client().hscan_iter,
        }  # fmt: skip
        for name, kind in kinds.items():
            if kind in scans:
                for chunk in chunked(scans[kind](name, count=size * 2), size):
                    yield [from_bytes(item[0] if isinstance(item, tuple) else item) for item in chunk]

    def _types(self, names: Sequence[str]) -> list[bytes]:
        pipe = client().pipeline()
        for name in names:
            pipe.type(name)
        return pipe.execute()

    def file(self, hashes: Sequence[str]) -> None:
        """File the runs from their records, in fixed and derived indexes; drop entries without a record."""
        todo = list(dict.fromkeys(hashes))
        for _ in range(ATTEMPTS):
            codes = self._file_once(todo)
            # A record that was written between our reading it and filing it is read again.
            todo = [config_hash for config_hash, code in zip(todo, codes, strict=True) if code == -1]
            if not todo:
                return
        raise Unavailable(
            f"{len(todo)} runs of session {self.sid}, such as {todo[0]}, are written too often to be filed; try again."
        )

    def _file_once(self, hashes: Sequence[str]) -> list[int]:
        texts = read_texts(self.keys, hashes)
        runs: list[Run] = [
            read_run(config_hash, text) if reason is None else UnreadableRun(config_hash, reason)
            for config_hash, (text, reason) in zip(hashes, texts, strict=True)
        ]
        operations: list[tuple[Any, ...]] = []
        for run, (text, reason) in zip(runs, texts, strict=True):
            is_gone = text is None and reason is None
            if not is_gone:
                self.statuses.add(run.status)
            name = "drop" if is_gone else "file"
            values = ("",) * 4 if is_gone else index_values(run)
            operations.append(
                (name, run.configHash, sha_of(text), "", "", *values, None if is_gone else fields_of(run))
            )
        _, codes = write_batch(
            self.sid, operations, statuses=self.statuses, is_quiet=True, unless_deleting=self.unless_deleting
        )
        for operation, code in zip(operations, codes, strict=True):
            if code >= 0 and operation[0] == "drop":
                self.dropped += 1
            elif code >= 0:
                self.filed += 1
                self.changed += code > 0
                self.unreadable += b'"unreadable":' in operation[8]
        return codes

    def finish(self, *, with_summary: bool, is_new: bool = True) -> None:
        """Mark the derived keys as complete, and write the summary if asked to.

        Unless `is_new`, they are complete already: where they are not, the session was deleted, and nothing is done.
        """
        for _ in range(ATTEMPTS):
            options: dict[str, Any] = {"built": True} if is_new else {"only_built": True}
            if with_summary:
                options |= summary_options(self.sid)
                options |= kept_average(self.sid, options.pop("text"))
            if finish_index(self.sid, **options) == 1:
                return
        raise Unavailable(
            f"The summary of session {self.sid} is being written too often by another program; try again."
        )

    def recount(self) -> Iterator[None]:
        """Count the figures of every status anew, a bounded step each time; what is written meanwhile is in them."""
        fields = map(from_bytes, client().hkeys(self.keys.index("stats")))
        known = {name.partition(":")[2] for name in fields if ":" in name}
        for status in sorted(known | self.statuses):
            names = [self.keys.index("stats")]
            names += [self.keys.index_status(status, name) for name in ("profit", "unranked")]
            is_first = 1
            while script("recount_figures")(names, [status, RECOUNTED, is_first]) != 1:
                is_first = 0
                yield
