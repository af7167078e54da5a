"""Runs as files: rows in, bytes out, a piece at a time. No Redis, no HTTP."""

from __future__ import annotations

from bots_app.exports.delimited import MARK
from bots_app.exports.fields import ExportField, Kind, Piece
from bots_app.exports.formats import FORMATS, Format
from bots_app.exports.parquet import FormatMissing

__all__ = ["FORMATS", "MARK", "ExportField", "Format", "FormatMissing", "Kind", "Piece"]
