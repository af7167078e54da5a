"""NDJSON: a JSON object a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from bots_app.exports.fields import ExportField, Piece

_ENCODER = msgspec.json.Encoder()


def write(fields: Sequence[ExportField], pieces: Iterable[Piece], facts: Mapping[str, str]) -> Iterator[bytes]:
    """Yield the file: a line a run, null where a value is missing. Facts have no place in NDJSON."""
    names = ["configHash", *(field.name for field in fields)]
    for piece in pieces:
        columns = [piece.hashes, *(piece.columns[field.name] for field in fields)]
        yield _ENCODER.encode_lines([dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)])


def broken_line(fields: Sequence[ExportField], why: str) -> bytes:
    """Return the line that ends a file which cannot be finished: an object of one key that no run has."""
    return _ENCODER.encode_lines([{"incomplete": why}])
