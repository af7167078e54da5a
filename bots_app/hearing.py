"""How a follower hears of changes: its place as the one at work, its connection, and whether the server tells."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings

from dashboard.errors import DashboardError, StoreUnavailable
from dashboard.store.client import client
from dashboard.store.lease import Lease
from dashboard.store.notifications import (
    FLAGS,
    HEARTBEAT,
    MOST_MESSAGES,
    Listener,
    ListeningRefused,
    Message,
    ServersChanged,
    enable_notifications,
    missing_flags,
)

#: Seconds between two words of ours in Redis; the server's telling us of them shows that it tells of everything.
BEAT_S = 2.0
#: Seconds without being told of our own word until we take it that we are told of nothing.
SILENCE_S = 4.0
#: Seconds in which the first word has to be told, for notifications to count as on.
PROBE_S = 1.0
#: Seconds at most for giving up the place at the end.
LEAVE_S = 1.0
POLLING, NOTIFIED = "polling", "notifications"
#: What the server tells of our word: a text was set, a key got a time to live; two of the classes of FLAGS.
OWN_WORD = {b"set", b"expire"}


log = logging.getLogger(__name__)


class Gap(StoreUnavailable):
    """Raised when something may have been missed although the server answers."""


class Hearing:
    """The news as messages. Every method may raise StoreUnavailable; `is_connected` tells of gaps."""

    def __init__(self, tell: Callable[[str], None], *, enable: bool) -> None:
        self.tell, self.enable = tell, enable
        self.lease = Lease()
        self.mode = ""
        self.listener: Listener | None = None
        self._next_beat = 0.0
        self._heard: set[bytes] = set()
        self._silent_since: float | None = None
        self._told: dict[str, str] = {}
        self._is_partial = False

    @property
    def is_connected(self) -> bool:
        """Tell whether everything since `connect` was heard, or, while polling, whether there is nothing to hear."""
        return bool(self.mode) and (self.listener is None or self.listener.is_open)

    def say_once(self, about: str, line: str) -> None:
        """Tell the operator, unless that was the last that was said about it."""
        if self._told.get(about) != line:
            self._told[about] = line
            self.tell(line)

    def has_place(self) -> bool:
        """Keep the place of the one follower at work, if that is due; tell whether it is ours."""
        now = time.monotonic()
        if now < self._next_beat:
            return True
        other = self.lease.hold()
        self._next_beat = now + BEAT_S
        if other is not None:
            self.say_once(
                "place", f"Another follower is at work (process {other.pid} on {other.host}); waiting in case it ends."
            )
            self.close()
            return False
        if self._told.pop("place", None):
            self.tell("The other follower has ended; taking its place.")
        if self._silent_since is None:
            self._silent_since = now
        return True

    def connect(self) -> None:
        """Begin to listen and find out whether the server tells of changes."""
        self.close()
        missing = missing_flags()
        if missing and (self.enable or not (settings.REDIS_URL or settings.REDIS_SENTINELS)):
            # The embedded server is ours alone, so that nobody has to be asked.
            missing = missing if not enable_notifications() else ""
        mode = POLLING
        # Of a cluster's servers, our own word comes from one alone.
        self._is_partial = bool(missing) and client().is_cluster
        try:
            self.listener = Listener()
        except ListeningRefused:
            self.listener = None
        if self.listener is not None:
            self.lease.hold()
            self._silent_since, until = time.monotonic(), time.monotonic() + PROBE_S
            # Nothing that is heard meanwhile is lost: whoever connects looks through everything afterwards.
            while mode == POLLING and time.monotonic() < until:
                self._listen(0.1)
                mode = NOTIFIED if self._heard >= OWN_WORD and not self._is_partial else POLLING
        self.mode = self.lease.facts.mode = mode
        self.lease.hold()
        self._say_how(missing)

    def _say_how(self, missing: str | None) -> None:
        turn_on = (
            f"Have notify-keyspace-events include {FLAGS}: start with --enable-notifications, or have the server's "
            f"operator set it (CONFIG SET notify-keyspace-events {FLAGS}, and in its configuration file)."
        )
        if self.mode == POLLING and self.listener is None:
            line = "The server does not let this user listen to keyspace notifications: polling."
        elif self.mode == POLLING:
            why = "The server does not let this user turn them on. " if self.enable else ""
            line = f"Keyspace notifications are off: polling, which is slower to notice changes. {why}{turn_on}"
        elif missing:
            line = f"Keyspace notifications lack {missing}: some changes are noticed only at the next start. {turn_on}"
        else:
            line = "Listening to keyspace notifications."
        self.say_once("how", line)

    def receive(self, timeout_s: float) -> tuple[list[Message], float]:
        """Wait for messages at most so long; return them and a time (monotonic) before which none of them came."""
        if self.listener is None:
            time.sleep(timeout_s)
            return [], time.monotonic()
        found = self._listen(timeout_s)
        if self.mode == POLLING and self._heard >= OWN_WORD and not self._is_partial:
            # Turned on meanwhile. What was missed until now has to be looked for: a gap like any other.
            raise self._lost("The server tells of changes now.")
        is_all, since = len(found[0]) < MOST_MESSAGES, self._silent_since
        if self.mode == NOTIFIED and is_all and since and time.monotonic() > since + SILENCE_S:
            raise self._lost("The server no longer tells of changes.")
        return found

    def _listen(self, timeout_s: float) -> tuple[list[Message], float]:
        assert self.listener is not None
        try:
            messages, since = self.listener.receive(timeout_s)
        except ServersChanged as error:
            raise self._lost(str(error)) from error
        for message in messages:
            if message.kind == HEARTBEAT:
                self._heard.add(message.event)
                self._silent_since = None
        return messages, since

    def _lost(self, line: str) -> Gap:
        self.close()
        return Gap(line)

    def close(self) -> None:
        """Stop to listen."""
        if self.listener is not None:
            self.listener.close()
        self.listener, self.mode = None, ""
        self._heard, self._silent_since = set(), None

    def leave(self) -> None:
        """Stop to listen and give the place up, for whoever waits for it."""
        self.close()
        # Who is told to end does not wait for a server that hangs.
        releasing = threading.Thread(target=self._release, name="release-follower", daemon=True)
        releasing.start()
        releasing.join(LEAVE_S)

    def _release(self) -> None:
        try:
            self.lease.release()
        except DashboardError as error:
            log.info("The place of the follower is left to end by itself: %s", error)

    def facts(self, *, at_once: bool = False, **changes: Any) -> None:
        """Have the next word say more of us; see FollowerFacts."""
        for name, value in changes.items():
            setattr(self.lease.facts, name, value)
        if at_once:
            self._next_beat = 0.0
