"""A session's events as Redis keeps them: reading on from any of them, and telling when some were missed.

The stream is capped, goes with its session, and may be lost with a server that keeps nothing. Whoever reads on from an
id is therefore told whether everything after it is still there.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from redis.exceptions import ResponseError

from dashboard.errors import SessionNotFound
from dashboard.store.client import client, translated
from dashboard.store.keys import SessionKeys
from dashboard.store.shared import EVENTS_KEPT
from dashboard.tolerant import from_bytes

#: What an event can be called; anything else in the stream is another program's, and says that something changed.
NAMES = ("run", "deleted", "session")
#: Why a reader missed events: the cap took them, or the stream was lost or made anew.
TRIMMED, LOST = "trimmed", "lost"

#: Seconds between two looks at the streams on a cluster, and a share for each stream.
POLL_S, POLL_EACH_S = 0.05, 0.001

_ID = re.compile(r"(\d{1,20})-(\d{1,20})", re.ASCII)
_MOST = 2**64 - 1


class EventId(NamedTuple):
    """The id of an event: ids of a session only grow."""

    ms: int
    number: int

    def __str__(self) -> str:
        return f"{self.ms}-{self.number}"

    @classmethod
    def parse(cls, text: str) -> EventId:
        """Return the id. Raises ValueError for a text that is none."""
        match = _ID.fullmatch(text)
        if not match or max(found := (int(match[1]), int(match[2]))) > _MOST:
            raise ValueError(text)
        return cls(*found)


#: Before the first event of any session.
START = EventId(0, 0)


class Event(NamedTuple):
    """One change of a session; `data` is its JSON."""

    id: EventId
    name: str
    data: bytes


@dataclass(frozen=True)
class Place:
    """Where a reader goes on, and whether it missed something before."""

    position: EventId
    #: Id of the newest event ever, whether it is still kept or not.
    newest: EventId
    #: A key that is there as long as what was found here.
    witness: str
    #: TRIMMED, LOST, or None when nothing was missed.
    missed: str | None = None
    #: Whether the newest event is still kept.
    is_newest_kept: bool = True


def locate(keys: SessionKeys, asked: EventId | None) -> Place:
    """Return where to go on after an event, from now on when `asked` is None: one round trip.

    Raises SessionNotFound, StoreUnavailable, KeyTypeError.
    """
    witnesses = (keys.events, keys.summary, keys.bots, keys.index("stats"))
    pipe = client().pipeline()
    for name in witnesses:
        pipe.exists(name)
    pipe.xinfo_stream(keys.events)
    if asked is not None:
        pipe.xrange(keys.events, str(asked), str(asked), count=1)
    *answers, info = (found := pipe.answers())[: len(witnesses) + 1]
    there = [name for name, answer in zip(witnesses, answers, strict=True) if answer]
    if not [name for name in there if name != keys.events]:
        raise SessionNotFound(keys.sid)
    if isinstance(info, ResponseError):
        if "no such key" not in str(info):
            with translated():
                raise info
        return Place(START, START, there[0], LOST if asked not in (None, START) else None, False)
    newest, last = _id(info["last-generated-id"]), info["last-entry"]
    asked = newest if asked is None else asked
    missed = None if asked == newest or found[-1] else _missed(info, asked, newest)
    # An id beyond the newest is of a stream that was lost: what comes is all new, but may have smaller ids.
    return Place(min(asked, newest), newest, keys.events, missed, bool(last) and _id(last[0]) == newest)


def _missed(info: dict[str, Any], asked: EventId, newest: EventId) -> str | None:
    """Return why events after an id that is not kept may be missing, None when they are all there."""
    length, added = info["length"], info.get("entries-added")
    # Servers before version 7 do not count what was added.
    is_trimmed = length >= EVENTS_KEPT if added is None else added > length
    if asked == START:
        return TRIMMED if is_trimmed else None
    oldest = info["first-entry"]
    is_older = asked < newest and (not oldest or asked < _id(oldest[0]))
    return TRIMMED if is_trimmed and is_older else LOST


def is_kept(keys: SessionKeys, event: EventId) -> bool:
    """Tell whether the event is still in the stream."""
    return bool(client().xrange(keys.events, str(event), str(event), count=1))


def newest_id(keys: SessionKeys) -> EventId:
    """Return the id of the newest event, START when there is none."""
    found = client().xrevrange(keys.events, count=1)
    return _id(found[0][0]) if found else START


def read_newest(keys: SessionKeys, count: int) -> list[Event]:
    """Return the newest events, oldest first."""
    return _events(reversed(client().xrevrange(keys.events, count=count)))


def read_after(keys: SessionKeys, position: EventId, count: int) -> list[Event]:
    """Return the events after an id, oldest first."""
    return _events(client().xrange(keys.events, f"({position}", "+", count=count))


def wait_for_events(positions: dict[str, EventId], *, count: int, block_ms: int) -> dict[str, list[Event]]:
    """Return what came after an id in each of several streams, by key; waits up to `block_ms` for the first.

    On a cluster no command reads streams of several sessions, nor waits on several servers: they are asked in turns.
    """
    wanted = {name: str(position) for name, position in positions.items()}
    if client().is_cluster:
        return _poll(wanted, count=count, until=time.monotonic() + block_ms / 1000)
    found = client().xread(wanted, count=count, block=block_ms)
    return {from_bytes(name): _events(entries) for name, entries in found}


def _poll(wanted: dict[str, str], *, count: int, until: float) -> dict[str, list[Event]]:
    """Return what came after the ids, asking again and again: some 1,000 streams a second at most."""
    pause_s = max(POLL_S, POLL_EACH_S * len(wanted))
    while True:
        pipe = client().pipeline()
        for name, position in wanted.items():
            pipe.xread({name: position}, count=count)
        found = {from_bytes(name): _events(entries) for streams in pipe.execute() for name, entries in streams}
        if found or time.monotonic() + pause_s >= until:
            # Whoever asks again at once would not give the servers their rest.
            if not found:
                time.sleep(pause_s)
            return found
        time.sleep(pause_s)


def is_all_there(names: Iterable[str]) -> bool:
    """Tell whether every key exists; a key named twice counts twice."""
    wanted = list(names)
    if client().is_cluster:
        pipe = client().pipeline()
        for name in wanted:
            pipe.exists(name)
        return all(pipe.execute())
    return bool(client().exists(*wanted) == len(wanted))


def _id(text: bytes) -> EventId:
    ms, _, number = text.partition(b"-")
    return EventId(int(ms), int(number))


def _events(entries: Iterable[tuple[bytes, dict[bytes, bytes]]]) -> list[Event]:
    return [_event(_id(name), fields or {}) for name, fields in entries]


def _event(event_id: EventId, fields: dict[bytes, bytes]) -> Event:
    text = {from_bytes(name): from_bytes(value) for name, value in fields.items()}
    name = text.get("event")
    data = {
        "configHash": text.get("configHash") or None,
        "status": text.get("status") or None,
        "profit": _number(text.get("profit")),
        "revision": _number(text.get("revision"), whole=True),
    }
    return Event(event_id, name if name in NAMES else "session", msgspec.json.encode(data))


def _number(text: str | None, *, whole: bool = False) -> float | int | None:
    try:
        number = float(text or "nan")
        if not math.isfinite(number):
            return None
        return int(text or "") if whole else number
    except ValueError:
        return None
