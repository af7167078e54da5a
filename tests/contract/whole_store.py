"""Everything that the store holds of the session of these tests, to be compared."""

from __future__ import annotations

import json
from typing import Any

from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.tolerant import from_bytes
from tests.contract.model import SID, told
from tests.contract.table_model import stored_table

#: Numbers of the hash of stats that depend on the time, or on how runs came and went.
GROWING = (b"revision", b"table", b"rows", b"width", b"told", b"in_tail")


def everything() -> dict[str, Any]:
    """Return what every key holds but for the numbers that grow with time; of the table what it says of each run."""
    found: dict[str, Any] = {"table": stored_table()}
    for name in map(from_bytes, client().keys("*")):
        kind = from_bytes(client().type(name))
        if name.startswith(("bot_registry:sessions", SessionKeys(SID).table_prefix)):
            continue
        if kind == "stream":
            found[name] = [(one.name, json.loads(one.data) | {"revision": None}) for one in told(SID)]
        elif kind == "hash":
            found[name] = {field: value for field, value in client().hgetall(name).items() if field not in GROWING}
        elif kind == "zset":
            found[name] = client().zrange(name, 0, -1, withscores=True)
        else:
            found[name] = client().smembers(name) if kind == "set" else client().get(name)
    return found
