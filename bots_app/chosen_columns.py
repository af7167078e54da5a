"""The columns of some rows of a session's table as its analysis takes them: numbers, or labels. No Redis, no HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np

from bots_app.analysis.sweep.columns import Parameter
from bots_app.table.query import label_of
from bots_app.table.snapshot import Snapshot, UnknownField
from bots_app.table.values import MISSING, Floats, Mask, bits_in
from dashboard.errors import InvalidParameter

#: Different values of a field, some numbers and some texts, up to which each is a label; of more, its numbers count.
MOST_MIXED = 1_000
#: Texts that are put in the order of their letters; more are names, and in no order.
MOST_SORTED = 10_000
#: Different values that are looked for one after another.
FEW_VALUES = 12


class Labels(Sequence[str]):
    """The texts behind the bits of values, each looked up when it is asked for."""

    def __init__(self, snapshot: Snapshot, bits: np.ndarray) -> None:
        self._snapshot, self._bits = snapshot, bits

    def __len__(self) -> int:
        return len(self._bits)

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> list[str]: ...

    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            return [label(self._snapshot, bits) for bits in self._bits[place].tolist()]
        return label(self._snapshot, int(self._bits[place]))


class Columns:
    """The columns of a snapshot's rows that a mask chooses."""

    def __init__(self, snapshot: Snapshot, rows: Mask) -> None:
        self.snapshot = snapshot
        self.runs = int(np.count_nonzero(rows))
        self.rows = rows
        self._is_whole = self.runs == len(rows)

    def values(self, name: str, *, parameter: str = "fields") -> Floats:
        """Return the values of a field, texts and all. Raises UnknownField, of the parameter that named it."""
        if not self.snapshot.has(name):
            raise UnknownField(name, self.snapshot.names(), parameter=parameter)
        values = self.snapshot.column(name)
        return values if self._is_whole else values[self.rows]

    def numbers(self, name: str, *, parameter: str = "fields") -> Floats:
        """Return a field, NaN where it is no number. Raises InvalidParameter for one that is a number in no run."""
        values = self.values(name, parameter=parameter)
        if self.snapshot.has_others(name) and not self.snapshot.has_numbers(name):
            raise InvalidParameter(parameter, f"{name} is a number in no run; give a field of numbers, such as profit.")
        return values

    def parameter(self, name: str, *, parameter: str = "fields") -> Parameter:
        """Return a field as a parameter, with labels where some runs have a text or a boolean. Raises UnknownField."""
        values = self.values(name, parameter=parameter)
        if not self.snapshot.has_others(name):
            return Parameter(name, values)
        bits = bits_in(np.ascontiguousarray(values))
        present = distinct_bits(bits)
        if len(present) > MOST_MIXED and self.snapshot.has_numbers(name):
            return Parameter(name, values)
        if len(present) > MOST_SORTED:
            return Parameter(name, _codes(bits, present, np.arange(len(present))), Labels(self.snapshot, present))
        labels = [label(self.snapshot, found) for found in present.tolist()]
        order = sorted(range(len(labels)), key=lambda place: (labels[place], int(present[place])))
        ranks = np.empty(len(order), dtype=np.intp)
        ranks[order] = np.arange(len(order))
        return Parameter(name, _codes(bits, present, ranks), [labels[place] for place in order])

    def varies(self, name: str) -> bool:
        """Tell whether runs differ in a field; to have it and to lack it is a difference too."""
        if not self.runs or not self.snapshot.has(name):
            return False
        bits = bits_in(np.ascontiguousarray(self.values(name)))
        return bool((bits != bits[0]).any())


def distinct_bits(bits: np.ndarray) -> np.ndarray:
    """Return the different values, as bits, in their order, without the missing one."""
    left = bits[bits != np.uint64(MISSING)]
    found: list[np.uint64] = []
    # To take one value out after another is quicker than to sort them all, where they are few.
    while len(left) and len(found) < FEW_VALUES:
        found.append(left[0])
        left = left[left != left[0]]
    return np.union1d(np.array(found, dtype=np.uint64), left)


def label(snapshot: Snapshot, bits: int) -> str:
    """Return what a value is called: a text itself, a number by its digits, `true` or `false`."""
    found = label_of(snapshot, bits)
    return found.lower() if snapshot.label(bits) in (True, False) else found.removesuffix(".0")


def _codes(bits: np.ndarray, present: np.ndarray, ranks: np.ndarray) -> Floats:
    """Return the rank of every value, which is one of those present, NaN for a missing one."""
    known = np.union1d(present, np.uint64(MISSING))
    of_known = np.insert(ranks.astype(np.float64), np.searchsorted(present, np.uint64(MISSING)), np.nan)
    return of_known[np.searchsorted(known, bits)]
