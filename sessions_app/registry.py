"""SessionRegistry: the door to sessions and their summaries."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import Any

import msgspec

from dashboard.errors import PreconditionFailed, SessionNotFound, StoreUnavailable, Unavailable
from dashboard.store.answers import answers
from dashboard.store.client import KeyTypeError, client
from dashboard.store.keys import SessionKeys
from dashboard.store.scripts import script
from dashboard.store.session_list import note_own, own_list_keys
from dashboard.store.shared import EVENTS_KEPT, INDEX_VERSION
from dashboard.store.time_limit import in_steps
from sessions_app.catalogue import SessionCatalogue
from sessions_app.deleting import Deletion
from sessions_app.query import SessionQuery
from sessions_app.records import SessionId, SessionSummary, read_summary, summary_head
from sessions_app.session_order import SessionsFound
from sessions_app.summaries import made_from_indexes, sha_of

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
                return Deletion(sid, progress).run()
        except StoreUnavailable as error:
            raise StoreUnavailable(
                f"{error} The deletion of session {sid} has not ended; delete it again.",
                retry_after_s=error.retry_after_s,
            ) from error

    def _summary(self, sid: SessionId, text: bytes | None) -> SessionSummary:
        summary = read_summary(sid, text)
        if summary is None or summary.unreadable:
            [summary] = made_from_indexes([(sid, summary)])
        if summary is None:
            raise SessionNotFound(sid)
        return summary


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
