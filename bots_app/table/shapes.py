"""A run's fields sorted by what columns are made of: names that many runs share, numbers, texts. No Redis, no HTTP."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import takewhile

import msgspec

from bots_app.metrics import metric_paths

Value = float | int | str | bool
#: The field that every run has, and the first of each.
STATUS = "status"
#: Shapes kept in memory; a session of one program has a few.
MOST_SHAPES = 4_096


def canonical_names() -> frozenset[str]:
    """Return the names that always have a column, of the row of the list and of the metrics; fields begin with them."""
    return frozenset((STATUS, "profit", "lastUpdated", *metric_paths()))


class Shape:
    """Which fields a run has: its status, then those that are numbers in it, then its other texts and its booleans."""

    __slots__ = ("alone", "digest", "json", "names", "row")

    def __init__(self, numbers: Sequence[str], others: Sequence[str]) -> None:
        self.names = (STATUS, *numbers, *others)
        #: Short digest of the sorted names: runs with the same fields have the same, whatever is a number in them.
        self.digest = hashlib.blake2b(msgspec.json.encode(sorted(self.names)), digest_size=6).hexdigest()
        self.json = msgspec.json.encode(self.names)
        always = sum(1 for _ in takewhile(canonical_names().__contains__, self.names))
        #: What `write_runs` is told where all runs of a batch have this shape.
        self.alone = msgspec.json.encode({"digests": [self.digest], "always": always})
        #: Packs a run's values, the texts and booleans as their bits.
        self.row = struct.Struct(f"<Q{len(numbers)}d{len(others)}Q").pack


@lru_cache(MOST_SHAPES)
def shape_of(numbers: tuple[str, ...], others: tuple[str, ...]) -> Shape:
    """Return the shape of a run with these fields besides its status."""
    return Shape(numbers, others)


class Fields(Mapping[str, Value]):
    """The fields of a run by name, `status` first; numbers are finite, and whole ones near to a double."""

    __slots__ = ("_by_name", "numbers", "others", "shape", "status")

    def __init__(self, shape: Shape, status: str, numbers: Sequence[float], others: Sequence[str | bool]) -> None:
        self.shape, self.status, self.numbers, self.others = shape, status, numbers, others
        self._by_name: dict[str, Value] | None = None

    @classmethod
    def of(cls, values: Mapping[str, Value]) -> Fields:
        """Return fields given one by one, among them the status."""
        numbers: dict[str, float] = {}
        others: dict[str, str | bool] = {}
        for name, value in values.items():
            if isinstance(value, str | bool):
                others[name] = value
            else:
                numbers[name] = value
        status = str(others.pop(STATUS))
        return cls(shape_of(tuple(numbers), tuple(others)), status, list(numbers.values()), list(others.values()))

    def __getitem__(self, name: str) -> Value:
        if self._by_name is None:
            values = (self.status, *self.numbers, *self.others)
            self._by_name = dict(zip(self.shape.names, values, strict=True))
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.shape.names)

    def __len__(self) -> int:
        return len(self.shape.names)

    def __repr__(self) -> str:
        return f"Fields({dict(self)})"
