"""Runs' fields made ready for the store: columns of a batch, as bytes. No Redis.

What `write_runs` takes: the names of all columns of the batch, 8 bytes a column and run (as `to_stored` writes them,
zero where a run has no such field), which fields each run has (its shape), and the texts behind the codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from bots_app.table.shapes import Fields, Shape, canonical_names
from bots_app.table.values import MISSING, bits_of, text_bits

#: Letters up to which a text is kept beside its code: a longer one is compared, and has no label unless it is a status.
MOST_LABEL = 200
_encode = msgspec.json.Encoder().encode
#: Sets of shapes met in one batch whose columns are kept in memory.
MOST_MIXTURES = 512

#: What a run says of itself, None where the operation says nothing (it deletes).
RunFields = Fields | None
Bits = npt.NDArray[np.uint64]
_MISSING = np.uint64(MISSING)


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
    values: Bits
    #: Of all the runs, each once.
    shapes: list[Shape]
    #: Bits of the texts among the values.
    texts: dict[str, int]


class _Mixture:
    """What is the same for all batches with runs of these shapes."""

    def __init__(self, shapes: tuple[Shape, ...]) -> None:
        first = canonical_names()
        names = dict.fromkeys(chain.from_iterable(shape.names for shape in shapes))
        self.names = sorted(names, key=lambda name: name not in first)
        self.json = msgspec.json.encode(self.names)
        self.always = sum(name in first for name in self.names)
        places = {name: place for place, name in enumerate(self.names)}
        self.columns = {shape: np.array([places[name] for name in shape.names]) for shape in shapes}
        #: Each digest once: the same names in another order are no other shape.
        self.shapes = {shape.digest: shape for shape in shapes}
        self.numbers = {shape: 1 + list(self.shapes).index(shape.digest) for shape in shapes}

    def told(self, batch: Sequence[RunFields]) -> bytes:
        """Return the shapes of a batch as `write_runs` takes them."""
        return msgspec.json.encode({
            "digests": list(self.shapes), "names": [shape.json.decode() for shape in self.shapes.values()],
            "of": [0 if fields is None else self.numbers[fields.shape] for fields in batch], "always": self.always,
        })  # fmt: skip


_mixture = lru_cache(MOST_MIXTURES)(_Mixture)


def pack(batch: Sequence[RunFields]) -> Packed:
    """Return the arguments for a batch of operations, in their order."""
    groups, texts = _groups(batch)
    statuses = len(texts)
    if len(groups) == 1 and len(batch) == len(next(iter(groups.values()))):
        [(shape, runs)] = groups.items()
        packed = _packed_rows(shape, [fields for _, fields in runs], texts)
        values = _stored(packed[0]) if len(packed) == 1 else _bits(packed).T.tobytes()
        return Packed(shape.json, values, shape.alone, _encoded(texts, statuses))
    mixture = _mixture(tuple(groups))
    values = _columns(mixture, len(batch), groups, texts).tobytes()
    return Packed(mixture.json, values, mixture.told(batch), _encoded(texts, statuses))


def matrix(batch: Sequence[RunFields]) -> Matrix:
    """Return the columns of a batch of runs."""
    groups, texts = _groups(batch)
    mixture = _mixture(tuple(groups))
    return Matrix(mixture.names, _columns(mixture, len(batch), groups, texts), list(mixture.shapes.values()), texts)


_Groups = dict[Shape, list[tuple[int, Fields]]]


def _groups(batch: Sequence[RunFields]) -> tuple[_Groups, dict[str, int]]:
    """Return the runs of each shape with their numbers, and the bits of their statuses."""
    groups: _Groups = {}
    texts: dict[str, int] = {}
    for number, fields in enumerate(batch):
        if fields is not None:
            groups.setdefault(fields.shape, []).append((number, fields))
            texts[fields.status] = 0
    for status in texts:
        texts[status] = text_bits(status)
    return groups, texts


def _columns(mixture: _Mixture, count: int, groups: _Groups, texts: dict[str, int]) -> Bits:
    values = np.zeros((len(mixture.names), count), dtype="<u8")
    for shape, runs in groups.items():
        numbers = np.array([number for number, _ in runs])
        values[mixture.columns[shape][:, None], numbers] = _bits(
            _packed_rows(shape, [fields for _, fields in runs], texts)
        ).T
    return values


def _packed_rows(shape: Shape, runs: Sequence[Fields], texts: dict[str, int]) -> list[bytes]:
    """Return the values of each run of one shape; put down the texts among them."""
    bits: dict[str | bool, int] = {}
    for other in dict.fromkeys(chain.from_iterable(run.others for run in runs)):
        if isinstance(other, bool):
            bits[other] = bits_of(other)
        else:
            bits[other] = text_bits(other)
            if len(other) <= MOST_LABEL:
                texts[other] = bits[other]
    return [shape.row(texts[run.status], *run.numbers, *map(bits.__getitem__, run.others)) for run in runs]


def _bits(rows: Sequence[bytes]) -> Bits:
    """Return packed rows of one length as the store has them."""
    bits: Bits = np.frombuffer(b"".join(rows), dtype="<u8").reshape(len(rows), -1) ^ _MISSING
    return bits


def _stored(row: bytes) -> bytes:
    """Return one packed row as the store has it, without numpy, which takes longer for so little."""
    size = len(row)
    return (int.from_bytes(row, "little") ^ _missing(size)).to_bytes(size, "little")


@lru_cache(MOST_MIXTURES)
def _missing(size: int) -> int:
    return int.from_bytes(MISSING.to_bytes(8, "little") * (size // 8), "little")


def _encoded(texts: dict[str, int], statuses: int) -> bytes:
    """Return JSON of how many texts are statuses, which come first, and of all of them behind their codes."""
    flat: list[Any] = [statuses]
    for text, bits in texts.items():
        flat += (str(bits - MISSING), text)
    return _encode(flat)
