"""Moving a session between its plain names and those with its id in braces, as a cluster wants them.

Records go first and the summary last, so that the session is found by its new names when all of it is there. Every step
may be interrupted: what is left is moved when it is done again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from uuid import uuid4

import msgspec

from bots_app.rebuild import rebuild
from dashboard.errors import SessionNotFound, Unavailable
from dashboard.store.client import client
from dashboard.store.dropped_tables import drop_builds, remove_dropped
from dashboard.store.keys import NamedKeys, SessionKeys
from dashboard.store.renaming import CONFLICT, RENAMED, SAME, rename, rename_members
from dashboard.store.scripts import script
from dashboard.store.shared import chunked
from dashboard.store.trash import free
from dashboard.tolerant import from_bytes
from sessions_app.discovery import list_session
from sessions_app.records import SessionId

#: Keys renamed in one step, and keys a step of a walk looks at.
CHUNK, STEP = 250, 250
#: Walks over the records, which others may be writing.
ATTEMPTS = 20
EXAMPLES = 5


class MoveResult(msgspec.Struct):
    """Counts of what was moved, and keys that hold something else under both names."""

    records: int = 0
    trades: int = 0
    others: int = 0
    conflicts: list[str] = []


class Conflict(Unavailable):
    """Raised when the session is there under both names, and is not the same: nothing was moved."""

    code = "conflict"

    def __init__(self, sid: SessionId, keys: list[str]) -> None:
        super().__init__(
            f"Session {sid} is there under both names, and {len(keys):,} keys differ, such as "
            f"{', '.join(keys[:EXAMPLES])}. Nothing was moved; remove what is wrong and try again."
        )


def move(sid: SessionId, *, to_tagged: bool, progress: Callable[[int], None] | None = None) -> MoveResult:
    """Move a session to the names with braces, or to the plain ones; its derived keys are made anew there.

    Where these are the names in use that is done now, else on first use. Raises SessionNotFound, Conflict,
    StoreUnavailable, Unavailable. Cost: reads the key space in steps, at least twice.
    """
    return _Move(sid, to_tagged, progress).run()


class _Move:
    def __init__(self, sid: SessionId, to_tagged: bool, progress: Callable[[int], None] | None) -> None:
        self.sid, self.progress, self.is_in_use = sid, progress, False
        self.source, self.target = NamedKeys(str(sid), not to_tagged), NamedKeys(str(sid), to_tagged)
        self.is_in_use = SessionKeys(str(sid)).tag == self.target.tag
        self.result = MoveResult()

    def run(self) -> MoveResult:
        self._check()
        for _ in range(ATTEMPTS):
            if not self._move_records():
                break
        self._move_indexes()
        # A record that was written while the indexes were on their way is not left behind without them.
        self._move_records()
        self._remove_derived()
        if rename([(self.source.summary, self.target.summary)]) == [CONFLICT]:
            self.result.conflicts.append(self.source.summary)
        if self.is_in_use:
            rebuild(self.sid)
        list_session(str(self.sid))
        return self.result

    def _check(self) -> None:
        """See that the session is there, and nothing of it under both names otherwise. Changes nothing."""
        is_there = [
            bool(client().exists(key)) for keys in (self.source, self.target) for key in (keys.summary, keys.bots)
        ]
        is_known = any(is_there) or next(self._keys(self.source), None) or next(self._keys(self.target), None)
        if not is_known:
            raise SessionNotFound(self.sid)
        for keys in (self.source, self.target):
            if client().exists(keys.index("deleting")):
                raise Unavailable(f"Session {self.sid} is being deleted; delete_session ends that.")
        found: list[str] = []
        of_runs = (self._pair(self.target, prefix, rest) for prefix, rest in self._keys(self.target))
        for some in chunked(chain([(self.source.summary, self.target.summary)], of_runs), CHUNK):
            found += self._differing(some)
        if found:
            raise Conflict(self.sid, found)

    def _differing(self, pairs: list[tuple[str, str]]) -> list[str]:
        pipe = client().pipeline()
        for source, _ in pairs:
            pipe.exists(source)
        twice = [pair for pair, is_there in zip(pairs, pipe.execute(), strict=True) if is_there]
        pipe = client().pipeline()
        for source, target in twice:
            pipe.dump(source)
            pipe.dump(target)
        dumps = pipe.execute() if twice else []
        return [
            source
            for (source, _), mine, other in zip(twice, dumps[::2], dumps[1::2], strict=True)
            if mine is not None and other is not None and mine != other
        ]

    def _keys(self, keys: NamedKeys) -> Iterator[tuple[str, str]]:
        """Yield the prefix and the rest of the key of every record and of all trades."""
        for prefix in (keys.run_prefix, keys.trades_prefix):
            for names in client().scan_steps(keys.pattern(prefix), count=STEP):
                rests = [from_bytes(name).removeprefix(prefix) for name in names]
                yield from ((prefix, rest) for rest in self._own(keys, rests))

    def _own(self, keys: NamedKeys, hashes: list[str]) -> Iterable[str]:
        """Return the hashes that are of this session: ids that begin with a plain one have keys that begin alike."""
        odd = [config_hash for config_hash in hashes if ":" in config_hash]
        if keys.is_tagged or not odd:
            return hashes
        pipe = client().pipeline()
        for config_hash in odd:
            pipe.sismember(keys.bots, config_hash)
            pipe.sismember(self.target.bots, config_hash)
        answers = pipe.answers()
        named = {name for place, name in enumerate(odd) if 1 in answers[2 * place : 2 * place + 2]}
        return [config_hash for config_hash in hashes if ":" not in config_hash or config_hash in named]

    def _pair(self, keys: NamedKeys, prefix: str, rest: str) -> tuple[str, str]:
        if prefix == keys.run_prefix:
            return self.source.run(rest), self.target.run(rest)
        return self.source.trades(rest), self.target.trades(rest)

    def _move_records(self) -> int:
        """Move the records and trades that are there; return how many were."""
        moved = 0
        for found in chunked(self._keys(self.source), CHUNK):
            some = list(dict.fromkeys(found))  # a walk may come across a key twice
            pairs = [self._pair(self.source, prefix, rest) for prefix, rest in some]
            for (prefix, _), (source, _), code in zip(some, pairs, rename(pairs), strict=True):
                if code == CONFLICT:
                    if source not in self.result.conflicts:
                        self.result.conflicts.append(source)
                elif code in (RENAMED, SAME):
                    moved += 1
                    name = "records" if prefix == self.source.run_prefix else "trades"
                    setattr(self.result, name, getattr(self.result, name) + 1)
            if self.progress:
                self.progress(self.result.records)
        return moved

    def _move_indexes(self) -> None:
        names = [(self.source.bots, self.target.bots, False), (self.source.profit, self.target.profit, True)]
        prefix = self.source.status_prefix
        for key in list(client().scan_iter(match=self.source.pattern(prefix), count=STEP)):
            status = from_bytes(key).removeprefix(prefix)
            names.append((self.source.status(status), self.target.status(status), False))
        for source, target, is_sorted in names:
            self.result.others += rename_members(source, target, is_sorted=is_sorted) == RENAMED

    def _remove_derived(self) -> None:
        """Remove what is derived, under either name: none of it is of the whole session any more."""
        for keys in (self.source, self.target):
            generation = client().hget(keys.index("stats"), "table")
            if generation:
                client().sadd(keys.dropped_tables, generation)
            self._put_aside(keys)
            left = set(client().scan_iter(match=keys.pattern(keys.builds_prefix), count=STEP))
            drop_builds(keys, left)
            remove_dropped(keys)
            free(left)
        if not client().is_cluster:
            rename([(self.source.events, self.target.events)])
        client().unlink(self.source.events)

    def _put_aside(self, keys: NamedKeys) -> None:
        """Take the derived keys out of use at once, to be freed in steps: half an index would be read as a whole."""
        aside = keys.old(uuid4().hex).index_prefix
        names = sorted(map(from_bytes, client().scan_iter(match=keys.pattern(keys.index_prefix), count=STEP)))
        # Without the stats, which say that they are complete, nobody reads the others.
        names.sort(key=lambda name: name != keys.index("stats"))
        if not keys.is_tagged and client().is_cluster:
            free(names)  # nobody uses them there, and other names would lie on other nodes
            return
        for some in chunked(names, CHUNK):
            pairs = [(name, aside + name.removeprefix(keys.index_prefix)) for name in some]
            script("rename_keys")([key for pair in pairs for key in pair], [])
