"""Numbers that every writer of the indexes shares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")

#: Layout of the derived keys; another number makes every session build them anew on first use.
INDEX_VERSION = 3
#: Events kept of each session, at least: some 100 bytes each; about twice as many where they are written in batches.
EVENTS_KEPT = 10_000


def chunked(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield lists of up to `size` items."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
