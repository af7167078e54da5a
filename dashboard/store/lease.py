"""Who follows foreign writes: one process at a time, which says in Redis how it does and how far it is behind."""

from __future__ import annotations

import os
import secrets
import socket
import time

import msgspec

from dashboard.store import keys as store_keys
from dashboard.store.client import client
from dashboard.store.scripts import script

#: Milliseconds after which the place of one that no longer says anything is free.
LEASE_MS = 10_000


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
        self.facts = FollowerFacts(
            id=secrets.token_hex(8), host=socket.gethostname(), pid=os.getpid(), since=time.time_ns() // 1_000_000
        )

    def hold(self) -> FollowerFacts | None:
        """Take or keep the place, and say there what `facts` says; return who else has it, None when it is ours."""
        self.facts.at = time.time_ns() // 1_000_000
        text = msgspec.json.encode(self.facts)
        other = _facts(script("hold_lease")([store_keys.FOLLOWER], [self.facts.id, text, LEASE_MS, ""]))
        if other is not None and self._is_gone(other):
            other = _facts(script("hold_lease")([store_keys.FOLLOWER], [self.facts.id, text, LEASE_MS, other.id]))
        return other

    def release(self) -> None:
        """Leave the place to who comes next."""
        script("hold_lease")([store_keys.FOLLOWER], [self.facts.id, "", LEASE_MS, ""])

    def _is_gone(self, other: FollowerFacts) -> bool:
        """Tell whether the other was a process of this machine that has ended without a word."""
        if other.host != self.facts.host:
            return False
        if other.pid == self.facts.pid:
            return True
        try:
            os.kill(other.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False


def current_follower() -> FollowerFacts | None:
    """Return what the follower at work says of itself, None when there is none."""
    return _facts(client().get(store_keys.FOLLOWER) or b"")


def _facts(text: bytes) -> FollowerFacts | None:
    try:
        return msgspec.json.decode(text, type=FollowerFacts) if text else None
    except msgspec.DecodeError:
        return None
