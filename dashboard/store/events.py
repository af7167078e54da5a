"""A session's events as Redis keeps them: reading on from any of them, and telling when some were missed.

The stream is capped, goes with its session, and may be lost with a server that keeps nothing. Whoever reads on from an
id is therefore told whether everything after it is still there.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from redis.exceptions import ResponseError

from dashboard.errors import SessionNotFound
from dashboard.store.client import client, translated
from dashboard.store.event_entries import CHANGES, START, Entry, Event, EventId, events_of
from dashboard.store.keys import SessionKeys
from dashboard.store.shared import EVENTS_KEPT
from dashboard.tolerant import from_bytes

#: Why a reader missed events: the cap took them, or the stream was lost or made anew.
TRIMMED, LOST = "trimmed", "lost"

#: Entries read for a listener at once, against the events it takes: most have one change, others up to 32.
READ_SHARE = 8
#: Seconds between two looks at the streams on a cluster, and a share for each stream.
POLL_S, POLL_EACH_S = 0.05, 0.001


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
        pipe.xrange(keys.events, asked.entry, asked.entry, count=1)
    *answers, info = (found := pipe.answers())[: len(witnesses) + 1]
    there = [name for name, answer in zip(witnesses, answers, strict=True) if answer]
    if not [name for name in there if name != keys.events]:
        raise SessionNotFound(keys.sid)
    if isinstance(info, ResponseError):
        if "no such key" not in str(info):
            with translated():
                raise info
        return Place(START, START, there[0], LOST if asked not in (None, START) else None, False)
    newest, last = EventId.of(info["last-generated-id"]), info["last-entry"]
    is_there_still = asked in (None, newest) or asked in [event.id for event in events_of(found[-1])]
    asked = newest if asked is None else asked
    missed = None if is_there_still else _missed(info, asked, newest)
    # An id beyond the newest is of a stream that was lost: what comes is all new, but may have smaller ids.
    return Place(min(asked, newest), newest, keys.events, missed, bool(last) and EventId.of(last[0]) == newest)


def _missed(info: dict[str, Any], asked: EventId, newest: EventId) -> str | None:
    """Return why events after an id that is not kept may be missing, None when they are all there."""
    length, added = info["length"], info.get("entries-added")
    # Servers before version 7 do not count what was added; entries that are trimmed leave so many changes.
    is_trimmed = length * CHANGES >= EVENTS_KEPT if added is None else added > length
    if asked == START:
        return TRIMMED if is_trimmed else None
    oldest = info["first-entry"]
    is_older = asked < newest and (not oldest or asked < EventId.of(oldest[0]))
    return TRIMMED if is_trimmed and is_older else LOST


def is_kept(keys: SessionKeys, event: EventId) -> bool:
    """Tell whether the entry of the event is still in the stream."""
    return bool(client().xrange(keys.events, event.entry, event.entry, count=1))


def newest_id(keys: SessionKeys) -> EventId:
    """Return the id of the newest event, START when there is none."""
    found = client().xrevrange(keys.events, count=1)
    return EventId.of(found[0][0]) if found else START


def read_newest(keys: SessionKeys, count: int) -> list[Event]:
    """Return the newest events, oldest first."""
    return list(events_of(reversed(client().xrevrange(keys.events, count=count))))[-count:]


def read_after(keys: SessionKeys, position: EventId, count: int) -> list[Event]:
    """Return events after an id, oldest first: up to `count`, fewer also where more are to come."""
    first = f"({position}" if position.is_last else position.entry
    entries = client().xrange(keys.events, first, "+", count=max(1, count // READ_SHARE))
    return list(islice(events_of(entries, position), count))


def wait_for_events(positions: dict[str, EventId], *, most: int, block_ms: int) -> dict[str, list[Event]]:
    """Return what came after the last event of an entry in each of several streams, by key.

    Waits up to `block_ms` for the first. Reads on where more has come, until there are `most` events of all streams, or
    up to twice as many: what one answer brings is bounded, whatever its entries hold.
    """
    wanted = {name: position.entry for name, position in positions.items()}
    found: dict[str, list[Event]] = {}
    left, until = most, time.monotonic() + block_ms / 1000
    while wanted and left > 0:
        count = max(1, most // (CHANGES * len(wanted)))
        answers = _read(wanted, count=count, until=until)
        wanted = {name: entries[-1][0].decode() for name, entries in answers if len(entries) == count}
        for name, entries in answers:
            events = list(events_of(entries))
            found.setdefault(name, []).extend(events)
            left, until = left - len(events), 0
    return found


def _read(wanted: dict[str, str], *, count: int, until: float) -> list[tuple[str, list[Entry]]]:
    """Return entries after an id in each of several streams; waits for the first until a time.

    On a cluster no command reads streams of several sessions, nor waits on several servers: they are asked in turns,
    some 1,000 streams a second at most.
    """
    left_ms = max(0, round(1000 * (until - time.monotonic())))
    if not client().is_cluster:
        found = client().xread(wanted, count=count, block=left_ms or None)
        return [(from_bytes(name), entries) for name, entries in found]
    pause_s = max(POLL_S, POLL_EACH_S * len(wanted))
    while True:
        pipe = client().pipeline()
        for name, position in wanted.items():
            pipe.xread({name: position}, count=count)
        answers = [(from_bytes(name), entries) for streams in pipe.execute() for name, entries in streams]
        if answers or not left_ms:
            return answers
        # Whoever asks again at once would not give the servers their rest.
        time.sleep(pause_s)
        if time.monotonic() + pause_s >= until:
            return []


def is_all_there(names: Iterable[str]) -> bool:
    """Tell whether every key exists; a key named twice counts twice."""
    wanted = list(names)
    if client().is_cluster:
        pipe = client().pipeline()
        for name in wanted:
            pipe.exists(name)
        return all(pipe.execute())
    return bool(client().exists(*wanted) == len(wanted))
