"""RunPage: one page of runs, its rows ready to send."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from bots_app.table.ordering import TablePosition
from bots_app.table.query import TablePage
from dashboard.store import cursor as cursors
from dashboard.store.pages import PageReply, Position
from dashboard.structs import ready


@ready
class _Named(msgspec.Struct):
    """Of a row, what it is called."""

    configHash: str


@dataclass
class RunPage:
    """Rows are JSON objects as stored; what only some readers of a page want is made when it is asked for."""

    rows: Sequence[bytes]
    reply: PageReply | TablePage
    #: Name of the list, which its cursors are bound to.
    scope: str

    def __post_init__(self) -> None:
        #: The cursor of the page after this one, None on the last.
        self.next_cursor = self._cursor(self.reply.next())
        #: The cursor of the page before this one, None on the first.
        self.previous_cursor = self._cursor(self.reply.previous())

    @property
    def count(self) -> int:
        """Return the number of runs in the whole list."""
        return self.reply.count

    @property
    def stale(self) -> bool:
        """Tell whether another program wrote runs that the derived keys do not know yet."""
        return self.reply.stale

    @property
    def scores(self) -> dict[str, list[float | None]]:
        """Return the plateau scores of the rows, as far as they were asked for."""
        return self.reply.scores if isinstance(self.reply, TablePage) else {}

    @property
    def first_rank(self) -> int | None:
        """Return the place in the list of the first row, from 1; None where it would cost a walk to know."""
        return self.reply.preceding + 1 if self.rows and self.reply.preceding >= 0 else None

    @property
    def hashes(self) -> list[str]:
        """Return the configHash of each row."""
        return [row.configHash for row in msgspec.json.decode(self._joined(), type=list[_Named])]

    @property
    def last_cursor(self) -> str | None:
        """Return the cursor of the last page, None on it."""
        return self._cursor(self.reply.end())

    def _cursor(self, position: Position | TablePosition | None) -> str | None:
        return cursors.encode(position.pack(), scope=self.scope) if position else None

    def body(self) -> bytes:
        """Return the whole answer as JSON; the rows are joined, not decoded."""
        parts = [b'{"bots":[', b",".join(self.rows), b'],"nextCursor":', _json(self.next_cursor)]
        parts += [b',"previousCursor":', _json(self.previous_cursor), b',"count":', str(self.count).encode()]
        parts.append(b',"stale":true}' if self.stale else b"}")
        return b"".join(parts)

    def decoded(self) -> list[dict[str, Any]]:
        """Return the rows as values."""
        return msgspec.json.decode(self._joined())

    def _joined(self) -> bytes:
        return b"[%b]" % b",".join(self.rows)

    @property
    def etag(self) -> str:
        """Return the strong ETag of the body: right whoever changed what."""
        return f'"{hashlib.blake2b(self.body(), digest_size=12).hexdigest()}"'


def _json(text: str | None) -> bytes:
    return b"null" if text is None else b'"' + text.encode() + b'"'
