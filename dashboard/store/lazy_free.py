"""Whether a server may be left to free a large key in a thread of its own, beside what others ask of it.

Memory from jemalloc, which servers are built with, bears it. That from glibc does where it joins small pieces as they
are freed (see `embedded_memory`). Where it does not, it gathers them up now and then, and every command that needs
memory waits: a tenth of a second for some 300,000 entries.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import redis

from dashboard.store.client import client
from dashboard.store.embedded_memory import TUNABLES


def can_free_beside() -> bool:
    """Tell whether UNLINK of a large key holds nobody up, of a cluster on all of its servers; false if it is not known.

    Cost: one round trip to each server. Raises StoreUnavailable.
    """
    try:
        return all(_bears_it(server) for server in client().servers())
    except redis.ResponseError:
        return False  # it does not let this user ask


def _bears_it(server: Any) -> bool:
    found = server.info()
    return "jemalloc" in str(found.get("mem_allocator", "")) or _is_told_to_join(found.get("process_id"))


def _is_told_to_join(process_id: Any) -> bool:
    """Tell whether a server of this machine and this user, as the embedded one is, was started with our tunables."""
    try:
        environ = Path(f"/proc/{int(process_id)}/environ").read_bytes()
    except (OSError, TypeError, ValueError):
        return False
    # glibc may have cut what it was told into pieces there; of what is told twice the last counts.
    name = TUNABLES.partition("=")[0].encode()
    told = [one for one in re.split(rb"[\0:]|GLIBC_TUNABLES=", environ) if one.startswith(name)]
    return told[-1:] == [TUNABLES.encode()]
