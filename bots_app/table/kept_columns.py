"""Which fields of a session get a column, where all of its runs are looked at: the more frequent ones. No Redis.

Up to twice as many as there is room for are written meanwhile and counted, so that what is left out in the end is known
to be the rarest. Only where there are still more different fields is one left out before all runs have been seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bots_app.table.shapes import canonical_names

#: Columns of a session, how many of them are kept free for the names that always have one, and names told of that have
#: none: as in table_columns.lua.
MOST_COLUMNS, RESERVED, MOST_OMITTED = 500, 20, 1_000
#: Columns that are written until all runs have been seen, 32 KiB each of the segment at hand; and names that are known
#: to have been left out: beyond, no name that is new gets a column.
MOST_WRITTEN, MOST_LEFT_OUT = 1_000, 20_000


class KeptColumns:
    """Counts in how many runs each field is, and says which of them have a column so far."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._left_out: set[str] = set()
        self._always = canonical_names()
        #: By how many runs the rarest field kept is before the commonest left out; 0 also where that is not known.
        self.gap = 0

    def count(self, counts: Mapping[str, int]) -> tuple[list[str], list[str]]:
        """Take in how many of some runs have each field; return names that get a column, and that lose theirs."""
        known, added = self._counts, {}
        for name, count in counts.items():
            if name in known:
                known[name] += count
            elif name in self._always or (name not in self._left_out and len(self._left_out) < MOST_LEFT_OUT):
                added[name] = count
        if not added:
            return [], []
        before = set(known)
        known |= added
        lost = self._rarest(MOST_WRITTEN)
        self._leave_out(lost)
        return [name for name in added if name in known], [name for name in lost if name in before]

    def merge(self, other: KeptColumns) -> list[str]:
        """Count in the runs of another one; return the names that have lost their column, here or there, or lose it."""
        left_out = self._left_out | other._left_out
        lost = [name for name in {**self._counts, **other._counts} if self._lacks(name) or other._lacks(name)]
        for name, count in other._counts.items():
            self._counts[name] = self._counts.get(name, 0) + count
        for name in lost:
            del self._counts[name]
        left_out.update(lost)
        self._left_out = set(sorted(left_out)[:MOST_LEFT_OUT])
        return sorted(left_out)

    def _lacks(self, name: str) -> bool:
        """Tell whether some run may have a field that was not counted."""
        is_full = len(self._left_out) >= MOST_LEFT_OUT
        return name in self._left_out or (is_full and name not in self._counts and name not in self._always)

    def has(self, name: str) -> bool:
        return name in self._counts

    def is_complete(self) -> bool:
        """Tell whether every field met so far has a column."""
        return not self._left_out

    def settle(self) -> list[str]:
        """Return the names that lose their column now that all runs have been seen."""
        most = MOST_COLUMNS - RESERVED
        lost = self._rarest(most) if len(self._counts) > most else []
        if lost and self.is_complete():
            kept = self._counts.keys() - self._always - {*lost}
            self.gap = min((self._counts[name] for name in kept), default=0) - self._counts[lost[0]]
        self._leave_out(lost)
        return lost

    def omitted(self) -> list[str]:
        """Return some of the names that have no column."""
        return sorted(self._left_out)[:MOST_OMITTED]

    def _rarest(self, most: int) -> list[str]:
        """Return the names beyond the most frequent ones; of those met in as many runs, the later ones."""
        names = [name for name in self._counts if name not in self._always]
        room = max(0, most - (len(self._counts) - len(names)))
        return sorted(names, key=lambda name: -self._counts[name])[room:]

    def _leave_out(self, names: Iterable[str]) -> None:
        for name in names:
            del self._counts[name]
            if len(self._left_out) < MOST_LEFT_OUT:
                self._left_out.add(name)
