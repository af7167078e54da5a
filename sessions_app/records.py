"""Session ids and summaries: what a sweep is called and what is said of it. No Redis, no HTTP."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import msgspec

from dashboard.errors import InvalidParameter, InvalidSessionId
from dashboard.tolerant import NOT_STRICT, NotJsonError, parse_json, parse_strict, to_ms, to_number, to_text

#: Every field of the contract, in its order.
SUMMARY_FIELDS = (
    "symbol", "timeframe", "startTimestamp", "endTimestamp", "runCount", "lastConfigHash", "lastUpdate", "bestProfit",
    "bestConfigHash", "currentProfit", "currentStatus", "avgProfit", "errorCount", "completedRuns", "active", "notes",
)  # fmt: skip
#: Those that are counted from the indexes; the rest is what people and programs say.
COUNTED = (
    "runCount", "completedRuns", "errorCount", "bestProfit", "bestConfigHash", "avgProfit", "lastUpdate",
    "lastConfigHash", "currentProfit", "currentStatus",
)  # fmt: skip
#: Longest session id that is written; a key is kept in memory once for every run.
MAX_SID_LENGTH = 200

_SID = re.compile(r"(?P<symbol>.+):(?P<timeframe>[^:]+):(?P<start>-?\d{1,19}):(?P<end>-?\d{1,19})", re.DOTALL)


@dataclass(frozen=True, order=True)
class SessionId:
    """symbol, timeframe, start, end (as written: usually ms since 1970 UTC); a symbol may hold colons and slashes."""

    symbol: str
    timeframe: str
    start: int
    end: int
    #: The text it was parsed from; `01` and `1` are different keys.
    text: str = field(default="", compare=False, repr=False)

    @classmethod
    @lru_cache(1024)
    def parse(cls, text: str) -> SessionId:
        """Return the id; the symbol is what is left of the last three colons. Raises InvalidSessionId."""
        match = _SID.fullmatch(text)
        if not match:
            raise InvalidSessionId(
                f"{text!r} is no session id; it would be symbol:timeframe:startTimestamp:endTimestamp."
            )
        return cls(match["symbol"], match["timeframe"], int(match["start"]), int(match["end"]), text)

    def __str__(self) -> str:
        return self.text or f"{self.symbol}:{self.timeframe}:{self.start}:{self.end}"

    @property
    def start_ms(self) -> int:
        """Return the start in ms since 1970 UTC, whatever unit it is written in."""
        return to_ms(self.start) or 0

    @property
    def end_ms(self) -> int:
        """Return the end in ms since 1970 UTC, whatever unit it is written in."""
        return to_ms(self.end) or 0

    def check_writable(self) -> None:
        """Raise InvalidParameter when nothing may be written under this id."""
        _check_writable(self.symbol, self.timeframe, self.start, self.end, len(str(self)))


@lru_cache(1024)
def _check_writable(symbol: str, timeframe: str, start: int, end: int, length: int) -> None:
    for name, value in (("symbol", symbol), ("timeframe", timeframe)):
        if value != value.strip():
            raise InvalidParameter(name, f"{value!r} begins or ends with white space; leave that away.")
        if not value.isprintable() and any(unicodedata.category(letter).startswith("C") for letter in value):
            raise InvalidParameter(name, f"{value!r} holds control characters; use printable text.")
        if "{" in value or "}" in value:
            raise InvalidParameter(name, f"{value!r} holds braces, which mean something in a key; use other letters.")
    if length > MAX_SID_LENGTH:
        raise InvalidParameter("symbol", f"the session id has {length} letters; {MAX_SID_LENGTH} are the most.")
    if end < start:
        raise InvalidParameter("endTimestamp", f"{end} lies before startTimestamp {start}.")


class SessionSummary(msgspec.Struct, kw_only=True):
    """What is said of a session. Numbers are as their writer left them; None where missing. Times in ms since 1970."""

    sid: SessionId
    runCount: int | None = None
    lastConfigHash: str | None = None
    lastUpdate: int | None = None
    bestProfit: float | None = None
    bestConfigHash: str | None = None
    currentProfit: float | None = None
    currentStatus: str | None = None
    avgProfit: float | None = None
    errorCount: int | None = None
    completedRuns: int | None = None
    active: bool = False
    notes: str = ""
    #: Fields of other programs, shown and kept as they are.
    extra: dict[str, Any] = {}
    #: Why the stored text could not be read; its numbers then come from the indexes.
    unreadable: str | None = None

    @property
    def symbol(self) -> str:
        return self.sid.symbol

    @property
    def timeframe(self) -> str:
        return self.sid.timeframe

    @property
    def startTimestamp(self) -> int:
        return self.sid.start

    @property
    def endTimestamp(self) -> int:
        return self.sid.end

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as the API answers it."""
        known = {name: getattr(self, name) for name in SUMMARY_FIELDS}
        marks = {"unreadable": self.unreadable} if self.unreadable else {}
        return self.extra | known | marks


def read_summary(sid: SessionId, text: bytes | None) -> SessionSummary | None:
    """Return the summary that a text holds; None when there is no text, one marked unreadable when it is no object."""
    if text is None:
        return None
    try:
        value = parse_json(text)
    except NotJsonError as error:
        return SessionSummary(sid=sid, unreadable=str(error))
    if not isinstance(value, dict):
        return SessionSummary(sid=sid, unreadable="not a JSON object")
    numbers: dict[str, Any] = {name: _whole(value.get(name)) for name in ("runCount", "errorCount", "completedRuns")}
    numbers |= {name: to_number(value.get(name)) for name in ("bestProfit", "currentProfit", "avgProfit")}
    texts: dict[str, Any] = {
        name: to_text(value.get(name)) for name in ("lastConfigHash", "bestConfigHash", "currentStatus")
    }
    return SessionSummary(
        sid=sid, lastUpdate=to_ms(value.get("lastUpdate")), active=value.get("active") is True,
        notes=to_text(value.get("notes")) or "",
        extra={name: item for name, item in value.items() if name not in SUMMARY_FIELDS and name != "unreadable"},
        **numbers, **texts,
    )  # fmt: skip


def summary_head(sid: SessionId, text: bytes | None, **changes: Any) -> str:
    """Return the JSON of every field that is not counted, open at its end, for the scripts to put the figures behind.

    Fields that we do not know keep their very text. `changes` replaces notes and active.
    """
    raw: dict[str, Any] = {}
    if text is not None:
        try:
            parse_strict(text)
            raw = dict(msgspec.json.decode(text, type=dict[str, msgspec.Raw]))
        except NOT_STRICT:
            summary = read_summary(sid, text)
            raw = dict(summary.extra) | {"active": summary.active, "notes": summary.notes} if summary else {}
    identity = {
        "symbol": sid.symbol, "timeframe": sid.timeframe, "startTimestamp": sid.start, "endTimestamp": sid.end,
    }  # fmt: skip
    kept = {name: item for name, item in raw.items() if name not in COUNTED}
    head = identity | {"active": False, "notes": ""} | kept | identity | changes
    return msgspec.json.encode(head).decode()[:-1]


def _whole(value: object) -> int | None:
    number = to_number(value)
    return None if number is None else int(number)
