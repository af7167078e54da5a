"""Parquet, by pyarrow, which is an extra."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from bots_app.exports.arrow import array, types
from bots_app.exports.fields import ExportField, Kind, Piece

#: Rows of a row group, held until it is full, and bytes that make it full too: readers want many, memory few.
GROUP_ROWS, GROUP_BYTES = 16_384, 8_000_000


class FormatMissing(Exception):  # noqa: N818 - a fact about the installation that the caller tells
    """Raised when the library that a format needs is not installed; the text says which."""


def write(fields: Sequence[ExportField], pieces: Iterable[Piece], facts: Mapping[str, str]) -> Iterator[bytes]:
    """Yield the file, a row group at a time; facts become metadata of the file.

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
    # A dictionary of numbers that are all different takes room in the file, and 12 MB of memory.
    texts = [field.name for field in fields if field.kind in (Kind.TEXT, Kind.MIXED)]
    with parquet.ParquetWriter(sink, schema, compression="zstd", use_dictionary=texts or False) as writer:
        for batches in _groups(_batch(pyarrow, schema, fields, piece) for piece in pieces):
            table = pyarrow.Table.from_batches(batches, schema)
            writer.write_table(table, row_group_size=max(1, table.num_rows))
            yield _drained(buffer)
    yield _drained(buffer)


def _batch(pyarrow: Any, schema: Any, fields: Sequence[ExportField], piece: Piece) -> Any:
    arrays = [array(pyarrow, piece.columns[field.name], field.kind) for field in fields]
    return pyarrow.RecordBatch.from_arrays([array(pyarrow, piece.hashes, Kind.TEXT), *arrays], schema=schema)


def _groups(batches: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield batches that make a row group together."""
    group: list[Any] = []
    rows = size = 0
    for batch in batches:
        group.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= GROUP_ROWS or size >= GROUP_BYTES:
            yield group
            group, rows, size = [], 0, 0
    if group:
        yield group


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
    kinds = types(pyarrow)
    named = [("configHash", kinds[Kind.TEXT]), *((field.name, kinds[field.kind]) for field in fields)]
    return pyarrow.schema(named, metadata=dict(facts))
