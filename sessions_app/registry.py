"""SessionRegistry: the door to sessions and their summaries."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from django.conf import settings

from dashboard.errors import PreconditionFailed, SessionNotFound, StoreUnavailable, Unavailable
from dashboard.store import keys as store_keys
from dashboard.store.answers import answers
from dashboard.store.client import KeyTypeError, client
from dashboard.store.dropped_tables import drop_builds, remove_dropped
from dashboard.store.keys import SessionKeys
from dashboard.store.scripts import script
from dashboard.store.session_list import note_own, own_list_keys
from dashboard.store.shared import EVENTS_KEPT, INDEX_VERSION, chunked
from dashboard.store.time_limit import in_steps
from dashboard.store.trash import free
from dashboard.tolerant import from_bytes
from sessions_app.catalogue import SessionCatalogue
from sessions_app.discovery import list_session
from sessions_app.query import SessionQuery
from sessions_app.records import SessionId, SessionSummary, read_summary, summary_head
from sessions_app.session_order import SessionsFound
from sessions_app.summaries import made_from_indexes, sha_of

#: Runs whose keys are removed in one round trip of a deletion, and members of the list of work looked for in one: few,
#: as the allocator of glibc looks through ever more holes, for every piece of memory, while records go in no order.
DELETE_CHUNK, SCANNED = 50, 25
#: Attempts at writing a summary that others write at the same time.
ATTEMPTS = 20

#: This process's copy of the list of sessions.
_catalogue = SessionCatalogue()


class SessionRegistry:
    """Reads, annotates and deletes sessions. Every method may raise StoreUnavailable."""

    def __init__(self, catalogue: SessionCatalogue | None = None) -> None:
        self._catalogue = catalogue or _catalogue

    def all(self) -> list[SessionSummary]:
        """Return every session, in no order; they are shared, and not to be changed. Cost: as `find`."""
        return [entry.summary for entry in self.find(SessionQuery())[:]]

    def find(self, query: SessionQuery, *, with_counts: bool = False) -> SessionsFound:
        """Return the sessions that match, ordered and ready to be cut; `with_counts` adds what filters would show.

        Cost: one round trip; more when sessions have changed since the process last asked, for these alone.
        """
        return self._catalogue.find(query, with_counts=with_counts)

    def get(self, sid: SessionId) -> SessionSummary:
        """Return one session; its numbers are made from the indexes when nobody wrote a summary.

        Raises SessionNotFound.
        """
        return self._summary(sid, stored_summary(sid))

    def exists(self, sid: SessionId) -> bool:
        keys = SessionKeys(str(sid))
        return bool(client().exists(keys.summary, keys.bots, keys.index("stats")))

    def etag(self, sid: SessionId) -> str:
        """Return the strong ETag of the summary as `get` answers it. Raises SessionNotFound."""
        return summary_etag(self.get(sid))

    def annotate(
        self, sid: SessionId, *, notes: str | None = None, active: bool | None = None, if_match: str | None = None
    ) -> SessionSummary:
        """Change the notes or the active mark; None leaves them. Raises SessionNotFound, PreconditionFailed."""
        changes = {name: value for name, value in (("notes", notes), ("active", active)) if value is not None}
        for _ in range(ATTEMPTS):
            options = summary_options(sid, **changes)
            summary = self._summary(sid, options.pop("text"))
            if if_match is not None and if_match != summary_etag(summary):
                raise PreconditionFailed(f"Session {sid} was changed meanwhile; read it again before changing it.")
            plain = msgspec.json.encode(summary.to_dict() | changes).decode()
            try:
                code = finish_index(sid, plain=plain, **options)
            except StoreUnavailable as error:
                raise error.about("the session was changed") from error
            if code == 1:
                return self.get(sid)
        raise Unavailable(f"Session {sid} is being written too often to be changed; try again.")

    def delete(self, sid: SessionId, *, progress: Callable[[int], None] | None = None) -> int:
        """Remove every key of the session, in small steps; return how many runs went. Raises SessionNotFound.

        It vanishes from every list at once; what is left of its records goes after. A deletion that was interrupted is
        taken up by the next one.
        """
        try:
            with in_steps():
                return self._delete(sid, progress)
        except StoreUnavailable as error:
            raise StoreUnavailable(
                f"{error} The deletion of session {sid} has not ended; delete it again.",
                retry_after_s=error.retry_after_s,
            ) from error

    def _delete(self, sid: SessionId, progress: Callable[[int], None] | None) -> int:
        keys = SessionKeys(str(sid))
        derived = [keys.index(name) for name in ("rows", "unranked", "updated", "undated", "dirty")]
        removed = 0
        while (code := self._vanish(sid, keys, derived)) < 0:
            if code == -1:
                raise SessionNotFound(sid)
            removed = self._remove_listed(keys, removed, progress)
        self._free_indexes(keys)
        removed = self._remove_listed(keys, removed, progress)
        removed += self._remove_strays(sid, keys)
        remove_dropped(keys)
        client().unlink(keys.index("deleting"))
        return removed

    def _vanish(self, sid: SessionId, keys: SessionKeys, derived: list[str]) -> int:
        """Take the session out of every list; return what the script `delete_session` says."""
        code: int = script("delete_session")(
            [keys.bots, keys.index("deleting"), keys.index("stats"), keys.dropped_tables, *own_list_keys()],
            [str(sid), keys.prefix, _aside(keys), keys.summary, keys.profit, keys.events, *derived],
        )
        if settings.REDIS_CLUSTER and code >= 0:
            list_session(str(sid))
        return code

    def _remove_listed(self, keys: SessionKeys, removed: int, progress: Callable[[int], None] | None) -> int:
        """Remove the runs on the list of work; return how many have gone with those `removed` before."""
        name, cursor, members = keys.index("deleting"), 0, list[bytes]()
        while True:
            # Not at random, as that takes ever longer in a set that empties; and in short steps, as each may pass ten
            # empty places for every member it is to find.
            cursor, found = client().sscan(name, cursor, count=SCANNED)
            members += filter(None, found)
            if cursor and len(members) < DELETE_CHUNK:
                continue
            for some in chunked(members, DELETE_CHUNK):
                self._remove(keys, some)
                removed += len(some)
                if progress:
                    progress(removed)
            members = []
            if cursor == 0 and client().scard(name) <= client().sismember(name, b""):
                return removed

    def _remove(self, keys: SessionKeys, members: Sequence[bytes]) -> int:
        gone: int = script("delete_runs")(
            [keys.bots, keys.index("deleting")], [keys.run_prefix, keys.trades_prefix, *members]
        )
        return gone

    def _free_indexes(self, keys: SessionKeys) -> None:
        """Free what was put aside, and sets of statuses nobody counted: one walk over the key space."""
        of_status = tuple(prefix.encode() for prefix in (keys.status_prefix, keys.index_status_prefix))
        builds, aside = keys.builds_prefix.encode(), _aside(keys)
        put_aside, unnamed = set[bytes](), set[bytes]()
        for key in client().scan_iter(match=keys.pattern(keys.prefix), count=1000):
            if key.startswith(builds):
                put_aside.add(key)
            elif key.startswith(of_status):
                unnamed.add(key)
        for some in chunked(unnamed, DELETE_CHUNK):
            # Not where the session was made again meanwhile.
            script("put_aside")([keys.bots], [keys.prefix, aside, *some])
        put_aside |= {aside.encode() + key.removeprefix(keys.prefix.encode()) for key in unnamed}
        # What a build has made is not used any more: it sees that its keys are gone.
        drop_builds(keys, put_aside)
        free(put_aside)

    def _remove_strays(self, sid: SessionId, keys: SessionKeys) -> int:
        """Remove records that no index named; return how many."""
        removed = 0
        for prefix in (keys.run_prefix, keys.trades_prefix):
            found = client().scan_iter(match=keys.pattern(prefix), count=1000)
            members = (key[len(prefix.encode()) :] for key in found)
            for chunk in chunked((member for member in members if self._is_of(sid, keys, member)), DELETE_CHUNK):
                removed += self._remove(keys, chunk)
        return removed

    def _is_of(self, sid: SessionId, keys: SessionKeys, member: bytes) -> bool:
        """Tell whether a record is this session's: keys of a session whose id begins with this one begin alike."""
        owner = store_keys.session_of(keys.run(from_bytes(member)))
        return owner is None or owner[0] == str(sid)

    def _summary(self, sid: SessionId, text: bytes | None) -> SessionSummary:
        summary = read_summary(sid, text)
        if summary is None or summary.unreadable:
            [summary] = made_from_indexes([(sid, summary)])
        if summary is None:
            raise SessionNotFound(sid)
        return summary


def _aside(keys: SessionKeys) -> str:
    """Return what the keys of the session may begin with that are put aside, another one each time."""
    return keys.old(secrets.token_hex(8)).prefix


def summary_etag(summary: SessionSummary) -> str:
    """Return the strong ETag of a summary."""
    return f'"{hashlib.sha256(msgspec.json.encode(summary.to_dict())).hexdigest()[:24]}"'


def stored_summary(sid: SessionId) -> bytes | None:
    """Return the text of a summary, None when there is none, nothing when its key holds no text."""
    try:
        text: bytes | None = client().get(SessionKeys(str(sid)).summary)
    except KeyTypeError:
        return b""
    return text


def summary_options(sid: SessionId, **changes: Any) -> dict[str, Any]:
    """Return what `finish_index` needs to write the summary anew with changes of its head, and its `text` by now."""
    keys = SessionKeys(str(sid))
    # All at once: a write between two of these questions would make the summary look like another program's.
    pipe = client().pipeline()
    pipe.get(keys.summary)
    pipe.exists(keys.summary)
    pipe.hmget(keys.index("stats"), "summary_text", "summary_head")
    text, is_there, known = answers(pipe)
    if text is None and is_there:
        text = b""  # its key holds no text
    own, base = known or (None, None)
    # The scripts take a summary without text for none.
    options = {"text": text, "head_of": sha_of(text or None)}
    if text is not None and base is not None and own == text:
        return options | {"base": base.decode(), "head": summary_head(sid, base + b"}", **changes)}
    return options | {"head": summary_head(sid, text, **changes)}


def finish_index(sid: SessionId, **options: Any) -> int:
    """Run the script `finish_index` (its header says what the options do and what it answers): one round trip."""
    keys = SessionKeys(str(sid))
    names = {
        "sid": str(sid), "index_status": keys.index_status_prefix, "version": INDEX_VERSION,
        "now_us": time.time_ns() // 1000, "events": EVENTS_KEPT,
    }  # fmt: skip
    code: int = script("finish_index")(
        [keys.bots, keys.profit, keys.index("rows"), keys.index("stats"), keys.index("updated"), keys.events,
         keys.summary, *own_list_keys()],
        [msgspec.json.encode(names | options)],
    )  # fmt: skip
    if code == 1:
        note_own(str(sid))
    return code
