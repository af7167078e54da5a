"""Struct types that threads may use at the same moment."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

Kind = TypeVar("Kind", bound=type[Any])


def ready(kind: Kind) -> Kind:
    """Have msgspec look at a type of structs now, and at all types in it; return it.

    It does so when the first value is made; another thread that makes one meanwhile crashes the process (msgspec 0.22).
    """
    msgspec.json.Decoder(kind)
    return kind
