"""Everything a server holds, to be compared."""

from __future__ import annotations

from typing import Any


def contents_of(store: Any, match: str = "*") -> dict[bytes, object]:
    """Return every key with what it holds, but for the order in which a server happens to keep a set or a hash.

    That order changes by itself: a server rehashes a large hash in steps, whatever command comes along.
    """
    readers = {b"set": store.smembers, b"hash": store.hgetall}
    return {key: readers.get(store.type(key), store.dump)(key) for key in store.scan_iter(match=match, count=1000)}
