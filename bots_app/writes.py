"""From records as they were sent to what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.errors import InvalidRecord, WritesInterrupted
from sessions_app.records import SessionId


def write_batch(registry: BotRegistry, sid: SessionId, records: Sequence[bytes]) -> list[dict[str, Any]]:
    """Store what can be stored; return a result for each record, in order.

    Raises InvalidParameter for the sid; WritesInterrupted, whose results are such results too.
    """
    sid.check_writable()
    results: list[dict[str, Any]] = []
    writes: list[RunWrite] = []
    places: list[int] = []
    for index, record in enumerate(records):
        results.append({"index": index, "configHash": None, "result": "refused", "error": None})
        try:
            writes.append(RunWrite.parse(record))
            places.append(index)
        except InvalidRecord as refusal:
            results[index]["error"] = str(refusal)
    try:
        written = registry.put_many(sid, writes) if writes else []
    except WritesInterrupted as error:
        fates = [one.result for one in error.results] + ["unknown"] * len(error.in_doubt)
        fates += ["unwritten"] * (len(writes) - len(fates))
        for index, write, fate in zip(places, writes, fates, strict=True):
            results[index] |= {"configHash": write.record.configHash, "result": fate}
        error.results = results
        raise
    for index, one in zip(places, written, strict=True):
        results[index] |= {"configHash": one.configHash, "result": one.result, "error": one.error}
    return results


def write_one(registry: BotRegistry, sid: SessionId, config_hash: str, record: bytes) -> bool:
    """Store the record of an address; tell whether it is new. Raises InvalidRecord; InvalidParameter for the sid."""
    sid.check_writable()
    return registry.put(sid, RunWrite.parse(record, config_hash=config_hash)).result == "created"
