"""Putting one run: by the script `write_run` where everything is as usual, else as a batch of one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from django.conf import settings

from bots_app.indexing import note_written, write_one
from bots_app.table.packing import pack
from bots_app.table.shapes import Fields
from bots_app.writing import RunWrite
from dashboard.store import keys as store_keys
from dashboard.store.ahead import PackedScript
from dashboard.store.keys import USUAL_STATUSES, SessionKeys
from dashboard.store.lean import Command
from dashboard.store.scripts import script
from dashboard.store.session_list import own_list_keys
from dashboard.store.shared import EVENTS_KEPT, INDEX_VERSION
from sessions_app.records import SessionId

#: Profits beyond it are not summed, see includes/doubles.lua.
WIDE = 1e150
#: Hashes that stand in JSON as they are.
_PLAIN = re.compile(rb"[0-9A-Za-z_-]+")
_USUAL = frozenset(status.encode() for status in USUAL_STATUSES)


class _Call(NamedTuple):
    #: The script's call, but for what belongs to the run.
    command: Command
    #: The start of what the follower of foreign writes is told.
    told: bytes
    #: Whether the list of sessions is on another server.
    is_cluster: bool


def put_one(sid: SessionId, write: RunWrite, operation: Sequence[Any]) -> tuple[bool, int]:
    """Put a run, `operation` as `put_operation` makes it; return whether the derived keys are built, and the code.

    One round trip; two where the first finds something out of the ordinary, as it does after some thirty runs.
    """
    _, config_hash, _, text, trades, status, profit, updated, row, fields = operation
    if _is_usual(write.record.profit, config_hash, status, updated):
        call = _call(sid, settings.REDIS_CLUSTER)
        rest = [
            call.told % config_hash, config_hash, text, trades, status, profit, updated, row, *_told_of(fields),
        ]  # fmt: skip
        code = PackedScript(script("write_run"), call.command, rest).answer()
        if code is not None:
            if call.is_cluster:
                note_written(sid)
            return True, code
    return write_one(sid, operation)


def _is_usual(profit: float | None, config_hash: bytes, status: bytes, updated: bytes) -> bool:
    return (
        profit is not None and -WIDE <= profit <= WIDE
        and status in _USUAL and updated.isdigit() and _PLAIN.fullmatch(config_hash) is not None
    )  # fmt: skip


def _told_of(fields: Fields) -> tuple[Any, ...]:
    shape, packed = fields.shape, pack([fields])
    return shape.digest, shape.json, len(shape.names), packed.values, packed.texts


@lru_cache(maxsize=256)
def _call(sid: SessionId, is_cluster: bool) -> _Call:
    keys = SessionKeys(str(sid))
    args: list[str | int] = [
        str(sid), keys.prefix, keys.run_prefix, keys.trades_prefix, INDEX_VERSION, EVENTS_KEPT,
        # On a cluster the channel would be told to every node.
        "" if is_cluster else store_keys.WRITTEN,
    ]  # fmt: skip
    names = [keys.bots, keys.summary, *(keys.index(name) for name in ("unranked", "updated", "undated"))]
    names += own_list_keys()
    told = msgspec.json.encode(str(sid)).replace(b"%", b"%%")
    return _Call(
        script("write_run").command(names, args, rest=13),
        b'{"sid":' + told + b',"hashes":["%b"],"summary":true}',
        is_cluster,
    )
