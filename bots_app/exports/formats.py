"""The kinds of files there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bots_app.exports import delimited, lines, parquet
from bots_app.exports.fields import ExportField, Piece
from bots_app.exports.parquet import FormatMissing

Writer = Callable[[Sequence[ExportField], Iterable[Piece], Mapping[str, str]], Iterator[bytes]]

__all__ = ["FORMATS", "Format", "FormatMissing"]


@dataclass(frozen=True)
class Format:
    """One kind of file; `write` takes the fields, the pieces and facts about the whole, which a file may carry."""

    suffix: str
    content_type: str
    write: Writer


FORMATS: dict[str, Format] = {
    "csv": Format("csv", "text/csv; charset=utf-8; header=present", delimited.write),
    "ndjson": Format("ndjson", "application/x-ndjson", lines.write),
    "parquet": Format("parquet", "application/vnd.apache.parquet", parquet.write),
}
