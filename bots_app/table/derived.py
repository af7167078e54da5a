"""Arrays worked out from columns and kept: row by row, so that what has changed since is worked out again and no more;
or whole, for one revision."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bots_app.table.columns import segments_of
from dashboard.store.keys import SEGMENT_ROWS

#: Arrays kept a session: a query with three filters has four.
MOST_KEPT = 64
#: The part of all segments from which on everything is worked out anew.
MOST_CHANGED = 0.25

Array = npt.NDArray[Any]
#: Returns the array's part for these rows.
Compute = Callable[[slice], Array]


@dataclass(frozen=True)
class _Kept:
    revision: int
    values: Array


class Derived:
    """The arrays of one session's generation, by what they are.

    `turn` is for what takes long to be worked out: whoever holds it does so for all who wait.
    """

    def __init__(self) -> None:
        self._lock, self.turn = threading.Lock(), threading.Lock()
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        #: Of all that is kept: asked after each request.
        self.nbytes = 0

    def drop_oldest(self) -> bool:
        """Let go of the array that was used longest ago; False when there is none."""
        with self._lock:
            if self._kept:
                self._drop()
                return True
            return False

    def _drop(self) -> None:
        _, kept = self._kept.popitem(last=False)
        self.nbytes -= kept.values.nbytes

    def get(
        self, key: Hashable, compute: Compute, *, rows: int, revision: int, changed_at: npt.NDArray[np.int64]
    ) -> Array:
        """Return the array at a revision; `changed_at` says of each segment at which it was changed last.

        `compute` has to look at every row by itself.
        """
        kept = self._get(key)
        if kept is not None and kept.revision == revision:
            return kept.values
        values = _updated(kept, compute, rows, changed_at) if kept is not None and kept.revision < revision else None
        if values is None:
            values = compute(slice(0, rows))
        self.put(key, values, revision=revision)
        return values

    def at(self, key: Hashable, *, revision: int) -> Array | None:
        """Return an array that is kept, None unless it is that of this very revision."""
        kept = self._get(key)
        return kept.values if kept is not None and kept.revision == revision else None

    def put(self, key: Hashable, values: Array, *, revision: int) -> None:
        """Keep an array, unless a newer one is kept; it is not to be changed any more."""
        values.flags.writeable = False
        with self._lock:
            known = self._kept.get(key)
            if known is None or known.revision < revision:
                self.nbytes += values.nbytes - (0 if known is None else known.values.nbytes)
                self._kept[key] = _Kept(revision, values)
                self._kept.move_to_end(key)
            while len(self._kept) > MOST_KEPT:
                self._drop()

    def _get(self, key: Hashable) -> _Kept | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)


def _updated(kept: _Kept, compute: Compute, rows: int, changed_at: npt.NDArray[np.int64]) -> Array | None:
    """Return what was kept with what has changed since worked out again, None where that is too much."""
    segments = segments_of(rows)
    changed = np.flatnonzero(changed_at[:segments] > kept.revision)
    if len(changed) > 1 + segments * MOST_CHANGED:
        return None
    values = np.empty(rows, dtype=kept.values.dtype)
    count = min(rows, len(kept.values))
    values[:count] = kept.values[:count]
    for segment in changed.tolist():
        part = slice(segment * SEGMENT_ROWS, min(rows, (segment + 1) * SEGMENT_ROWS))
        values[part] = compute(part)
    return values
