"""One page of a ranked list, read in one round trip by the script `read_page`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.store.lean import Command, read
from dashboard.store.scripts import script
from dashboard.store.shared import INDEX_VERSION

#: Where a position stands: at an edge of the list, among the runs with the sort value, or among those without.
EDGE, RANKED, UNRANKED = 0, 1, 2


class Position(msgspec.Struct, frozen=True):
    """A place between two runs: just behind (forward) or just before (backward) the run that had this score and member.

    At the EDGE: the start of the list, or its end when backward. `score` is a text that reads back as the same double.
    `offset` is how many runs of the list were before that run, of a merged list in each source, with spaces between;
    None if nobody knows: its place is found sooner where it is not.
    """

    at: int = EDGE
    score: str = ""
    member: bytes = b""
    backward: bool = False
    offset: int | str | None = None

    def pack(self) -> list[Any]:
        """Return the position as a small JSON value; a member may hold any bytes."""
        return [int(self.backward), self.at, self.score, self.member.decode("latin-1"), self.offset]

    @classmethod
    def unpack(cls, packed: list[Any]) -> Position:
        backward, at, score, member, offset = packed
        return cls(at, score, member.encode("latin-1"), bool(backward), offset)


class Source(NamedTuple):
    """The sets that a list is merged from: runs with the value, runs without, and the fixed set they must match."""

    ranked: str
    unranked: str
    fixed: str


class PageReply(msgspec.Struct, frozen=True):
    """What the script found; `preceding` is the number of runs in the list before the first one of the page.

    `scores` are those of the first and the last run, as far as a neighbouring page begins there; `members` are these
    two when each run has its row. `places`, of a merged list, are theirs in each source.
    """

    revision: int
    count: int
    preceding: int
    has_previous: bool
    has_next: bool
    stale: bool
    members: list[bytes]
    scores: list[str]
    rows: list[bytes | None]
    places: Sequence[bytes] = ()

    def position(self, index: int, *, backward: bool) -> Position:
        """Return the position just behind (or before) the entry with that index on the page."""
        score = self.scores[index]
        offset: int | str
        if self.places:
            offset = self.places[index].decode()
        else:
            offset = self.preceding + (index if index >= 0 else len(self.rows or self.members) + index)
        return Position(RANKED if score else UNRANKED, score, self.members[index], backward, offset)

    def next(self) -> Position | None:
        """Return where the next page starts, None on the last one."""
        if not self.has_next:
            return None
        return self.position(-1, backward=False) if self.members else Position()

    def previous(self) -> Position | None:
        """Return where the previous page ends, None on the first one."""
        if not self.has_previous:
            return None
        return self.position(0, backward=True) if self.members else Position(backward=True)

    def end(self) -> Position | None:
        """Return where the last page ends, None on it."""
        return Position(backward=True) if self.has_next else None


class NotBuilt(Exception):  # noqa: N818 - a fact about the session that the caller acts on, not a failure
    """Raised when the derived keys of a session are not there yet; holds how many runs its fixed set names."""

    def __init__(self, cardinality: int) -> None:
        super().__init__(cardinality)
        self.cardinality = cardinality


class RankedList:
    """A ranked list of a session, merged from its sources; what every call for a page of it begins with is packed once.

    `least` and `most` are the bounds of the sort value, None where it is open.
    """

    def __init__(
        self, keys: SessionKeys, sources: Iterable[Source], *, descending: bool,
        least: float | None = None, most: float | None = None,
    ) -> None:  # fmt: skip
        names = [keys.bots, keys.index("rows"), keys.index("stats"), keys.summary, keys.profit, keys.index("unranked")]
        for source in sources:
            names += source
        bounds = ("" if bound is None else repr(bound) for bound in (least, most))
        self._script = script("read_page")
        self._command = self._script.command(names, [INDEX_VERSION, int(descending), *bounds], rest=6)

    def read(self, position: Position, limit: int) -> PageReply | None:
        """Return a page, None when there is no such session. Raises NotBuilt.

        Cost: one round trip, O(log N + limit) a source.
        """
        offset = "" if position.offset is None else position.offset
        rest = (int(position.backward), limit, position.at, position.score, position.member, offset)
        reply = self._script.read(self._command, rest)
        if reply[0] == b"missing":
            return None
        if reply[0] == b"unbuilt":
            raise NotBuilt(reply[1])
        _, revision, count, preceding, has_previous, has_next, stale, members, scores, rows, places = reply
        return PageReply(
            int(revision), count, preceding, has_previous == 1, has_next == 1, stale == 1, members,
            [score.decode() for score in scores], rows, places,
        )  # fmt: skip


def read_rows(keys: SessionKeys, hashes: Sequence[str]) -> list[bytes | None]:
    """Return the row of each run, ready to send; None of one that the list does not know. One round trip."""
    if not hashes:
        return []
    found: list[bytes | None] = read(client(), _rows_command(keys.index("rows"), len(hashes)), hashes)
    return found


@lru_cache(1024)
def _rows_command(key: str, count: int) -> Command:
    return Command(("HMGET", key), rest=count)
