"""Looking through indexes that were put aside for runs that the ones in use do not name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import compress
from typing import Any

from bots_app.bulk import raise_first
from dashboard.store.client import client
from dashboard.store.overlapped import Command, Exchange

#: Entries that one command looks at: a fraction of a millisecond of the server.
LOOKED_AT = 250


def lost_entries(used: str, names: Sequence[str]) -> Iterator[list[bytes]]:
    """Yield the entries of some keys that a set lacks when it is their turn, each as often as a key holds it.

    The keys are sets and sorted sets that nobody changes; those of another type are passed over. Raises
    StoreUnavailable, KeyTypeError.
    """
    pipe = client().pipeline()
    for name in names:
        pipe.type(name)
    looks = [_Look(name, kind) for name, kind in zip(names, pipe.execute() if names else (), strict=True)]
    found: list[list[bytes]] = []
    with Exchange(used) as exchange:
        while (going := [look for look in looks if not look.is_done]) or found:
            # Whether the set has what was found, and what comes after it, are asked in one round trip.
            exchange.send([look.command() for look in going] + [("SMISMEMBER", used, *some) for some in found])
            answers = exchange.receive()
            raise_first(answers)
            for some, is_member in zip(found, answers[len(going) :], strict=True):
                if not all(is_member):
                    yield list(compress(some, (not known for known in is_member)))
            found = [some for look, answer in zip(going, answers, strict=False) if (some := look.take(answer))]


class _Look:
    """A walk over one key."""

    def __init__(self, name: str, kind: bytes) -> None:
        self._name, self._is_set, self._cursor = name, kind == b"set", 0
        self.is_done = kind not in (b"set", b"zset")

    def command(self) -> Command:
        if self._is_set:
            return ("SSCAN", self._name, self._cursor, "COUNT", LOOKED_AT)
        # By rank, as ZSCAN would write out every score.
        return ("ZRANGE", self._name, self._cursor, self._cursor + LOOKED_AT - 1)

    def take(self, answer: Any) -> list[bytes]:
        """Return the entries in an answer."""
        if self._is_set:
            cursor, found = answer
            self._cursor = int(cursor)
            self.is_done = self._cursor == 0
        else:
            found = answer
            self._cursor += len(found)
            self.is_done = len(found) < LOOKED_AT
        return list(found)
