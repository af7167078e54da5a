"""What an export is made of: its fields, and pieces of its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple


class Kind(StrEnum):
    """What the values of a field are over all rows of an export; each of them may be missing."""

    WHOLE = "whole"
    NUMBER = "number"
    TEXT = "text"
    BOOLEAN = "boolean"
    MIXED = "mixed"


class ExportField(NamedTuple):
    """A column of the file."""

    name: str
    kind: Kind


class Piece(NamedTuple):
    """Some rows: the configHash of each, and by field as many plain values, None where there is none."""

    hashes: Sequence[str]
    columns: Mapping[str, Sequence[Any]]
