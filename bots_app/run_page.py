"""RunPage: one page of runs, its rows ready to send."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import msgspec

from dashboard.store import cursor as cursors
from dashboard.store.pages import PageReply, Position
from dashboard.tolerant import from_bytes


@dataclass(frozen=True)
class RunPage:
    """Rows are JSON objects as stored; `first_rank` counts from 1 and is None where it would cost a walk to know."""

    rows: list[bytes]
    hashes: list[str]
    next_cursor: str | None
    previous_cursor: str | None
    #: Leads to the last page; None on it.
    last_cursor: str | None
    count: int
    first_rank: int | None
    stale: bool

    @classmethod
    def of(cls, reply: PageReply, rows: list[bytes], scope: str) -> RunPage:
        """Return the page of a reply, its cursors bound to the list."""

        def pack(position: Position | None) -> str | None:
            return cursors.encode(position.pack(), scope=scope) if position else None

        return cls(
            rows, [from_bytes(member) for member in reply.members], pack(reply.next()), pack(reply.previous()),
            pack(Position(backward=True) if reply.has_next else None), reply.count,
            reply.preceding + 1 if rows and reply.preceding >= 0 else None, reply.stale,
        )  # fmt: skip

    def body(self) -> bytes:
        """Return the whole answer as JSON; the rows are joined, not decoded."""
        parts = [b'{"bots":[', b",".join(self.rows), b'],"nextCursor":', _json(self.next_cursor)]
        parts += [b',"previousCursor":', _json(self.previous_cursor), b',"count":', str(self.count).encode()]
        parts.append(b',"stale":true}' if self.stale else b"}")
        return b"".join(parts)

    def decoded(self) -> list[dict[str, Any]]:
        """Return the rows as values."""
        return msgspec.json.decode(b"[" + b",".join(self.rows) + b"]")

    @property
    def etag(self) -> str:
        """Return the strong ETag of the body: right whoever changed what."""
        return f'"{hashlib.blake2b(self.body(), digest_size=12).hexdigest()}"'


def _json(text: str | None) -> bytes:
    return b"null" if text is None else b'"' + text.encode() + b'"'
