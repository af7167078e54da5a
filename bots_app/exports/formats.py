"""The kinds of files there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bots_app.exports.delimited import broken_row
from bots_app.exports.delimited import write as write_csv
from bots_app.exports.fields import ExportField, Piece
from bots_app.exports.lines import broken_line
from bots_app.exports.lines import write as write_ndjson
from bots_app.exports.parquet import write as write_parquet

Writer = Callable[[Sequence[ExportField], Iterable[Piece], Mapping[str, str]], Iterator[bytes]]


def _no_footer(fields: Sequence[ExportField], why: str) -> bytes:
    """Return nothing: a Parquet file without its footer is refused by every reader."""
    return b""


@dataclass(frozen=True)
class Format:
    """One kind of file; `write` takes the fields, the pieces and facts about the whole, which a file may carry.

    `broken` makes what ends a file of these fields that cannot be finished, so that nobody takes it for whole.
    """

    suffix: str
    content_type: str
    write: Writer
    broken: Callable[[Sequence[ExportField], str], bytes]


FORMATS: dict[str, Format] = {
    "csv": Format("csv", "text/csv; charset=utf-8; header=present", write_csv, broken_row),
    "ndjson": Format("ndjson", "application/x-ndjson", write_ndjson, broken_line),
    "parquet": Format("parquet", "application/vnd.apache.parquet", write_parquet, _no_footer),
}
