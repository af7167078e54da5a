"""What a column of the sweep table says of runs, in plain values. No Redis, no HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from bots_app.exports.fields import Kind
from bots_app.table.snapshot import Snapshot
from bots_app.table.values import FALSE, MISSING, TRUE, Floats, bits_in
from dashboard.tolerant import clean_text

#: Rows looked at together where a whole column is: more take memory, and no less time.
PART = 65_536
#: Beyond it a double no longer tells whole numbers apart.
MOST_WHOLE = 2.0**53

Labels = Mapping[int, str | bool]


class ColumnReader:
    """Tells what the values of one column are, all of which it tells exactly; see `reader_of`."""

    def __init__(self, kind: Kind, labels: Labels, *, is_whole: bool = False) -> None:
        self.kind, self._labels, self._is_whole = kind, labels, is_whole

    def plain(self, values: Floats) -> list[Any]:
        """Return some values of the column as plain ones, None where one is missing."""
        is_number = values == values
        if is_number.all():
            return self._numbers(values)
        plain: npt.NDArray[Any] = np.full(len(values), None, dtype=object)
        plain[is_number] = self._numbers(values[is_number])
        if self._labels:
            is_other = ~is_number & (bits_in(values) != np.uint64(MISSING))
            plain[is_other] = [self._labels[bits] for bits in bits_in(values[is_other]).tolist()]
        return plain.tolist()

    def _numbers(self, numbers: Floats) -> list[Any]:
        return (numbers.astype(np.int64) if self._is_whole else numbers).tolist()


def reader_of(snapshot: Snapshot, name: str, values: Floats) -> ColumnReader | None:
    """Return what reads a column, given all its values; None where only the records tell all of them exactly.

    So it is with texts that are too many or too long to be kept, and with whole numbers beyond 2**53. Whether numbers
    are whole is decided by all runs of the session, so that parts of an export have the same types. Cost: two passes
    over the column.
    """
    codes = codes_in(values, most=len(snapshot.texts()) + len((FALSE, TRUE))) if snapshot.has_others(name) else set()
    found = {bits: label for bits in codes if (label := snapshot.label(bits)) is not None}
    labels = {bits: clean_text(label) if isinstance(label, str) else label for bits, label in found.items()}
    if len(labels) < len(codes):
        return None
    if not snapshot.has_numbers(name):
        return ColumnReader(_kind_of_labels(labels), labels)
    is_whole, greatest = _measure(values)
    if is_whole and greatest > MOST_WHOLE:
        return None
    kind = Kind.MIXED if labels else Kind.WHOLE if is_whole else Kind.NUMBER
    return ColumnReader(kind, labels, is_whole=is_whole)


def _kind_of_labels(labels: Labels) -> Kind:
    kinds = {isinstance(label, bool) for label in labels.values()}
    if len(kinds) > 1:
        return Kind.MIXED
    return Kind.BOOLEAN if kinds == {True} else Kind.TEXT if kinds else Kind.NUMBER


def codes_in(values: Floats, *, most: int) -> set[int]:
    """Return the bits of all texts and booleans of a column; of more than `most`, just enough to tell that."""
    found: set[int] = set()
    for part in _parts(values):
        bits = bits_in(part[np.isnan(part)])
        found.update(np.unique(bits[bits != np.uint64(MISSING)]).tolist())
        if len(found) > most:
            break
    return found


def _measure(values: Floats) -> tuple[bool, float]:
    """Return whether all numbers are whole, and the greatest distance of one from 0."""
    greatest = 0.0
    for part in _parts(values):
        numbers = part[part == part]
        if not len(numbers):
            continue
        if not np.array_equal(np.trunc(numbers), numbers):
            return False, greatest
        greatest = max(greatest, float(np.abs(numbers).max()))
    return True, greatest


def _parts(values: Floats) -> Iterator[Floats]:
    for start in range(0, len(values), PART):
        yield values[start : start + PART]
