"""Parquet, by pyarrow, which is an extra."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from bots_app.exports.fields import ExportField, Kind, Piece


class FormatMissing(Exception):  # noqa: N818 - a fact about the installation that the caller tells
    """Raised when the library that a format needs is not installed; the text says which."""


def write(fields: Sequence[ExportField], pieces: Iterable[Piece], facts: Mapping[str, str]) -> Iterator[bytes]:
    """Yield the file, a row group for each piece; facts become metadata of the file.

    Mixed fields are texts of JSON, as a column of Parquet has one type. Raises FormatMissing at once.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise FormatMissing(
            "Parquet needs the package pyarrow: install this product with its extra `parquet`."
        ) from error
    return _file(pyarrow, parquet, fields, pieces, facts)


def _file(
    pyarrow: Any, parquet: Any, fields: Sequence[ExportField], pieces: Iterable[Piece], facts: Mapping[str, str]
) -> Iterator[bytes]:
    schema = _schema(pyarrow, fields, facts)
    buffer = io.BytesIO()
    # What was yielded is dropped from the buffer, so that positions in the file are not those in the buffer.
    sink = pyarrow.PythonFile(_Sink(buffer), mode="w")
    with parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
        for piece in pieces:
            columns: list[Any] = [list(piece.hashes)]
            columns += [_values(piece.columns[field.name], field.kind) for field in fields]
            arrays = [pyarrow.array(column, one.type) for column, one in zip(columns, schema, strict=True)]
            writer.write_batch(pyarrow.record_batch(arrays, schema=schema), row_group_size=max(1, len(piece.hashes)))
            yield _drained(buffer)
    yield _drained(buffer)


class _Sink(io.RawIOBase):
    """Takes what a writer writes, and knows how much that was in all."""

    def __init__(self, buffer: io.BytesIO) -> None:
        self._buffer, self._written = buffer, 0

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        size = self._buffer.write(content)
        self._written += size
        return size

    def tell(self) -> int:
        return self._written


def _drained(buffer: io.BytesIO) -> bytes:
    content = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return content


def _schema(pyarrow: Any, fields: Sequence[ExportField], facts: Mapping[str, str]) -> Any:
    types = {
        Kind.WHOLE: pyarrow.int64(), Kind.NUMBER: pyarrow.float64(), Kind.TEXT: pyarrow.string(),
        Kind.BOOLEAN: pyarrow.bool_(), Kind.MIXED: pyarrow.string(),
    }  # fmt: skip
    named = [("configHash", pyarrow.string()), *((field.name, types[field.kind]) for field in fields)]
    return pyarrow.schema(named, metadata=dict(facts))


def _values(values: Sequence[Any], kind: Kind) -> Sequence[Any]:
    if kind is not Kind.MIXED:
        return values
    return [None if value is None else msgspec.json.encode(value).decode() for value in values]
