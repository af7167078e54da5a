"""Runs, trades and configurations as typed records: tolerant in reading, strict in what we write. No Redis or HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from bots_app.metrics import ROW_METRICS, metrics_of
from dashboard.tolerant import MAX_DEPTH, NotJsonError, parse_json, to_ms, to_number, to_text

#: Status of a run whose record names none, and of one whose record cannot be read.
UNKNOWN, UNREADABLE = "unknown", "unreadable"
#: Reasons that are no fault of the text.
NOT_STORED = "no record is stored under its key"
#: Told apart from a null that stands there.
_ABSENT: Any = object()


class BacktestRunRecord(msgspec.Struct, kw_only=True):
    """One run as read; `lastUpdated` in ms since 1970 UTC, `metrics` as the record reports them."""

    configHash: str
    status: str = UNKNOWN
    botId: str | None = None
    lastUpdated: int | None = None
    metrics: dict[str, int | float | None] = {}
    configuration: dict[str, Any] = {}
    notes: str = ""
    tags: list[str] = []
    #: The whole record, unknown fields included, fit for strict JSON.
    whole: dict[str, Any] = {}
    #: The text it was read from.
    raw: bytes = b""

    @property
    def profit(self) -> float | None:
        return self.metrics.get("profit")

    def to_dict(self) -> dict[str, Any]:
        """Return the record as the API answers it: as it was written, with the fields of the contract always there."""
        known = {
            "configHash": self.configHash, "status": self.status, "botId": self.botId, "lastUpdated": self.lastUpdated,
            "resultsMetadata": None, "configuration": None, "notes": self.notes, "tags": self.tags,
        }  # fmt: skip
        return known | self.whole | {"configHash": self.configHash, "status": self.status}

    def row(self) -> dict[str, Any]:
        """Return the row of the list."""
        row: dict[str, Any] = {
            "configHash": self.configHash, "status": self.status, "profit": self.profit, "botId": self.botId,
            "lastUpdated": self.lastUpdated,
        }  # fmt: skip
        return row | {name: self.metrics.get(name) for name in ROW_METRICS}

    def row_text(self) -> bytes:
        """Return the row of the list as JSON, at half the cost of encoding `row`."""
        metric = self.metrics.get
        profit, metrics = metric("profit"), map(metric, ROW_METRICS)
        return _encode(_Row(self.configHash, self.status, profit, self.botId, self.lastUpdated, *metrics))

    def value(self, name: str) -> Any:
        """Return the field of a flat name: of the row, `config.` and a dotted name, or of the record's performance.

        None where there is none or where it is no plain value.
        """
        if name in ("notes", "tags"):
            return getattr(self, name)
        row = self.row() | self.metrics
        if name in row:
            return row[name]
        results = self.whole.get("resultsMetadata")
        results = results if isinstance(results, dict) else {}
        if name.startswith("config."):
            found = dotted(self.configuration, name.removeprefix("config."), with_lists=True)
        else:
            performance = results.get("performance")
            found = dotted(performance, name)
            found = dotted(results, name) if found is None else found
        return None if isinstance(found, dict | list) else found


def row_texts(runs: Sequence[BacktestRunRecord]) -> list[bytes]:
    """Return the `row_text` of each run, made for all of them together."""
    metrics = [run.metrics for run in runs]
    profits, *others = ([one.get(name) for one in metrics] for name in ("profit", *ROW_METRICS))
    columns = ([run.configHash for run in runs], [run.status for run in runs], profits, [run.botId for run in runs])
    return [*map(_encode, map(_Row, *columns, [run.lastUpdated for run in runs], *others))]


_ROW_FIELDS = ("configHash", "status", "profit", "botId", "lastUpdated", *ROW_METRICS)
_Row: Any = msgspec.defstruct("Row", [(name, Any) for name in _ROW_FIELDS], gc=False)
_encode = msgspec.json.Encoder().encode


class UnreadableRun(msgspec.Struct, frozen=True):
    """A run whose record cannot be read: a value, so that it never breaks a list."""

    configHash: str
    reason: str
    status: str = UNREADABLE

    def row(self) -> dict[str, Any]:
        """Return the row of the list, without numbers and with the reason."""
        row: dict[str, Any] = dict.fromkeys(_ROW_FIELDS)
        return row | {"configHash": self.configHash, "status": self.status, "unreadable": self.reason}

    def row_text(self) -> bytes:
        """Return the row of the list as JSON."""
        return _encode(self.row())


class BotConfiguration(msgspec.Struct, frozen=True):
    """The configuration of a run: any nesting of JSON."""

    tree: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        return self.tree

    def parameters(self) -> dict[str, Any]:
        """Return every leaf under its dotted name, in the order of the record; items of a list are numbered from 0."""
        return dict(_leaves(self.tree, ""))


class Trade(msgspec.Struct, frozen=True, kw_only=True):
    """One trade of either shape, None where it says nothing; times in ms since 1970 UTC, `raw` as it was stored."""

    index: int
    side: str | None = None
    entry_time: int | None = None
    exit_time: int | None = None
    entry_price: float | None = None
    exit_price: float | None = None
    size: float | None = None
    profit: float | None = None
    fee: float | None = None
    reason: str | None = None
    raw: dict[str, Any] = {}


def read_run(config_hash: str, text: bytes | None) -> BacktestRunRecord | UnreadableRun:
    """Return the run that a stored text holds; whatever is wrong with it, never an exception."""
    if text is None:
        return UnreadableRun(config_hash, NOT_STORED)
    try:
        value = parse_json(text)
    except NotJsonError as error:
        return UnreadableRun(config_hash, str(error))
    if not isinstance(value, dict):
        return UnreadableRun(config_hash, "not a JSON object")
    return run_of(config_hash, value, text)


def run_of(config_hash: str, value: dict[str, Any], text: bytes) -> BacktestRunRecord:
    """Return the run of a decoded record; the hash is that of the key."""
    configuration, tags = value.get("configuration"), value.get("tags")
    return BacktestRunRecord(
        configHash=config_hash, status=to_text(value.get("status")) or UNKNOWN, botId=to_text(value.get("botId")),
        lastUpdated=to_ms(value.get("lastUpdated")), metrics=metrics_of(value),
        configuration=configuration if isinstance(configuration, dict) else {},
        notes=to_text(value.get("notes")) or "",
        tags=[tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else [], whole=value, raw=text,
    )  # fmt: skip


def embedded_trades(record: BacktestRunRecord) -> list[Any]:
    """Return the trades that a record holds itself, as some writers keep them there; an empty list when it has none."""
    results = record.whole.get("resultsMetadata")
    for place in ("performance", "marketHistory"):
        found = results.get(place) if isinstance(results, dict) else None
        if isinstance(found, dict) and isinstance(found.get("trades"), list):
            return list(found["trades"])
    return []


def read_trade(index: int, value: Any) -> Trade:
    """Return a trade of either shape; what is no object at all is kept under `value`."""
    if not isinstance(value, dict):
        return Trade(index=index, raw={"value": value})

    def first(*names: str) -> Any:
        return next((value[name] for name in names if value.get(name) is not None), None)

    side = str(first("type", "side", "direction") or "").lower()
    return Trade(
        index=index, side={"long": "long", "buy": "long", "short": "short", "sell": "short"}.get(side),
        entry_time=to_ms(first("entryTimestamp", "entryTime")), exit_time=to_ms(first("exitTimestamp", "exitTime")),
        entry_price=to_number(first("entryPrice")), exit_price=to_number(first("exitPrice")),
        size=to_number(first("entrySize", "size")), profit=to_number(first("realizedPnl", "profitLoss", "profit")),
        fee=to_number(first("fee", "fees")), reason=to_text(first("reason", "exitReason")), raw=value,
    )  # fmt: skip


def dotted(tree: Any, name: str, *, with_lists: bool = False) -> Any:
    """Return what stands under a dotted name, None where nothing does; a key that has dots itself comes first.

    `with_lists` takes numbers from 0 for the items of lists.
    """
    found = _find(tree, name, with_lists, set())
    return None if found is _ABSENT else found


def _find(tree: Any, name: str, with_lists: bool, tried: set[tuple[int, int]]) -> Any:
    if isinstance(tree, list) and with_lists:
        head = name.partition(".")[0]
        is_place = head.isdecimal() and len(head) < 10 and str(int(head)) == head and int(head) < len(tree)
        tree = {head: tree[int(head)]} if is_place else {}
    elif not isinstance(tree, dict):
        return _ABSENT
    if name in tree:
        return tree[name]
    place = name.find(".")
    while place >= 0:
        below = tree.get(name[:place])
        # One part may be reached in many ways where keys have dots: each is looked at once.
        if isinstance(below, dict | list) and (id(below), place - len(name)) not in tried:
            tried.add((id(below), place - len(name)))
            found = _find(below, name[place + 1 :], with_lists, tried)
            if found is not _ABSENT:
                return found
        place = name.find(".", place + 1)
    return _ABSENT


def _leaves(value: Any, name: str, *, depth: int = 0) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict | list) and value and depth < MAX_DEPTH:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from _leaves(item, f"{name}.{key}" if name else str(key), depth=depth + 1)
    elif name:
        yield name, value
