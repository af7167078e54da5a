"""Which leaves the records of a session have, and of which kind: what a quick reader of them is made from. No Redis.

A tree grows with every record that does not fit it. What has to be looked at leaf by leaf is never taken in: odd keys,
lists in a configuration, one place with leaves of different kinds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec

from bots_app.metrics import metric_paths
from bots_app.table.field_names import MOST_LETTERS
from bots_app.table.sketches import ODD_KEY

#: Keys of a tree beyond which nothing more is taken in; a record may have as many leaves.
MOST_KEYS = 1_000
#: Kinds of leaves, and what each is to the reader. A part that holds no field is not gone into.
NUMBER, TEXT, FLAG, NOTHING, LIST, EMPTY, PART = range(7)
_KINDS = {int: NUMBER, float: NUMBER, str: TEXT, bool: FLAG, type(None): NOTHING}
#: Structs without fields: what is in a list or an object is passed over.
_LIST, _PART = msgspec.defstruct("_List", [], array_like=True), msgspec.defstruct("_Part", [])
_TYPES: dict[int, Any] = {
    NUMBER: int | float | None, TEXT: str | None, FLAG: bool | None, NOTHING: None, LIST: _LIST | None,
    EMPTY: Annotated[list[msgspec.Raw], msgspec.Meta(max_length=0)] | None, PART: _PART | None,
}  # fmt: skip

Path = tuple[str, ...]
#: The kind of each leaf, and a tree for each object.
Tree = dict[str, Any]
RESULTS, PERFORMANCE, CONFIGURATION = "resultsMetadata", "performance", "configuration"
_PLAIN = int | float | str | bool | None


class RecordTree:
    """The leaves met so far."""

    def __init__(self) -> None:
        self.configuration: Tree = {}
        self.results: Tree = {PERFORMANCE: {}}
        #: Places where a text may count as a number.
        self._metrics = {steps for paths in metric_paths().values() for steps in paths}

    def learn(self, whole: Mapping[str, Any]) -> bool:
        """Take in a record, unless it is of an odd make; tell whether there is anything new in it."""
        configuration, results = whole.get(CONFIGURATION, {}), whole.get(RESULTS, {})
        if not isinstance(configuration, dict) or not isinstance(results, dict):
            return False
        if not isinstance(results.get(PERFORMANCE, {}), dict):
            return False
        below = self._merged(self.configuration, configuration, (CONFIGURATION,))
        beside = self._merged(self.results, results, (RESULTS,))
        if below is None or beside is None or _count(below) + _count(beside) > MOST_KEYS:
            return False
        is_new = (below, beside) != (self.configuration, self.results)
        self.configuration, self.results = below, beside
        return is_new

    def _merged(self, tree: Tree, holder: Mapping[str, Any], path: Path) -> Tree | None:
        """Return a tree with what an object holds, None where it does not fit."""
        merged = dict(tree)
        for key, value in holder.items():
            steps = (*path, key)
            if ODD_KEY.search(key) or sum(map(len, steps)) > MOST_LETTERS:
                return None
            known = tree.get(key)
            if isinstance(value, dict) and not (path == (RESULTS,) and key != PERFORMANCE):
                below = {} if known is None else known
                found: Any = self._merged(below, value, steps) if isinstance(below, dict) else None
            else:
                found = self._leaf(known, value, steps)
            if found is None:
                return None
            merged[key] = found
        return merged

    def _leaf(self, known: Any, value: Any, path: Path) -> int | None:
        is_config = path[0] == CONFIGURATION
        if isinstance(value, list):
            kind = EMPTY if is_config else LIST
            if is_config and value:
                return None
        else:
            kind = PART if isinstance(value, dict) else _KINDS[type(value)]
        if kind == TEXT and path in self._metrics:
            return None
        if isinstance(known, dict):
            return None
        if kind == NOTHING and known is not None:
            return int(known)
        return kind if known in (None, NOTHING, kind) else None

    def leaves(self) -> Iterator[tuple[Path, int]]:
        """Yield every leaf with its kind: of the configuration, of the performance, then those beside it."""
        yield from _leaves(self.configuration, (CONFIGURATION,))
        yield from _leaves(self.results[PERFORMANCE], (RESULTS, PERFORMANCE))
        for key, kind in self.results.items():
            if key != PERFORMANCE:
                yield (RESULTS, key), kind

    def struct(self) -> Any:
        """Return the struct of records that fit: a leaf is at `attribute` of its path, None where it is missing.

        Every other record is refused by the decoder, with one of NOT_STRICT.
        """
        head = dict.fromkeys(("status", "botId", "lastUpdated"), _PLAIN)
        fields: list[tuple[str, Any, Any]] = [(name, kind, None) for name, kind in head.items()]
        for name, tree in ((RESULTS, self.results), (CONFIGURATION, self.configuration)):
            kind = _struct(tree)
            fields.append((name, kind, msgspec.field(default_factory=kind)))
        return msgspec.defstruct("Record", fields, gc=False)


def attribute(path: Path) -> str:
    """Return the dotted attribute under which a leaf is."""
    return ".".join([path[0], *map(_encoded, path[1:])])


def _encoded(key: str) -> str:
    """Return the attribute for a key, whose name may be none that Python allows."""
    return "f_" + key.encode().hex()


def _leaves(tree: Tree, path: Path) -> Iterator[tuple[Path, int]]:
    for key, found in tree.items():
        if isinstance(found, dict):
            yield from _leaves(found, (*path, key))
        else:
            yield (*path, key), found


def _count(tree: Tree) -> int:
    return sum(1 + (_count(found) if isinstance(found, dict) else 0) for found in tree.values())


def _struct(tree: Tree) -> Any:
    fields: list[tuple[str, Any, Any]] = []
    for key, found in tree.items():
        if isinstance(found, dict):
            kind = _struct(found)
            fields.append((_encoded(key), kind, msgspec.field(default_factory=kind)))
        else:
            fields.append((_encoded(key), _TYPES[found], None))
    return msgspec.defstruct(
        "Part", fields, rename={_encoded(key): key for key in tree}, gc=False, forbid_unknown_fields=True
    )
