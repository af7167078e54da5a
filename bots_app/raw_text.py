"""Stored texts as they are shown: laid out when they are JSON, cut when they are long, never trusted."""

from __future__ import annotations

import json
from dataclasses import dataclass

#: Characters of a stored text that a page shows; all of it can be had from the API.
LONGEST_SHOWN = 200_000


@dataclass(frozen=True)
class RawText:
    """A stored text for a page: `is_laid_out` when it was indented for reading, `is_cut` when there is more of it."""

    text: str
    size: int
    is_laid_out: bool
    is_cut: bool


def laid_out(stored: bytes) -> RawText:
    """Return the text for a page; bytes that are no UTF-8 are shown escaped."""
    text, is_laid_out = stored.decode("utf-8", "backslashreplace"), False
    if len(stored) <= LONGEST_SHOWN:
        try:
            text, is_laid_out = json.dumps(json.loads(text), indent=2, ensure_ascii=False), True
        except (ValueError, RecursionError):
            is_laid_out = False
    # A lone surrogate, escaped in the JSON, cannot be sent as UTF-8.
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return RawText(text[:LONGEST_SHOWN], len(stored), is_laid_out, len(text) > LONGEST_SHOWN)
