"""Freeing large keys that nobody uses any more, so that nobody else is held up.

UNLINK leaves a key to a thread of the server. Where memory comes from glibc as it is, that thread gathers up what it
has freed now and then while every command that needs memory waits: half a second, for a million entries. There keys are
freed a bounded number of entries at a time: what is freed in small steps is gathered up in small steps.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from dashboard.store.client import client, translated
from dashboard.store.lazy_free import can_free_beside
from dashboard.store.scripts import script
from dashboard.store.shared import chunked

#: Entries of a hash that one call frees, and calls sent together. A scan may pass ten empty places for every entry
#: it is to find: so few take a fraction of a millisecond mostly, and some milliseconds where a table shrinks.
FREED, TOGETHER = 100, 8
#: Names asked for in one round trip.
ASKED = 200


def free(names: Iterable[Any], *, between: Callable[[], object] = lambda: None) -> int:
    """Free keys, most of which may not exist; return how many did. Calls `between` now and then.

    Nobody may read or write them any more; several may free the same ones. Cost where a server cannot free them beside
    others' commands: some 3 us an entry, of its time half of that, in steps between which others have their turn.
    Raises StoreUnavailable.
    """
    found = _existing(names)
    if found and can_free_beside():
        _unlink(found, between)
    else:
        _free_in_steps(found, between)
    return len(found)


def _unlink(names: Iterable[Any], between: Callable[[], object]) -> None:
    for some in chunked(names, ASKED):
        pipe = client().pipeline()
        for name in some:
            pipe.unlink(name)
        pipe.execute()
        between()


def _free_in_steps(names: Iterable[Any], between: Callable[[], object]) -> None:
    waiting, going = deque(names), dict[Any, bytes]()
    while waiting or going:
        while waiting and len(going) < TOGETHER:
            going[waiting.popleft()] = b"0"
        answers = script("free_some").each([([name], [cursor, FREED]) for name, cursor in going.items()])
        for name, answer in zip(list(going), answers, strict=True):
            if isinstance(answer, Exception):
                with translated():
                    raise answer
            if answer:
                going[name] = answer
            else:
                del going[name]
        between()


def _existing(names: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for some in chunked(names, ASKED):
        pipe = client().pipeline()
        for name in some:
            pipe.exists(name)
        found += [name for name, is_there in zip(some, pipe.execute(), strict=True) if is_there]
    return found
