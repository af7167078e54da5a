"""Saving an edit that a page offered: not over somebody else's, but over a change that does not concern it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from dashboard.errors import PreconditionFailed, Unavailable

#: A record that is being written is read again this often before the edit is given up.
ATTEMPTS = 5


def digest(*texts: str) -> str:
    """Return what a form carries to tell later whether the texts it showed are still the stored ones."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


def save(shown: str, *, etag: Callable[[], str], stored: Callable[[], str], write: Callable[[str], object]) -> bool:
    """Write unless the stored texts are no longer those shown; return whether it was written.

    The ETag of a record changes with every number in it; when only those changed, the edit is tried again.
    """
    for _ in range(ATTEMPTS):
        version = etag()
        if stored() != shown:
            return False
        try:
            write(version)
        except PreconditionFailed:
            continue
        return True
    raise Unavailable("The record is being written too often to be edited now. Please try again.")
