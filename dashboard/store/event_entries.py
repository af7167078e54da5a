"""The entries of a session's stream of events: each holds one change, or those of a batch that follow each other."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from dashboard.tolerant import from_bytes

#: What an event can be called; anything else in the stream is another program's, and says that something changed.
NAMES = ("run", "deleted", "session")
#: The most changes of an entry, and the texts of each (name, configHash, status, profit); see includes/telling.lua.
CHANGES, TEXTS = 32, 4

_ID = re.compile(r"(\d{1,20})-(\d{1,20})(?:\.([1-9]\d{0,3}))?", re.ASCII)
_MOST = 2**64 - 1

#: An entry of a stream as the client answers it: id and fields.
Entry = tuple[bytes, dict[bytes, bytes]]


class EventId(NamedTuple):
    """The id of an event: ids of a session only grow. The last event of an entry has the id of the entry."""

    ms: int
    number: int
    #: Which event of its entry it is, counted from 1; of the last one more than any count.
    part: int = _MOST

    def __str__(self) -> str:
        return self.entry if self.part == _MOST else f"{self.entry}.{self.part}"

    @property
    def entry(self) -> str:
        """Return the id that the store has given the entry."""
        return f"{self.ms}-{self.number}"

    @property
    def is_last(self) -> bool:
        """Tell whether nothing of the entry comes after the event."""
        return self.part == _MOST

    @classmethod
    def parse(cls, text: str) -> EventId:
        """Return the id. Raises ValueError for a text that is none."""
        match = _ID.fullmatch(text)
        if not match or max(found := [int(number) for number in match.groups() if number]) > _MOST:
            raise ValueError(text)
        return cls(*found)

    @classmethod
    def of(cls, entry: bytes) -> EventId:
        """Return the id of an entry, which is that of its last event."""
        ms, _, number = entry.partition(b"-")
        return cls(int(ms), int(number))


#: Before the first event of any session.
START = EventId(0, 0)


class Event(NamedTuple):
    """One change of a session; `data` is its JSON."""

    id: EventId
    name: str
    data: bytes


def events_of(entries: Iterable[Entry], after: EventId = START) -> Iterator[Event]:
    """Yield the events of entries that come after one of them."""
    for name, fields in entries:
        for event in _events(EventId.of(name), fields or {}):
            if event.id > after:
                yield event


def _events(last: EventId, fields: dict[bytes, bytes]) -> Iterator[Event]:
    revision = _whole(fields.get(b"revision"))
    texts = _texts(fields.get(b"changes"))
    if not texts or revision is None:
        one = [from_bytes(fields.get(name, b"")) for name in (b"event", b"configHash", b"status", b"profit")]
        yield _event(last, one, revision)
        return
    count = len(texts) // TEXTS
    for part in range(1, count + 1):
        event_id = last._replace(part=part) if part < count else last
        yield _event(event_id, texts[TEXTS * (part - 1) : TEXTS * part], revision + part - 1)


def _texts(changes: bytes | None) -> list[str] | None:
    """Return what an entry says of its changes, None where there is nothing of ours."""
    if changes is None:
        return None
    try:
        found = msgspec.json.decode(changes.decode(errors="replace"), type=list[str])
    except msgspec.DecodeError:
        return None
    return found if len(found) % TEXTS == 0 else None


def _event(event_id: EventId, texts: list[str], revision: int | None) -> Event:
    name, config_hash, status, profit = texts
    data = {
        "configHash": config_hash or None,
        "status": status or None,
        "profit": _finite(profit),
        "revision": revision,
    }
    return Event(event_id, name if name in NAMES else "session", msgspec.json.encode(data))


def _finite(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _whole(text: bytes | None) -> int | None:
    try:
        number = int(text or b"")
    except ValueError:
        return None
    return number if 0 <= number <= _MOST else None
