"""Runs' fields made ready for the store: columns of a batch, as bytes. No Redis.

What `write_runs` takes: the names of all columns of the batch, 8 bytes a column and run (as `to_stored` writes them,
zero where a run has no such field), which fields each run has (its shape), and the texts behind the codes.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from bots_app.table.fields import canonical_names
from bots_app.table.values import MISSING, bits_of, number_of, text_bits

#: Letters up to which a text is kept beside its code: a longer one is compared, and has no label unless it is a status.
MOST_LABEL = 200
_FALSE, _TRUE = number_of(bits_of(False)), number_of(bits_of(True))

#: What a run says of itself, None where the operation says nothing (it deletes).
RunFields = Mapping[str, Any] | None


class Packed(NamedTuple):
    """The last arguments of `write_runs`; see its header."""

    #: JSON array of the columns' names.
    names: bytes
    #: Column after column, 8 bytes an operation.
    values: bytes
    #: JSON: the shape of each operation's run.
    shapes: bytes
    #: JSON array: how many texts are statuses, code, text, code, text, ...
    texts: bytes


class Matrix(NamedTuple):
    """Columns of some runs, as the store has them: the values of each name, a run after the other (uint64)."""

    names: list[str]
    values: npt.NDArray[np.uint64]
    #: Of all the runs, each once.
    shapes: list[Shape]
    #: Bits of the texts among the values.
    texts: dict[str, int]


class Shape(NamedTuple):
    """Which fields a run has: a short digest of their sorted names, and the names in JSON."""

    digest: str
    names: bytes
    #: What `write_runs` is told where all runs of a batch have this shape.
    alone: bytes


@lru_cache(4096)
def shape_of(names: tuple[str, ...]) -> Shape:
    """Return the shape of a run with these fields, in any order."""
    digest = hashlib.blake2b(msgspec.json.encode(sorted(names)), digest_size=6).hexdigest()
    always = sum(name in canonical_names() for name in names)
    return Shape(digest, msgspec.json.encode(names), msgspec.json.encode({"digests": [digest], "always": always}))


def pack(batch: Sequence[RunFields]) -> Packed:
    """Return the arguments for a batch of operations, in their order."""
    groups, texts = _groups(batch)
    statuses = len(texts)
    if len(groups) == 1 and None not in batch:
        [group] = groups
        shape = shape_of(group)
        return Packed(shape.names, _stored(_columns(batch, texts)), shape.alone, _encoded(texts, statuses))
    found = _matrix(batch, groups, texts)
    first, numbers = canonical_names(), {shape.digest: number for number, shape in enumerate(found.shapes, 1)}
    told = {
        "digests": [shape.digest for shape in found.shapes],
        "names": [shape.names.decode() for shape in found.shapes],
        "of": [0 if fields is None else numbers[shape_of(tuple(fields)).digest] for fields in batch],
        "always": sum(name in first for name in found.names),
    }
    names, values = msgspec.json.encode(found.names), found.values.tobytes()
    return Packed(names, values, msgspec.json.encode(told), _encoded(texts, statuses))


def matrix(batch: Sequence[RunFields]) -> Matrix:
    """Return the columns of a batch of runs."""
    return _matrix(batch, *_groups(batch))


def _groups(batch: Sequence[RunFields]) -> tuple[dict[tuple[str, ...], list[int]], dict[str, int]]:
    """Return the runs of each set of fields by their numbers, and the bits of their statuses."""
    groups: dict[tuple[str, ...], list[int]] = {}
    texts: dict[str, int] = {}
    for number, fields in enumerate(batch):
        if fields is not None:
            groups.setdefault(tuple(fields), []).append(number)
            status = fields["status"]
            if status not in texts:
                texts[status] = text_bits(status)
    return groups, texts


def _matrix(batch: Sequence[RunFields], groups: dict[tuple[str, ...], list[int]], texts: dict[str, int]) -> Matrix:
    first = canonical_names()
    names = sorted({name: None for group in groups for name in group}, key=lambda name: name not in first)
    places = {name: place for place, name in enumerate(names)}
    values = np.zeros((len(names), len(batch)), dtype="<u8")
    shapes = {}
    for group, numbers in groups.items():
        shape = shape_of(group)
        shapes[shape.digest] = shape
        stored = np.frombuffer(_stored(_columns([batch[number] for number in numbers], texts)), dtype="<u8")
        rows = [places[name] for name in group]
        values[np.ix_(rows, numbers)] = stored.reshape(len(group), len(numbers))
    return Matrix(names, values, list(shapes.values()), texts)


def _encoded(texts: dict[str, int], statuses: int) -> bytes:
    """Return JSON of how many texts are statuses, which come first, and of all of them behind their codes."""
    flat: list[Any] = [statuses]
    for text, bits in texts.items():
        flat += (str(bits - MISSING), text)
    return msgspec.json.encode(flat)


def _columns(runs: Sequence[Any], texts: dict[str, int]) -> bytes:
    """Return the values of runs of one shape as doubles, column after column; put down the texts among them."""
    count = len(next(iter(runs)))
    if len(runs) == 1:
        values = list(runs[0].values())
        return struct.pack(f"<{count}d", *_doubles(values, texts))
    parts = []
    form = f"<{len(runs)}d"
    for column in zip(*[run.values() for run in runs], strict=True):
        kinds = set(map(type, column))
        parts.append(struct.pack(form, *(column if kinds <= {float, int} else _doubles(column, texts))))
    return b"".join(parts)


def _doubles(values: Sequence[Any], texts: dict[str, int]) -> list[float]:
    """Return numbers, and doubles with the bits of what is none."""
    found = []
    for value in values:
        kind = type(value)
        if kind is float or kind is int:
            found.append(value)
        elif kind is str:
            found.append(_text_double(value))
            if len(value) <= MOST_LABEL:
                texts[value] = text_bits(value)
        elif kind is bool:
            found.append(_TRUE if value else _FALSE)
        else:
            found.append(number_of(bits_of(value)))
    return found


@lru_cache(65_536)
def _text_double(text: str) -> float:
    return number_of(text_bits(text))


def _stored(doubles: bytes) -> bytes:
    stored: bytes = (np.frombuffer(doubles, dtype="<u8") ^ np.uint64(MISSING)).tobytes()
    return stored
