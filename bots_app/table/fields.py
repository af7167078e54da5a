"""The fields of a run, each of which is a column of the sweep table. No Redis, no HTTP.

Names are those that `BacktestRunRecord.value` takes: of the row of the list, of the metrics, of the record's
performance, and `config.` with the dotted name of a parameter.
"""

from __future__ import annotations

import math
from itertools import islice
from typing import Any

from bots_app.records import BacktestRunRecord, UnreadableRun, dotted
from bots_app.table.field_names import CONFIG, MOST_LEAVES, MOST_LETTERS, PLATEAU, is_metric_name, names_at
from bots_app.table.layouts import LaidOut, laid_out, quick_fields
from bots_app.table.shapes import STATUS, Fields, Value, canonical_names
from dashboard.tolerant import MAX_DEPTH, to_number

__all__ = [
    "CONFIG", "MOST_LEAVES", "MOST_LETTERS", "PLATEAU", "Fields", "canonical_names", "fields_of", "fields_one_by_one",
    "laid_out_or_fields",
]  # fmt: skip
#: Whole numbers between these are near to a double.
_MOST_INT = 2**63


def fields_of(run: BacktestRunRecord | UnreadableRun) -> Fields:
    """Return the fields of a run: status, time, metrics, then parameters and whatever else its performance holds.

    What has no value is not there: nulls, empty containers, numbers that are not finite, texts that say so.
    """
    found = None if isinstance(run, UnreadableRun) else quick_fields(run)
    return Fields.of(fields_one_by_one(run)) if found is None else found


def laid_out_or_fields(run: BacktestRunRecord) -> LaidOut | Fields:
    """Return what `pack` makes the fields of a run from, at less cost where many look alike."""
    return laid_out(run) or Fields.of(fields_one_by_one(run))


def fields_one_by_one(run: BacktestRunRecord | UnreadableRun) -> dict[str, Value]:
    """Return the fields of a run, whatever its record looks like; `fields_of` says the same, mostly at less cost."""
    fields: dict[str, Value] = {STATUS: run.status}
    if isinstance(run, UnreadableRun):
        return fields
    if run.lastUpdated is not None:
        fields["lastUpdated"] = run.lastUpdated
    for name, number in run.metrics.items():
        if number is not None and name != STATUS:
            fields[name] = number
    left = _collect(fields, run.configuration, MOST_LEAVES, is_config=True)
    results = run.whole.get("resultsMetadata")
    if isinstance(results, dict):
        performance = results.get("performance")
        if isinstance(performance, dict):
            left = _collect(fields, performance, left, is_config=False)
        _collect_scalars(fields, results, left)
    return fields


def _collect_scalars(fields: dict[str, Value], results: dict[str, Any], left: int) -> None:
    """Add what stands beside the performance, as the early shape of records has it."""
    performance = results.get("performance")
    for key, value in islice(results.items(), left):
        kind = type(value)
        if kind is dict or kind is list or not (name := names_at("", is_config=False)[key]):
            continue
        if dotted(performance, name) is None and (plain := _plain(value, is_config=False)) is not None:
            fields[name] = plain


def _collect(fields: dict[str, Value], tree: dict[str, Any], left: int, *, is_config: bool) -> int:
    """Add up to `left` leaves, those of a level before those below; return how many more may be looked at.

    Lists are gone into, their items numbered from 0, where it is a configuration.
    """
    level: list[tuple[str, Any]] = [(CONFIG if is_config else "", tree)]
    depth, is_ambiguous = 1, False
    while level and left > 0 and depth < MAX_DEPTH:
        below: list[tuple[str, Any]] = []
        for start, holder in level:
            names = names_at(start, is_config=is_config)
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


def _settle(fields: dict[str, Value], tree: dict[str, Any], *, is_config: bool) -> None:
    """Have every name mean what it means elsewhere, see `dotted`."""
    for name in list(fields):
        if name.startswith(CONFIG) if is_config else is_metric_name(name):
            path = name.removeprefix(CONFIG) if is_config else name
            value = _plain(dotted(tree, path, with_lists=is_config), is_config=is_config)
            if value is None:
                del fields[name]
            else:
                fields[name] = value


def _plain(value: Any, *, is_config: bool) -> Value | None:
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
