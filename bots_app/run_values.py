"""What the indexes say of a run, read from its record alone and fast: for reading a whole session. No Redis, no HTTP.

A record of the usual shape is read without making anything of what no index holds, a tenth of the work; every other one
as `read_run` does it. Both say the same of every text there is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from bots_app.metrics import ROW_METRICS, metric_paths
from bots_app.records import UNKNOWN, BacktestRunRecord, UnreadableRun, read_run
from bots_app.table.fields import fields_of
from bots_app.table.quick_rows import QuickRow
from bots_app.table.shapes import Fields
from dashboard.tolerant import MAX_DEPTH, NOT_STRICT, to_ms, to_number, to_text

#: Digits beyond which the tolerant reader refuses a whole number.
_MOST_DIGITS = 4_300
_STRIDE, _AROUND = _MOST_DIGITS // 2, 50
_Leaf = int | float | str | bool | list[msgspec.Raw] | dict[str, msgspec.Raw] | None
#: Whole numbers between these are milliseconds, and times that can be shown.
_FIRST_PLAIN_MS, _FIRST_US = 10**11, 10**14
_PLAIN = int | float | str | bool | None


class RunValues(NamedTuple):
    """What the indexes say of a run; `row` is that of the list, as JSON, `reason` why it is unreadable."""

    config_hash: str
    status: str
    profit: float | None
    updated: int | None
    row: bytes
    reason: str = ""


class LoadedRun(msgspec.Struct, frozen=True, gc=False):
    """What the indexes say of a run, and what the sweep table does, or what that is made from."""

    values: RunValues
    fields: Fields | QuickRow


class _Row(msgspec.Struct, gc=False):
    configHash: str
    status: str
    profit: int | float | None
    botId: str | None
    lastUpdated: int | None


def values_of(run: BacktestRunRecord | UnreadableRun) -> RunValues:
    """Return what the indexes say of a run that was read."""
    row = msgspec.json.encode(run.row())
    if isinstance(run, UnreadableRun):
        return RunValues(run.configHash, run.status, None, None, row, run.reason)
    profit = run.profit
    return RunValues(run.configHash, run.status, None if profit is None else float(profit), run.lastUpdated, row)


def read_values(config_hash: str, text: bytes) -> RunValues:
    """Return what the indexes say of a record."""
    reader = _reader()
    if reader is not None and is_usual(text):
        try:
            record = reader.decode(text)
        except NOT_STRICT:
            return values_of(read_run(config_hash, text))
        return reader.values(config_hash, record)
    return values_of(read_run(config_hash, text))


def loaded_of(run: BacktestRunRecord | UnreadableRun) -> LoadedRun:
    """Return what indexes and sweep table say of a run that was read."""
    return LoadedRun(values_of(run), fields_of(run))


def is_usual(text: bytes) -> bool:
    """Tell whether nothing that a quick reader passes over can be wrong: its letters, its depth, its numbers."""
    # Taking letters out of a text is quicker than counting them in it, as few as there are.
    if 2 * len(text) - len(text.replace(b"[", b"")) - len(text.replace(b"{", b"")) > MAX_DEPTH:
        return False
    if not text.isascii():
        try:
            text.decode("utf-8")
        except UnicodeDecodeError:
            return False
    # A number that is too long covers one of these places, and some letters around it.
    return len(text) <= _MOST_DIGITS or not any(
        text[place - _AROUND : place + _AROUND].isdigit() for place in range(_STRIDE, len(text), _STRIDE)
    )


def head_of(record: Any) -> tuple[str, int | None]:
    """Return status and lastUpdated (ms) of a decoded record."""
    status, updated = record.status, record.lastUpdated
    if type(status) is not str or not status:
        status = to_text(status) or UNKNOWN
    if type(updated) is not int or not _FIRST_PLAIN_MS <= updated < _FIRST_US:
        updated = to_ms(updated)
    return status, updated


class RowWriter:
    """Makes what the indexes say of decoded records."""

    def __init__(self) -> None:
        fields = [(name, int | float | None) for name in ROW_METRICS]
        self._row = msgspec.defstruct("Row", fields, bases=(_Row,), gc=False)
        self._encode = msgspec.json.Encoder().encode

    def values(
        self, config_hash: str, record: Any, found: Sequence[Any], places: Sequence[Sequence[int]]
    ) -> RunValues:  # fmt: skip
        """Return what the indexes say of a record with status, botId, lastUpdated; `found` is what stands elsewhere.

        `places` tells for the profit and each of ROW_METRICS where among it they may be; the first number counts.
        """
        metrics = []
        for some in places:
            number = None
            for place in some:
                value = found[place]
                if value is not None:
                    # Strict JSON holds no double that is not finite.
                    number = value if type(value) is float else to_number(value)
                    if number is not None:
                        break
            metrics.append(number)
        (status, updated), profit = head_of(record), metrics[0]
        row = self._encode(self._row(config_hash, status, profit, to_text(record.botId), updated, *metrics[1:]))
        return RunValues(config_hash, status, None if profit is None else float(profit), updated, row)


class _Reader:
    """Reads records of the usual shape; every place that a metric may have is an attribute of a nested struct."""

    def __init__(self, tree: dict[str, Any]) -> None:
        head = {"status": _PLAIN, "botId": _PLAIN, "lastUpdated": _PLAIN}
        self.decode: Callable[[bytes], Any] = msgspec.json.Decoder(_struct("Record", tree, head)).decode
        self._holders: list[tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]], tuple[None, ...]]] = []
        places: dict[tuple[str, ...], int] = {}
        for steps in sorted({steps[:-1] for paths in metric_paths().values() for steps in paths}):
            leaves = sorted({path[-1] for paths in metric_paths().values() for path in paths if path[:-1] == steps})
            places |= {(*steps, leaf): len(places) + number for number, leaf in enumerate(leaves)}
            self._holders.append((tuple(map(_attribute, steps)), _getter(leaves), (None,) * len(leaves)))
        metrics = {name: [places[steps] for steps in paths] for name, paths in metric_paths().items()}
        self._metrics = [metrics.get(name, []) for name in ("profit", *ROW_METRICS)]
        self._writer = RowWriter()

    def values(self, config_hash: str, record: Any) -> RunValues:
        """Return what the indexes say of a decoded record."""
        found: list[Any] = []
        for steps, getter, nothing in self._holders:
            holder = record
            for step in steps:
                holder = getattr(holder, step)
                if holder is None:
                    break
            found += nothing if holder is None else getter(holder)
        return self._writer.values(config_hash, record, found, self._metrics)


def _getter(leaves: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    names = list(map(_attribute, leaves))
    if len(names) == 1:
        return lambda holder: (getattr(holder, names[0]),)
    return attrgetter(*names)


@cache
def _reader() -> _Reader | None:
    """Return the quick reader, None where METRIC_PATHS names a place that also holds others."""
    tree: dict[str, Any] = {}
    for paths in metric_paths().values():
        for steps in paths:
            below = tree
            for step in steps[:-1]:
                below = below.setdefault(step, {})
                if below is None:
                    return None
            if below.get(steps[-1]) is not None:
                return None
            below[steps[-1]] = None
    if "profit" not in metric_paths() or not tree.keys().isdisjoint(("status", "botId", "lastUpdated")):
        return None
    return _Reader(tree)


def _attribute(step: str) -> str:
    """Return the attribute for a field, whose name may be none that Python allows."""
    return "f_" + step.encode().hex()


def _struct(name: str, tree: dict[str, Any], head: dict[str, Any]) -> Any:
    fields: list[tuple[str, Any, Any]] = [(field, kind, None) for field, kind in head.items()]
    renamed = {field: field for field in head}
    for step, below in tree.items():
        kind = _Leaf if below is None else _struct(name, below, {}) | None
        fields.append((_attribute(step), kind, None))
        renamed[_attribute(step)] = step
    return msgspec.defstruct(name, fields, rename=renamed, gc=False)
