"""The fields of a run, each of which is a column of the sweep table. No Redis, no HTTP.

Names are those that `BacktestRunRecord.value` takes: of the row of the list, of the metrics, of the record's
performance, and `config.` with the dotted name of a parameter.
"""

from __future__ import annotations

import math
from itertools import islice
from typing import Any

from bots_app.metrics import metric_paths
from bots_app.records import BacktestRunRecord, UnreadableRun, dotted
from dashboard.tolerant import MAX_DEPTH, to_number

#: Leaves of a record that are looked at, and letters of a name: more is no parameter and no metric.
MOST_LEAVES, MOST_LETTERS = 1_000, 200
#: What comes before a parameter's name, and before a metric's where its plateau score is meant (see plateaus.py).
CONFIG, PLATEAU = "config.", "plateau."
#: Names that mean what the row of the list says, whatever else a record has under them.
_OF_THE_ROW = frozenset(("configHash", "status", "profit", "botId", "lastUpdated", "notes", "tags"))
#: Whole numbers between these are near to a double.
_MOST_INT = 2**63

Fields = dict[str, float | int | str | bool]


def fields_of(run: BacktestRunRecord | UnreadableRun) -> Fields:
    """Return the fields of a run: status, time, metrics, then parameters and whatever else its performance holds.

    What has no value is not there: nulls, empty containers, numbers that are not finite, texts that say so.
    """
    fields: Fields = {"status": run.status}
    if isinstance(run, UnreadableRun):
        return fields
    if run.lastUpdated is not None:
        fields["lastUpdated"] = run.lastUpdated
    for name, number in run.metrics.items():
        if number is not None:
            fields[name] = number
    left = _collect(fields, run.configuration, MOST_LEAVES, is_config=True)
    results = run.whole.get("resultsMetadata")
    if isinstance(results, dict):
        performance = results.get("performance")
        if isinstance(performance, dict):
            left = _collect(fields, performance, left, is_config=False)
        _collect_scalars(fields, results, left)
    return fields


def canonical_names() -> frozenset[str]:
    """Return the names that always have a column, of the row of the list and of the metrics; fields begin with them."""
    return frozenset(("status", "profit", "lastUpdated", *metric_paths()))


class _Names(dict[str, str]):
    """The whole names of the keys of one place in a record, "" of those that are left out."""

    def __init__(self, start: str, *, is_config: bool) -> None:
        super().__init__()
        self.start, self.is_config = start, is_config
        #: Whether a key had dots, so that a name may be that of several leaves.
        self.is_ambiguous = False

    def __missing__(self, key: str) -> str:
        name = "" if len(key) + len(self.start) > MOST_LETTERS else self.start + key
        self.is_ambiguous = self.is_ambiguous or "." in key
        if name == CONFIG or not (self.is_config or _is_metric_name(name)):
            name = ""
        if len(self) < MOST_LEAVES:
            self[key] = name
        return name


class _KnownNames:
    """The names of all places met, made once: most records of a session look alike."""

    def __init__(self) -> None:
        self.paths = metric_paths()
        self._at: dict[bool, dict[str, _Names]] = {True: {}, False: {}}

    def at(self, start: str, *, is_config: bool) -> _Names:
        """Return the names at a place; those of parameters begin with CONFIG."""
        known = self._at[is_config]
        found = known.get(start)
        if found is None:
            if len(known) >= MOST_LEAVES:
                known.clear()
            found = known[start] = _Names(start, is_config=is_config)
        return found


_known = _KnownNames()


def _names_at(start: str, *, is_config: bool) -> _Names:
    global _known
    if _known.paths is not metric_paths():
        _known = _KnownNames()
    return _known.at(start, is_config=is_config)


def _is_metric_name(name: str) -> bool:
    """Tell whether a name is free for what a performance holds."""
    is_taken = name in _OF_THE_ROW or name in metric_paths() or name.startswith((CONFIG, PLATEAU))
    return not is_taken and 0 < len(name) <= MOST_LETTERS


def _collect_scalars(fields: Fields, results: dict[str, Any], left: int) -> None:
    """Add what stands beside the performance, as the early shape of records has it."""
    performance = results.get("performance")
    for key, value in islice(results.items(), left):
        kind = type(value)
        if kind is dict or kind is list or not (name := _names_at("", is_config=False)[key]):
            continue
        if dotted(performance, name) is None and (plain := _plain(value, is_config=False)) is not None:
            fields[name] = plain


def _collect(fields: Fields, tree: dict[str, Any], left: int, *, is_config: bool) -> int:
    """Add up to `left` leaves, those of a level before those below; return how many more may be looked at.

    Lists are gone into, their items numbered from 0, where it is a configuration.
    """
    level: list[tuple[str, Any]] = [(CONFIG if is_config else "", tree)]
    depth, is_ambiguous = 1, False
    while level and left > 0 and depth < MAX_DEPTH:
        below: list[tuple[str, Any]] = []
        for start, holder in level:
            names = _names_at(start, is_config=is_config)
            if type(holder) is list:
                holder = {str(place): item for place, item in enumerate(holder[:left])}
            for key, value in holder.items() if len(holder) <= left else islice(holder.items(), left):
                kind = type(value)
                if kind is float:
                    if value - value != 0.0:
                        continue
                elif kind is dict or kind is list:
                    if value and (kind is dict or is_config) and len(start) + len(key) < MOST_LETTERS:
                        below.append((f"{start}{key}.", value))
                        is_ambiguous = is_ambiguous or "." in key
                    continue
                elif kind is str and is_config:
                    pass
                elif kind is not int or not -_MOST_INT <= value < _MOST_INT:
                    value = _plain(value, is_config=is_config)
                    if value is None:
                        continue
                if name := names[key]:
                    fields[name] = value
            left -= min(left, len(holder))
            is_ambiguous = is_ambiguous or names.is_ambiguous
        level, depth = below, depth + 1
    if is_ambiguous:
        _settle(fields, tree, is_config=is_config)
    return left


def _settle(fields: Fields, tree: dict[str, Any], *, is_config: bool) -> None:
    """Have every name mean what it means elsewhere, see `dotted`."""
    for name in list(fields):
        if name.startswith(CONFIG) if is_config else _is_metric_name(name):
            path = name.removeprefix(CONFIG) if is_config else name
            value = _plain(dotted(tree, path, with_lists=is_config), is_config=is_config)
            if value is None:
                del fields[name]
            else:
                fields[name] = value


def _plain(value: Any, *, is_config: bool) -> float | int | str | bool | None:
    """Return a value as its column has it; a metric that was written as text counts as its number."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        if is_config:
            return value
        try:
            return to_number(value) if math.isfinite(float(value)) else None
        except ValueError:
            return value
    if isinstance(value, int | float):
        try:
            return value if math.isfinite(float(value)) else None
        except OverflowError:
            return None
    return None
