"""How large an answer of the analysis may be, and what is left out so that it is not larger."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

#: Bytes of JSON, with room below 256 KiB for what every answer adds.
MOST_BYTES = 250 * 1024

Item = TypeVar("Item")


def size_of(answer: Any) -> int:
    """Return the bytes of an answer; at most so many, where it holds what UTF-8 cannot."""
    try:
        return len(msgspec.json.encode(answer))
    except UnicodeEncodeError:
        return len(json.dumps(msgspec.to_builtins(answer)))


def as_many_as_fit(items: Sequence[Item], most: int) -> list[Item]:
    """Return the first items of a JSON array of so many bytes, brackets and commas counted."""
    left, kept = most - 2, []
    for item in items:
        left -= size_of(item) + 1
        if left < 0:
            break
        kept.append(item)
    return kept
