"""Places that one process at a time has, which says so in Redis: of who follows foreign writes, with how far it is
behind, and of who builds the indexes of a session.
"""

from __future__ import annotations

import os
import secrets
import socket
import time

import msgspec

from dashboard.store import keys as store_keys
from dashboard.store.client import client
from dashboard.store.scripts import script
from dashboard.structs import ready

#: Milliseconds after which the place of one that no longer says anything is free.
LEASE_MS = 10_000
#: What is said to be done at most: when all runs are, there is still something to do.
MOST_DONE = 0.99


@ready
class FollowerFacts(msgspec.Struct, kw_only=True):
    """What a follower says of itself, as JSON in Redis; times in ms since 1970 UTC."""

    id: str
    host: str
    pid: int
    since: int
    #: When it last said so.
    at: int = 0
    #: `notifications` or `polling`.
    mode: str = ""
    #: Of 95 % of the changes filed lately, at most; None when there were none, or when that cannot be known.
    lagMs: float | None = None
    #: Whether all that happened before it listened has been looked through.
    isCaughtUp: bool = False
    #: Changes of other programs filed since it started.
    filed: int = 0


class Lease:
    """The place of the one follower at work."""

    def __init__(self) -> None:
        self.facts = FollowerFacts(id=secrets.token_hex(8), host=socket.gethostname(), pid=os.getpid(), since=_now_ms())

    def hold(self) -> FollowerFacts | None:
        """Take or keep the place, and say there what `facts` says; return who else has it, None when it is ours."""
        self.facts.at = _now_ms()
        text = msgspec.json.encode(self.facts)
        other = _facts(_hold(store_keys.FOLLOWER, self.facts.id, text))
        if other is not None and self._is_gone(other):
            other = _facts(_hold(store_keys.FOLLOWER, self.facts.id, text, gone=other.id))
        return other

    def _is_gone(self, other: FollowerFacts) -> bool:
        is_own = other.host == self.facts.host and other.pid == self.facts.pid
        return is_own or _has_ended(other)

    def release(self) -> None:
        """Leave the place to who comes next."""
        _hold(store_keys.FOLLOWER, self.facts.id, b"")


@ready
class BuilderFacts(msgspec.Struct):
    """What the builder of a session's indexes says of itself, as JSON in Redis; `since` in ms since 1970 UTC."""

    id: str
    host: str
    pid: int
    since: int
    #: Runs done, and about how many there are, 0 while that is not known.
    done: int = 0
    of: int = 0

    def share(self) -> float:
        """Return how much of the work is done, from 0 to less than 1."""
        return min(self.done / self.of, MOST_DONE) if self.of else 0.0

    def left_s(self) -> float | None:
        """Return about how many seconds are left, None where that is not known yet."""
        share = self.share()
        return (_now_ms() - self.since) / 1000 * (1 - share) / share if share else None


class BuilderLease:
    """The place of the one builder of a session's indexes; `id` is different each time."""

    def __init__(self, key: str) -> None:
        self.key, self.id = key, secrets.token_hex(8)
        self._facts = BuilderFacts(self.id, socket.gethostname(), os.getpid(), _now_ms())

    def hold(self) -> BuilderFacts | None:
        """Take or keep the place; return who else has it, None when it is ours."""
        text = msgspec.json.encode(self._facts)
        other = _builder(_hold(self.key, self.id, text))
        if other is not None and _has_ended(other):
            other = _builder(_hold(self.key, self.id, text, gone=other.id))
        return other

    def say(self, done: int, *, of: int) -> None:
        """Have the place tell how many runs are done, from the next sign of life on."""
        self._facts.done, self._facts.of = done, of

    def release(self) -> None:
        """Leave the place to who comes next."""
        _hold(self.key, self.id, b"")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _hold(key: str, own: str, text: bytes, *, gone: str = "") -> bytes:
    found: bytes = script("hold_lease")([key], [own, text, LEASE_MS, gone])
    return found


def _has_ended(other: FollowerFacts | BuilderFacts) -> bool:
    """Tell whether the other was a process of this machine that has ended without a word."""
    if other.host != socket.gethostname():
        return False
    try:
        os.kill(other.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _builder(text: bytes) -> BuilderFacts | None:
    try:
        return msgspec.json.decode(text, type=BuilderFacts) if text else None
    except msgspec.DecodeError:
        return None


def current_builder(key: str) -> BuilderFacts | None:
    """Return what the builder of a session's indexes says of itself, None when there is none."""
    return _builder(client().get(key) or b"")


def current_follower() -> FollowerFacts | None:
    """Return what the follower at work says of itself, None when there is none."""
    return _facts(client().get(store_keys.FOLLOWER) or b"")


def _facts(text: bytes) -> FollowerFacts | None:
    try:
        return msgspec.json.decode(text, type=FollowerFacts) if text else None
    except msgspec.DecodeError:
        return None
