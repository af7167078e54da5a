"""CSV (RFC 4180) that no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from bots_app.exports.fields import ExportField, Kind, Piece

#: What makes a spreadsheet read a text as a formula, at its beginning (OWASP, "CSV injection"; ASVS 1.2.10).
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")
#: What such a text has put before it.
MARK = "'"


def write(fields: Sequence[ExportField], pieces: Iterable[Piece], facts: Mapping[str, str]) -> Iterator[bytes]:
    """Yield the file: a header, then a line a run; a missing value is an empty cell, a boolean true or false,
    a list its JSON.

    A text that a spreadsheet would take for a formula has an apostrophe put before it. Facts have no place in CSV.
    """
    yield _lines([[harmless("configHash"), *(harmless(field.name) for field in fields)]])
    has_texts = [field.kind not in (Kind.WHOLE, Kind.NUMBER) for field in fields]
    for piece in pieces:
        columns = [
            list(map(_cell, piece.columns[field.name])) if is_text else piece.columns[field.name]
            for field, is_text in zip(fields, has_texts, strict=True)
        ]
        yield _lines(zip(map(harmless, piece.hashes), *columns, strict=True))


def broken_row(fields: Sequence[ExportField], why: str) -> bytes:
    """Return the line that ends a file which cannot be finished: it has a cell too many, which readers refuse."""
    return _lines([[f"incomplete: {why}", *("" for _ in fields), "incomplete"]])


def harmless(text: str) -> str:
    """Return the text, with an apostrophe before it if a spreadsheet would take it for a formula."""
    return f"{MARK}{text}" if text.startswith(FORMULA) else text


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        value = msgspec.json.encode(value).decode()
    return harmless(value) if isinstance(value, str) else value


def _lines(rows: Iterable[Sequence[Any]]) -> bytes:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\r\n").writerows(rows)
    return buffer.getvalue().encode("utf-8", "replace")
