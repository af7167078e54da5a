"""One page of a ranked list, read in one round trip by the script `read_page`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from dashboard.store.keys import SessionKeys
from dashboard.store.scripts import script
from dashboard.store.shared import INDEX_VERSION

#: Where a position stands: at an edge of the list, among the runs with the sort value, or among those without.
EDGE, RANKED, UNRANKED = 0, 1, 2


@dataclass(frozen=True)
class Position:
    """A place between two runs: just behind (forward) or just before (backward) the run that had this score and member.

    At the EDGE: the start of the list, or its end when backward. `score` is a text that reads back as the same double.
    """

    at: int = EDGE
    score: str = ""
    member: bytes = b""
    backward: bool = False

    def pack(self) -> list[Any]:
        """Return the position as a small JSON value; a member may hold any bytes."""
        return [int(self.backward), self.at, self.score, self.member.decode("latin-1")]

    @classmethod
    def unpack(cls, packed: list[Any]) -> Position:
        backward, at, score, member = packed
        return cls(at, score, member.encode("latin-1"), bool(backward))


@dataclass(frozen=True)
class Source:
    """The sets that a list is merged from: runs with the value, runs without, and the fixed set they must match."""

    ranked: str
    unranked: str
    fixed: str


@dataclass(frozen=True)
class PageReply:
    """What the script found; `preceding` is the number of runs in the list before the first one of the page.

    `scores` are those of every member, or, beside rows, of the first and the last one.
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

    def position(self, index: int, *, backward: bool) -> Position:
        """Return the position just behind (or before) the entry with that index on the page."""
        score = self.scores[index]
        return Position(RANKED if score else UNRANKED, score, self.members[index], backward)

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


class NotBuilt(Exception):  # noqa: N818 - a fact about the session that the caller acts on, not a failure
    """Raised when the derived keys of a session are not there yet; holds how many runs its fixed set names."""

    def __init__(self, cardinality: int) -> None:
        super().__init__(cardinality)
        self.cardinality = cardinality


def read_page(
    keys: SessionKeys,
    sources: Sequence[Source],
    *,
    position: Position,
    limit: int,
    descending: bool,
    least: float | None = None,
    most: float | None = None,
    with_rows: bool = True,
) -> PageReply | None:
    """Return a page, None when there is no such session. Raises NotBuilt.

    Cost: one round trip, O(log N + limit) a source.
    """
    options: dict[str, Any] = {
        "descending": descending, "backward": position.backward, "limit": limit, "version": INDEX_VERSION,
        "at": position.at, "score": position.score, "rows": with_rows,
    }  # fmt: skip
    if least is not None:
        options["min"] = repr(least)
    if most is not None:
        options["max"] = repr(most)
    names = [keys.bots, keys.index("rows"), keys.index("stats"), keys.summary, keys.profit, keys.index("unranked")]
    for source in sources:
        names += [source.ranked, source.unranked, source.fixed]
    reply = script("read_page")(names, [msgspec.json.encode(options), position.member])
    if reply[0] == b"missing":
        return None
    if reply[0] == b"unbuilt":
        raise NotBuilt(reply[1])
    _, revision, count, preceding, has_previous, has_next, stale, members, scores, rows = reply
    return PageReply(
        int(revision), count, preceding, bool(has_previous), bool(has_next), bool(stale), members,
        [score.decode() for score in scores], rows,
    )  # fmt: skip
