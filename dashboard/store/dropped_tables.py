"""Removing generations of a session's sweep table that are no longer in use, or that nobody has finished.

Their names stand in `table:dropped` until nothing of them is left: what was stopped is taken up by the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from dashboard.store.client import KeyTypeError, client
from dashboard.store.keys import TABLE_NAMES, SessionKeys, TableKeys
from dashboard.store.shared import chunked
from dashboard.store.trash import free

#: Strings of 32 KiB freed by one command, and segments looked for in one round trip.
FREED, LOOKED_AT = 50, 100


def remove_dropped(keys: SessionKeys, *, between: Callable[[], object] = lambda: None) -> None:
    """Remove every generation that has been dropped, in small steps, and call `between` now and then.

    Raises StoreUnavailable, KeyTypeError.
    """
    for name in sorted(client().smembers(keys.dropped_tables)):
        remove_generation(keys, name.decode(), between=between)


def remove_generation(keys: SessionKeys, generation: str, *, between: Callable[[], object] = lambda: None) -> None:
    """Remove the keys of one generation, and its name among those dropped."""
    table = keys.table(generation)
    for some in chunked(_strings(table), FREED):
        client().unlink(*some)
        between()
    free((table.name(name) for name in TABLE_NAMES), between=between)
    client().srem(keys.dropped_tables, generation)


def drop_builds(keys: SessionKeys, names: Iterable[bytes]) -> None:
    """Have the generations dropped that builds were making which will not go on; `names` are other keys of theirs.

    Each is named as its build is; the one in use stays.
    """
    prefix = keys.builds_prefix.encode()
    tokens = {name.removeprefix(prefix).partition(b":")[0] for name in names}
    if tokens:
        tokens.discard(_generation_in_use(keys))
    if tokens:
        client().sadd(keys.dropped_tables, *tokens)


def _generation_in_use(keys: SessionKeys) -> bytes:
    try:
        return client().hget(keys.index("stats"), "table") or b""
    except KeyTypeError:
        return b""


def _strings(table: TableKeys) -> Iterator[str]:
    """Yield the keys of every segment, the last one first: the first ones tell how many there are."""
    columns = [name.decode("utf-8", "surrogateescape") for name in client().smembers(table.name("columns"))]
    for segment in reversed(range(_count_segments(table))):
        yield from _of_segment(table, segment, columns)


def _of_segment(table: TableKeys, segment: int, columns: Iterable[str]) -> Iterator[str]:
    yield from (table.values(segment, name) for name in columns)
    yield table.hashes(segment)


def _count_segments(table: TableKeys) -> int:
    """Return how many segments there are: of each the hashes are made first and removed last."""
    last = client().zrange(table.name("changes"), 0, -1)
    known = max((int(segment) for segment in last), default=-1) + 1
    start = 0
    while True:
        pipe = client().pipeline()
        for segment in range(start, start + LOOKED_AT):
            pipe.exists(table.hashes(segment))
        found = [place for place, is_there in enumerate(pipe.execute()) if is_there]
        if not found:
            return max(known, start)
        start += found[-1] + 1
        if found[-1] + 1 < LOOKED_AT:
            return max(known, start)
