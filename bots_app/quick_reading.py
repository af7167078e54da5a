"""Reading the records of a whole session fast, for indexes and sweep table: most of them look like others before them.

A record that fits what was met so far is decoded into exactly the leaves that matter, half of the work of reading it
leaf by leaf, which every other one is; the reader then learns from it. Both say the same of every text there is.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

import msgspec

from bots_app.metrics import ROW_METRICS, metric_paths
from bots_app.record_tree import (
    CONFIGURATION,
    FLAG,
    LIST,
    NUMBER,
    PERFORMANCE,
    RESULTS,
    TEXT,
    Path,
    RecordTree,
    attribute,
)
from bots_app.records import BacktestRunRecord, UnreadableRun, read_run
from bots_app.run_values import LoadedRun, RowWriter, head_of, is_usual, loaded_of
from bots_app.table.field_names import CONFIG, names_at
from bots_app.table.fields import fields_of
from bots_app.table.quick_rows import QuickRow, RowLayout
from bots_app.table.shapes import Fields
from dashboard.tolerant import NOT_STRICT

#: Times that a reader learns, a few milliseconds each.
MOST_LEARNED = 50


class QuickReader:
    """Reads the records of one session."""

    def __init__(self) -> None:
        self._tree = RecordTree()
        self._left = MOST_LEARNED if _is_usual_setting() else 0
        self._quick: _Decoder | None = None

    def read(self, config_hash: str, text: bytes) -> LoadedRun:
        """Return what indexes and sweep table say of a record."""
        quick = self._fit(text)
        found = quick.read(config_hash, text) if quick else None
        return loaded_of(self._learn(config_hash, text)) if found is None else found

    def fields(self, config_hash: str, text: bytes) -> Fields | QuickRow | UnreadableRun:
        """Return what the sweep table alone says of a record, a quarter of the time less."""
        quick = self._fit(text)
        found = quick.fields(config_hash, text) if quick else None
        if found is not None:
            return found
        run = self._learn(config_hash, text)
        return run if isinstance(run, UnreadableRun) else fields_of(run)

    def _fit(self, text: bytes) -> _Decoder | None:
        is_fit = self._quick is not None and not self._quick.layout.is_wrong and is_usual(text)
        return self._quick if is_fit else None

    def _learn(self, config_hash: str, text: bytes) -> BacktestRunRecord | UnreadableRun:
        run = read_run(config_hash, text)
        if isinstance(run, BacktestRunRecord) and self._left and self._tree.learn(run.whole):
            self._left -= 1
            self._quick = _decoder(self._tree)
        return run


class _Decoder:
    """Decodes records of one tree."""

    def __init__(self, tree: RecordTree, numbers: list[Path], others: list[Path], layout: RowLayout) -> None:
        self.layout = layout
        self._decode = msgspec.json.Decoder(tree.struct()).decode
        self._numbers, self._others = _getter(numbers), _getter(others)
        places = {path: place for place, path in enumerate(numbers)}
        self._metrics = [
            [places[path] for path in metric_paths().get(name, ()) if path in places]
            for name in ("profit", *ROW_METRICS)
        ]
        self._writer = RowWriter()

    def read(self, config_hash: str, text: bytes) -> LoadedRun | None:
        """Return what a record says, None where it does not fit."""
        try:
            record: Any = self._decode(text)
        except NOT_STRICT:
            return None
        numbers = self._numbers(record)
        values = self._writer.values(config_hash, record, numbers, self._metrics)
        row = QuickRow(
            self.layout, numbers, self._others(record), values.status, values.updated, config_hash, text
        )  # fmt: skip
        return LoadedRun(values, row)

    def fields(self, config_hash: str, text: bytes) -> QuickRow | None:
        """Return the fields of a record, None where it does not fit."""
        try:
            record: Any = self._decode(text)
        except NOT_STRICT:
            return None
        status, updated = head_of(record)
        return QuickRow(
            self.layout, self._numbers(record), self._others(record), status, updated, config_hash, text
        )  # fmt: skip


def _decoder(tree: RecordTree) -> _Decoder | None:
    """Return what decodes the records of a tree, None where a name stands for different kinds of leaves."""
    numbers: list[Path] = []
    others: list[Path] = []
    by_number: dict[str, list[int]] = {}
    by_other: dict[str, int] = {}
    doubtful = []
    for path, kind in tree.leaves():
        name = _name(path)
        if kind == NUMBER:
            if name:
                by_number.setdefault(name, []).append(len(numbers))
            numbers.append(path)
        elif kind in (TEXT, FLAG) and name:
            if name in by_other:
                return None
            if kind == TEXT and path[0] != CONFIGURATION:
                doubtful.append(len(others))
            by_other[name] = len(others)
            others.append(path)
    places = {path: place for place, path in enumerate(numbers)}
    for metric, paths in metric_paths().items():
        if found := [places[path] for path in paths if path in places]:
            by_number[metric] = found
    if not by_number.keys().isdisjoint(by_other) or _is_hidden(tree):
        return None
    return _Decoder(tree, numbers, others, RowLayout(by_number, by_other, doubtful=doubtful))


def _is_hidden(tree: RecordTree) -> bool:
    """Tell whether a part of the performance, which is no field, may hide what stands beside it under the same key."""
    return any(isinstance(kind, dict) or kind == LIST for kind in map(tree.results[PERFORMANCE].get, tree.results))


def _name(path: Path) -> str:
    """Return the name of the field that a leaf is, "" for one that is none."""
    if path[0] == CONFIGURATION:
        start = CONFIG + "".join(f"{key}." for key in path[1:-1])
        return names_at(start, is_config=True)[path[-1]]
    # What stands beside the performance is called as if it stood there.
    return names_at("".join(f"{key}." for key in path[2:-1]), is_config=False)[path[-1]]


def _is_usual_setting() -> bool:
    """Tell whether every metric is at a place that the fields are read from, too."""
    is_beside = [path[:1] == (RESULTS,) and len(path) == 2 for paths in metric_paths().values() for path in paths]
    is_below = [path[:2] == (RESULTS, PERFORMANCE) for paths in metric_paths().values() for path in paths]
    return all(map(max, is_beside, is_below))


def _getter(paths: list[Path]) -> Callable[[Any], tuple[Any, ...]]:
    names = list(map(attribute, paths))
    if len(names) == 1:
        get = attrgetter(names[0])
        return lambda record: (get(record),)
    return attrgetter(*names) if names else lambda record: ()
