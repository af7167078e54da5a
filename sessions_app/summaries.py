"""Reading the summaries of many sessions; those nobody has written, or nobody can read, are made from the indexes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from dashboard.errors import InvalidSessionId
from dashboard.store.answers import answers
from dashboard.store.client import client
from dashboard.store.keys import USUAL_STATUSES, SessionKeys
from dashboard.tolerant import from_bytes, to_number
from sessions_app.records import SessionId, SessionSummary, read_summary

#: Bytes of a summary that a list reads. Ours have some 500, and a few thousand with long notes.
MOST_BYTES = 128 * 1024
#: Commands for each session in `made_from_indexes`.
_COMMANDS = 6 + len(USUAL_STATUSES) + 1


class Stored(NamedTuple):
    """A session as it lies in Redis, None when there is none; `sha` tells its text, or what it was made from."""

    sid: str
    summary: SessionSummary | None
    sha: str


def sha_of(text: bytes | None) -> str:
    """Return what the scripts know a stored text by: its SHA-1, or '' when there is none."""
    return "" if text is None else hashlib.sha1(text, usedforsecurity=False).hexdigest()


def read_summaries(names: Iterable[str]) -> list[Stored]:
    """Return the sessions of those names as a list shows them, without texts that are no session id.

    Cost: one round trip, two when summaries have to be made from the indexes.
    """
    sids = list(_parsed(names))
    pipe = client().pipeline()
    for sid in sids:
        pipe.getrange(SessionKeys(str(sid)).summary, 0, MOST_BYTES)
    found = [_stored(sid, text) for sid, text in zip(sids, answers(pipe), strict=True)]
    lacking = [place for place, one in enumerate(found) if one.summary is None or one.summary.unreadable]
    made = made_from_indexes([(sids[place], found[place].summary) for place in lacking])
    for place, summary in zip(lacking, made, strict=True):
        sha = sha_of(msgspec.json.encode(summary.to_dict())) if summary else ""
        found[place] = Stored(found[place].sid, summary, sha)
    return found


def _parsed(names: Iterable[str]) -> Iterable[SessionId]:
    for name in names:
        try:
            yield SessionId.parse(name)
        except InvalidSessionId:
            continue


def _stored(sid: SessionId, text: bytes | None) -> Stored:
    if not text:
        return Stored(str(sid), None, "")
    if len(text) > MOST_BYTES:
        reason = f"longer than the {MOST_BYTES:,} bytes that a list reads"
        return Stored(str(sid), SessionSummary(sid=sid, unreadable=reason), "")
    return Stored(str(sid), read_summary(sid, text), sha_of(text))


def made_from_indexes(wanted: Sequence[tuple[SessionId, SessionSummary | None]]) -> list[SessionSummary | None]:
    """Return summaries made from the keys every writer keeps, with the mark of what could not be read.

    None where there are no such keys and nothing is stored. Cost: one round trip.
    """
    if not wanted:
        return []
    pipe = client().pipeline()
    for sid, _ in wanted:
        keys = SessionKeys(str(sid))
        pipe.exists(keys.summary)
        pipe.scard(keys.bots)
        pipe.scard(keys.status("completed"))
        pipe.scard(keys.status("failed"))
        pipe.zrevrange(keys.profit, 0, 0, withscores=True)
        pipe.exists(keys.index("stats"))
        for name in (keys.index("updated"), *(keys.index_status(status, "updated") for status in USUAL_STATUSES)):
            pipe.zrevrange(name, 0, 0, withscores=True)
    found = answers(pipe)
    return [
        _made(sid, stored, found[place * _COMMANDS : (place + 1) * _COMMANDS])
        for place, (sid, stored) in enumerate(wanted)
    ]


def _made(sid: SessionId, stored: SessionSummary | None, found: Sequence[Any]) -> SessionSummary | None:
    is_there, runs, completed, failed, best, is_ours, *tops = found
    if stored is None and is_there:
        # Stored all the same: an empty text, or a key of another type.
        stored = read_summary(sid, b"")
    if stored is None and not is_ours and not runs:
        return None
    best_hash, best_profit = best[0] if best else (None, None)
    last_hash, last_update = max((top[0] for top in tops if top), key=lambda top: top[::-1], default=(None, None))
    return SessionSummary(
        sid=sid, unreadable=stored.unreadable if stored else None, runCount=runs, completedRuns=completed,
        errorCount=failed, bestProfit=to_number(best_profit), bestConfigHash=best_hash and from_bytes(best_hash),
        lastConfigHash=last_hash and from_bytes(last_hash),
        lastUpdate=None if last_update is None else int(last_update),
    )  # fmt: skip
