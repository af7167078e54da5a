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

from bots_app.table.alike import MOST_LABEL, Bits, Block, blocks_of
from bots_app.table.fields import fields_of
from bots_app.table.layouts import LaidOut, Layout
from bots_app.table.shapes import Fields, Shape, canonical_names
from bots_app.table.values import MISSING, bits_of, text_bits

_encode = msgspec.json.Encoder().encode
#: Texts of runs written alone that are kept in memory, with their codes.
MOST_LABELLED = 4_096
#: Sets of shapes met in one batch whose columns are kept in memory.
MOST_MIXTURES = 512

#: What a run says of itself, None where the operation says nothing (it deletes).
RunFields = Fields | LaidOut | None
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

    def told(self, count: int, blocks: Sequence[Block]) -> bytes:
        """Return the shapes of a batch as `write_runs` takes them."""
        of = [0] * count
        for shape, runs, _ in blocks:
            for run in runs:
                of[run] = self.numbers[shape]
        return msgspec.json.encode({
            "digests": list(self.shapes), "names": [shape.json.decode() for shape in self.shapes.values()],
            "of": of, "always": self.always,
        })  # fmt: skip


_mixture = lru_cache(MOST_MIXTURES)(_Mixture)


def pack(batch: Sequence[RunFields]) -> Packed:
    """Return the arguments for a batch of operations, in their order."""
    if len(batch) == 1 and isinstance(batch[0], Fields):
        return _packed_one(batch[0])
    blocks, texts, statuses = _blocks(batch)
    if len(blocks) == 1 and len(batch) == len(blocks[0].runs):
        [(shape, _, columns)] = blocks
        return Packed(shape.json, columns.tobytes(), shape.alone, _encoded(texts, statuses))
    mixture = _mixture(tuple(dict.fromkeys(block.shape for block in blocks)))
    values = _columns(mixture, len(batch), blocks).tobytes()
    return Packed(mixture.json, values, mixture.told(len(batch), blocks), _encoded(texts, statuses))


def _packed_one(fields: Fields) -> Packed:
    """Return the arguments for a single run, made without numpy, which takes longer for so little."""
    shape, (status, label) = fields.shape, _labelled(fields.status)
    bits, labels = zip(*map(_of_other, fields.others), strict=True) if fields.others else ((), ())
    row = _stored(shape.row(status, *fields.numbers, *bits))
    return Packed(shape.json, row, shape.alone, b"[1,%b]" % b",".join(dict.fromkeys((label, *filter(None, labels)))))


@lru_cache(MOST_LABELLED)
def _labelled(text: str) -> tuple[int, bytes]:
    """Return the bits of a text, and JSON of its code and itself."""
    bits = text_bits(text)
    return bits, _encode([str(bits - MISSING), text])[1:-1]


@lru_cache(MOST_LABELLED)
def _of_other(value: str | bool) -> tuple[int, bytes]:
    """Return the same of a text or boolean, without JSON where it has no label."""
    if isinstance(value, bool):
        return bits_of(value), b""
    return _labelled(value) if len(value) <= MOST_LABEL else (text_bits(value), b"")


def matrix(batch: Sequence[RunFields]) -> Matrix:
    """Return the columns of a batch of runs."""
    blocks, texts, _ = _blocks(batch)
    mixture = _mixture(tuple(dict.fromkeys(block.shape for block in blocks)))
    return Matrix(mixture.names, _columns(mixture, len(batch), blocks), list(mixture.shapes.values()), texts)


def _blocks(batch: Sequence[RunFields]) -> tuple[list[Block], dict[str, int], int]:
    """Return the columns of the runs of each shape, the bits of their texts, and how many of these are statuses."""
    alike: dict[Layout, dict[int, LaidOut]] = {}
    alone: dict[Shape, dict[int, Fields]] = {}
    statuses: list[str] = []
    for number, run in enumerate(batch):
        if type(run) is LaidOut:
            alike.setdefault(run.layout, {})[number] = run
            statuses.append(run.run.status)
        elif isinstance(run, Fields):
            alone.setdefault(run.shape, {})[number] = run
            statuses.append(run.status)
    texts = {status: text_bits(status) for status in dict.fromkeys(statuses)}
    count, blocks = len(texts), list[Block]()
    for laid in alike.values():
        more, left = blocks_of([*laid.values()], [*laid], texts)
        blocks += more
        for number in left:
            fields = fields_of(laid[number].run)
            alone.setdefault(fields.shape, {})[number] = fields
    for shape, some in alone.items():
        numbers = sorted(some)
        rows = _packed_rows(shape, [some[number] for number in numbers], texts)
        blocks.append(Block(shape, numbers, _bits(rows).T))
    # Where there are more fields than columns, those of the first runs have one, whatever way these were read in.
    blocks.sort(key=lambda block: block.runs[0])
    return blocks, texts, count


def _columns(mixture: _Mixture, count: int, blocks: Sequence[Block]) -> Bits:
    values = np.zeros((len(mixture.names), count), dtype="<u8")
    for shape, runs, some in blocks:
        values[mixture.columns[shape][:, None], np.array(runs)] = some
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
    """Return one packed row as the store has it."""
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
