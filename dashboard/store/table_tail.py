"""The tail of a session's sweep table: runs that were written alone, and are not in the columns yet, nor their hashes.

How an entry is made up is said in includes/table_tail.lua.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

import msgspec

from dashboard.store.client import client
from dashboard.store.keys import SessionKeys

#: Row, revision, number of fields, digest of their names.
_HEAD = re.compile(rb"(\d+) (\d+) (\d+) (\S+)\n")
#: Sets of names kept in memory.
MOST_NAMES = 512
WORD = 8


class TailRow(msgspec.Struct, frozen=True):
    """One run of the tail; of the fields that it names it has 8 bytes each, as a column has them."""

    config_hash: bytes
    row: int
    revision: int
    #: The place of each field among the values.
    places: Mapping[str, int]
    values: bytes
    #: JSON: how many texts are statuses, then code, text, code, text, ...
    texts: bytes

    def value(self, field: str) -> bytes:
        """Return what a column of this field has to hold: zero bytes for a missing value."""
        place = self.places.get(field)
        return bytes(WORD) if place is None else self.values[WORD * place : WORD * (place + 1)]


def labels_of(texts: Sequence[bytes]) -> dict[int, str]:
    """Return the texts behind the codes of some rows, each given as `TailRow.texts`."""
    found: dict[int, str] = {}
    for one in texts:
        _, *flat = msgspec.json.decode(one)
        found.update(zip(map(int, flat[::2]), flat[1::2], strict=True))
    return found


def tail_rows(entries: Sequence[bytes], shapes: Sequence[bytes | None]) -> list[TailRow]:
    """Return the rows of entries, each behind its run; `shapes` are digests, each before the names that it stands for.

    What is no entry, or has a shape that nobody knows, is left out.
    """
    names = dict(zip(shapes[::2], shapes[1::2], strict=True))
    found = []
    for config_hash, entry in zip(entries[::2], entries[1::2], strict=True):
        if not (head := _HEAD.match(entry)):
            continue
        row, revision, count, digest = head.groups()
        end = head.end() + WORD * int(count)
        texts, _, own = entry[end:].partition(b"\n")
        places = _places_of(own or names.get(digest) or b"[]")
        if places and len(places) == int(count):
            found.append(TailRow(config_hash, int(row), int(revision), places, entry[head.end() : end], texts))
    return found


@lru_cache(MOST_NAMES)
def _places_of(names: bytes) -> Mapping[str, int]:
    return {name: place for place, name in enumerate(msgspec.json.decode(names, type=list[str]))}


def name_at(row: int, tail: Mapping[bytes, bytes]) -> bytes | None:
    """Return the run that stands at a row of the tail, given whole as the store has it, None if there is none."""
    return next((name for name, entry in tail.items() if entry.startswith(b"%d " % row)), None)


def read_tail(keys: SessionKeys, generation: str) -> list[TailRow]:
    """Return every run of the tail, some 32 at most. Two round trips."""
    table = keys.table(generation)
    flat = [part for item in client().hgetall(table.name("tail")).items() for part in item]
    digests = sorted({head[4] for entry in flat[1::2] if (head := _HEAD.match(entry))})
    texts = client().hmget(table.name("shapes"), digests) if digests else []
    return tail_rows(flat, [part for pair in zip(digests, texts, strict=True) for part in pair])


def read_tail_row(keys: SessionKeys, generation: str, name: bytes) -> TailRow | None:
    """Return the entry of one run, None of one that stands in the columns alone."""
    return next((one for one in read_tail(keys, generation) if one.config_hash == name), None)
