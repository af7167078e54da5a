"""The list of sessions as it lies in Redis: what changed in it since a number, and taking notice of changes.

Our scripts number each change of theirs themselves (includes/session_list.lua).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from django.conf import settings

from dashboard.store.client import client
from dashboard.store.keys import SESSIONS, list_key, list_keys
from dashboard.store.scripts import script
from dashboard.tolerant import from_bytes

#: Sessions of the list that are read in one step.
LISTED = 1_000


class Changes(NamedTuple):
    """What changed since two numbers, and how things stand."""

    #: Another one means that numbers seen before mean nothing any more: emptied, restored, started again, failed over.
    data_set: bytes
    #: Of the last change of all.
    number: float
    #: Deletions up to this number are not known any more.
    forgotten: float
    #: Whether a search for sessions of other programs was ever made, and whether the last search and check are recent.
    is_searched: bool
    is_discovered: bool
    is_checked: bool
    #: Sid and number, those changed first in front.
    changed: list[tuple[str, float]]
    gone: list[str]


class Notice(NamedTuple):
    """A session that changed, or (`gone_at`, the number of its last change) is no more; `seen` tells what was seen."""

    sid: str
    gone_at: float | None = None
    seen: str = ""


def read_changes(since: float, *, gone_since: float, limit: int) -> Changes:
    """Return the first changes after a number, and all deletions remembered after another: one round trip."""
    names = [SESSIONS, *map(list_key, ("gone", "state", "discovered", "checked"))]
    data_set, number, forgotten, searched, discovered, checked, changed, gone = script("read_session_changes")(
        names, [f"{since:.0f}", f"{gone_since:.0f}", limit]
    )
    sids = map(from_bytes, changed[::2])
    return Changes(
        data_set, float(number), float(forgotten), bool(searched), bool(discovered), bool(checked),
        list(zip(sids, map(float, changed[1::2]), strict=True)), list(map(from_bytes, gone)),
    )  # fmt: skip


def note(notices: Iterable[Notice]) -> None:
    """Number changes that our scripts did not make, or could not number: one round trip."""
    values: list[str] = []
    for sid, gone_at, seen in notices:
        values += [sid, "" if gone_at is None else f"{gone_at:.0f}", seen]
    if values:
        script("note_sessions")(list_keys(), values)


def note_own(sid: str) -> None:
    """Number a change that our scripts made: on a cluster, where they cannot do so themselves."""
    if settings.REDIS_CLUSTER:
        note([Notice(sid)])


def own_list_keys() -> list[str]:
    """Return the keys of the list as the scripts that write a session take them: none on a cluster."""
    return [] if settings.REDIS_CLUSTER else list_keys()


def listed() -> list[str]:
    """Return the id of every session listed, read in steps; one that changes meanwhile is met again at the end."""
    found: dict[str, None] = {}
    since = "-inf"
    while some := client().zrangebyscore(SESSIONS, since, "+inf", start=0, num=LISTED, withscores=True):
        found |= dict.fromkeys(from_bytes(sid) for sid, _ in some)
        since = f"({some[-1][1]:.0f}"
    return list(found)
