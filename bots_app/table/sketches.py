"""What a record looks like: its keys and the kinds of their values, to be compared with other records. No Redis."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from bots_app.table.field_names import CONFIG, MOST_LEAVES, MOST_LETTERS

#: What is in a key that no type made by msgspec can have, or that may have the name of another that is deeper down.
ODD_KEY = re.compile(r'[."\\\x00-\x1f]')
#: Objects and lists that are looked into.
MOST_HOLDERS = 100
#: Kinds of values: nothing may be a number as well, i.e. what is missing in some records makes no other kind.
NUMBER, TEXT, FLAG, OBJECT, LIST = "number", "text", "flag", "object", "list"
_KINDS = {int: NUMBER, float: NUMBER, type(None): NUMBER, str: TEXT, bool: FLAG, dict: OBJECT, list: LIST}


class Sketch(NamedTuple):
    """An object or a list: keys with the kinds of their values, with sketches of what is looked into."""

    kind: str
    parts: tuple[tuple[str, str | Sketch], ...]


class Record(NamedTuple):
    """The parts of a record that fields are in; `results` is what stands beside the performance, too."""

    configuration: Any
    performance: Any
    results: Any


def sketch_of(record: Record) -> Record | None:
    """Return sketches of the parts of a record, None where it has to be read leaf by leaf."""
    sketching = _Sketching()
    try:
        return Record(
            sketching.look(record.configuration, CONFIG, (OBJECT, LIST)),
            sketching.look(record.performance, "", (OBJECT,)),
            sketching.look(record.results, "", ()),
        )
    except _Odd:
        return None


class _Odd(Exception):  # noqa: N818 - no error: it ends the looking
    """Raised where a record is too large, or where names may mean several of its values."""


class _Sketching:
    def __init__(self) -> None:
        self._leaves, self._holders = MOST_LEAVES, MOST_HOLDERS

    def look(self, holder: Any, start: str, entered: tuple[str, ...]) -> Sketch:
        """Return the sketch of an object or list whose names begin with `start`; `entered` kinds are looked into."""
        is_list = type(holder) is list
        self._leaves, self._holders = self._leaves - len(holder), self._holders - 1
        if self._leaves < 0 or self._holders < 0:
            raise _Odd
        items: Iterable[tuple[str, Any]] = ((str(at), item) for at, item in enumerate(holder))
        parts: list[tuple[str, str | Sketch]] = []
        for key, value in items if is_list else holder.items():
            kind = _KINDS.get(type(value))
            # What is of no kind is not from JSON.
            if kind is None or type(key) is not str or ODD_KEY.search(key):
                raise _Odd
            if kind in entered and len(start) + len(key) < MOST_LETTERS:
                parts.append((key, self.look(value, f"{start}{key}.", entered)))
            else:
                parts.append((key, kind))
        if is_list and len({kind if isinstance(kind, str) else OBJECT for _, kind in parts}) > 1:
            raise _Odd
        return Sketch(LIST if is_list else OBJECT, tuple(parts))
