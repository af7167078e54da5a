"""Writes without their script: the commands by which it changes something, sent as they are.

They are recorded as the server's MONITOR tells them, packed beforehand and sent for a session alike, a megabyte a round
trip. Nothing is read, checked, computed or packed meanwhile, and nothing is atomic: what is left is the server's part.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from dashboard.store.client import client
from tests.bench.raw import RawConnection, pack
from tests.bench.timing import Way

#: Bytes of a round trip.
TRIP = 1_000_000
#: How the server tells a command that a script called, and each of its words.
_OF_SCRIPT = re.compile(rb"[0-9.]+ \[[0-9]+ lua\] (.*)", re.DOTALL)
_WORD = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


class Trip(NamedTuple):
    """What is sent at once, and how many replies it has."""

    packed: bytes
    replies: int


def recorded(way: Way, *, instead: tuple[bytes, bytes]) -> list[Trip]:
    """Do something; return by what commands scripts changed something meanwhile, with a word put instead of another."""
    monitor = RawConnection(os.environ["REDIS_URL"])
    try:
        monitor.call(pack("MONITOR"))
        way()
        end = os.urandom(8).hex()
        client().echo(end)
        commands = list(_until(monitor, end.encode()))
    finally:
        monitor.socket.close()
    changing = _changing({words[0] for words in commands})
    return _trips([[word.replace(*instead) for word in words] for words in commands if words[0] in changing])


def _until(monitor: RawConnection, end: bytes) -> Iterator[list[bytes]]:
    """Yield what scripts call, word by word, until somebody says the end."""
    while end not in (line := monitor.reply()):
        if found := _OF_SCRIPT.fullmatch(line):
            yield [ast.literal_eval(f"b{word.decode('latin-1')}") for word in _WORD.findall(found[1])]


def _changing(names: set[bytes]) -> set[bytes]:
    """Return those of some commands that do not only read."""
    listed = sorted(names)
    connection = RawConnection(os.environ["REDIS_URL"])
    try:
        facts: Sequence[Any] = connection.call(pack("COMMAND", "INFO", *listed))
    finally:
        connection.socket.close()
    return {name for name, fact in zip(listed, facts, strict=True) if b"readonly" not in fact[2]}


def _trips(commands: Sequence[Sequence[bytes]]) -> list[Trip]:
    trips: list[Trip] = []
    parts: list[bytes] = []
    size = 0
    for words in commands:
        parts.append(pack(*words))
        size += len(parts[-1])
        if size >= TRIP:
            trips.append(Trip(b"".join(parts), len(parts)))
            parts, size = [], 0
    return [*trips, Trip(b"".join(parts), len(parts))] if parts else trips


def send(raw: RawConnection, trips: Sequence[Trip]) -> None:
    """Send the commands, and take in every reply."""
    for trip in trips:
        raw.call(trip.packed)
        for _ in range(trip.replies - 1):
            raw.reply()
