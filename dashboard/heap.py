"""Memory that nobody uses any more, but that the C library keeps for the next who asks."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache


def give_back() -> None:
    """Give it back to the system, where the library has a way to (glibc); after large arrays are done with.

    glibc keeps what each of its up to 8 heaps a core was left with: exports of a million runs, each in threads of its
    own, had a process grow from 170 to 300 MiB, and have it stay at 230 so.
    """
    if (trim := _trim()) is not None:
        trim(0)


@cache
def _trim() -> Callable[[int], object] | None:
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
