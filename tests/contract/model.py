"""A session worked out from its records the slow and plain way: what every key, list and number has to agree with."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from django.conf import settings

from bots_app.query import RunQuery
from dashboard.store.client import client
from dashboard.store.event_entries import START, Event
from dashboard.store.events import read_after
from dashboard.store.keys import USUAL_STATUSES, SessionKeys

SID = "BTC/USDT:USDT:1h:1700000000000:1703600000000"
#: Profits beyond this are in no kept sum.
WIDE = 1e150
Record = dict[str, Any]


def run(config_hash: str, profit: float | None = None, status: str = "completed", **more: Any) -> Record:
    """Return a record; `updated` is its lastUpdated, and every other keyword a field."""
    updated = more.pop("updated", 1_700_000_000_000)
    performance = {} if profit is None else {"totalProfit": profit}
    record = {
        "configHash": config_hash,
        "status": status,
        "lastUpdated": updated,
        "resultsMetadata": {"performance": performance},
        "configuration": {"fast": len(config_hash)},
    }
    if updated is None:
        del record["lastUpdated"]
    return record | more


def profit_of(record: Record) -> float | None:
    """Return the profit of a record that `run` made."""
    return record["resultsMetadata"]["performance"].get("totalProfit")


def tag(sid: str) -> str:
    """Return how a session is named in its keys."""
    return f"{{{sid}}}" if settings.REDIS_CLUSTER else sid


def write_foreign(sid: str, records: Iterable[Record]) -> None:
    """Write runs as a program does that knows the six fixed keys alone; the summary is left away."""
    pipe = client().pipeline()
    for record in records:
        config_hash = record["configHash"]
        pipe.set(f"bot_registry:run:{tag(sid)}:{config_hash}", json.dumps(record))
        pipe.sadd(f"session:{tag(sid)}:bots", config_hash)
        pipe.sadd(f"session:{tag(sid)}:bots:status:{record['status']}", config_hash)
        if profit_of(record) is not None:
            pipe.zadd(f"session:{tag(sid)}:bots:profit", {config_hash: profit_of(record)})
    pipe.execute()


class Model:
    """The runs of one session, by hash."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.records = {record["configHash"]: record for record in records}

    def matching(self, query: RunQuery) -> list[Record]:
        """Return the runs that pass the filters, in no order."""
        low = -math.inf if query.min_profit is None else query.min_profit
        high = math.inf if query.max_profit is None else query.max_profit
        return [
            record
            for record in self.records.values()
            if (not query.statuses or record["status"] in query.statuses)
            and record["status"] not in query.excluded
            and (not query.has_range or (profit_of(record) is not None and low <= profit_of(record) <= high))
        ]

    def ordered(self, query: RunQuery) -> list[str]:
        """Return the hashes of the list: by value and hash, those without the value last by hash."""
        found: list[tuple[float, bytes]] = []
        without: list[bytes] = []
        for record in self.matching(query):
            value = profit_of(record) if query.by == "profit" else record.get("lastUpdated")
            name = record["configHash"].encode()
            if value is None:
                without.append(name)
            else:
                found.append((value, name))
        found.sort(reverse=query.descending)
        return [name.decode() for name in [name for _, name in found] + sorted(without)]

    def aggregate(self, query: RunQuery) -> dict[str, Any]:
        """Return the aggregate, by the statistics module."""
        runs = self.matching(query)
        ranked = sorted((profit_of(one), one["configHash"]) for one in runs if profit_of(one) is not None)
        profits = [profit for profit, _ in ranked]
        statuses = sorted({one["status"] for one in runs})
        return {
            "count": len(runs),
            "countByStatus": {name: sum(one["status"] == name for one in runs) for name in statuses},
            "bestProfit": ranked[-1][0] if ranked else None,
            "bestConfigHash": ranked[-1][1] if ranked else None,
            "worstProfit": ranked[0][0] if ranked else None,
            "worstConfigHash": ranked[0][1] if ranked else None,
            "avgProfit": float(sum(map(Fraction, profits)) / len(profits)) if profits else None,
            "medianProfit": float(statistics.median(map(Fraction, profits))) if profits else None,
            "stdProfit": statistics.stdev(map(Fraction, profits)) if len(profits) > 1 else None,
        }

    def summary(self) -> dict[str, Any]:
        """Return the counted fields of the summary."""
        runs = list(self.records.values())
        best = max(((profit_of(one), one["configHash"]) for one in runs if profit_of(one) is not None), default=None)
        last = max(((one["lastUpdated"], one["configHash"]) for one in runs if "lastUpdated" in one), default=None)
        completed = [profit_of(one) for one in runs if one["status"] == "completed" and profit_of(one) is not None]
        is_summable = completed and max(map(abs, completed)) <= WIDE
        return {
            "runCount": len(runs),
            "completedRuns": sum(one["status"] == "completed" for one in runs),
            "errorCount": sum(one["status"] == "failed" for one in runs),
            "bestProfit": best and best[0],
            "bestConfigHash": best and best[1],
            "avgProfit": float(sum(map(Fraction, completed)) / len(completed)) if is_summable else None,
            "lastUpdate": last and last[0],
            "lastConfigHash": last and last[1],
            "currentProfit": profit_of(self.records[last[1]]) if last else None,
            "currentStatus": self.records[last[1]]["status"] if last else None,
        }

    def sets(self) -> dict[str, Any]:
        """Return every fixed and derived set and sorted set, by the part of its name behind the sid."""
        found: dict[str, Any] = {}

        def rank(prefix: str, config_hash: str, value: float | None, *, with_value: str, without: str) -> None:
            name = f"{prefix}{without if value is None else with_value}"
            found.setdefault(name, {})[config_hash] = value or 0.0

        for config_hash, record in self.records.items():
            status, profit = record["status"], profit_of(record)
            found.setdefault("bots", set()).add(config_hash)
            found.setdefault(f"bots:status:{status}", set()).add(config_hash)
            rank("", config_hash, profit, with_value="bots:profit", without="index:unranked")
            for prefix in [f"index:status:{status}:"] + ["index:"] * (status not in USUAL_STATUSES):
                rank(prefix, config_hash, record.get("lastUpdated"), with_value="updated", without="undated")
            rank(f"index:status:{status}:", config_hash, profit, with_value="profit", without="unranked")
        return found

    def figures(self) -> dict[str, tuple[int, Fraction, Fraction, int]]:
        """Return for each status the count, the exact sums of profits and their squares, and how many are too wide."""
        found = {}
        for status in {record["status"] for record in self.records.values()}:
            runs = [record for record in self.records.values() if record["status"] == status]
            profits = [Fraction(profit) for record in runs if (profit := profit_of(record)) is not None]
            summed = [profit for profit in profits if abs(profit) <= WIDE]
            squares = sum((profit * profit for profit in summed), Fraction(0))
            found[status] = (len(runs), sum(summed, Fraction(0)), squares, len(profits) - len(summed))
        return found


def stored_sets(sid: str = SID) -> dict[str, Any]:
    """Return every set and sorted set of a session but for its table's, by the part of its name behind the sid."""
    found: dict[str, Any] = {}
    prefix = f"session:{tag(sid)}:"
    for key in client().scan_iter(count=1000):
        name = key.decode()
        if not name.startswith(prefix) or name.startswith(f"{prefix}table:"):
            continue
        kind = client().type(key)
        if kind == b"set":
            found[name.removeprefix(prefix)] = {member.decode() for member in client().smembers(key)}
        elif kind == b"zset":
            members = client().zrange(key, 0, -1, withscores=True)
            found[name.removeprefix(prefix)] = {member.decode(): score for member, score in members}
    return found


def told(sid: str) -> list[Event]:
    """Return every event of a session, oldest first."""
    return read_after(SessionKeys(sid), START, 1_000_000)


def stored_figures(sid: str = SID) -> dict[str, tuple[int, Fraction, Fraction, int]]:
    """Return the kept figures of every status, as exact numbers."""
    kept = client().hgetall(f"session:{tag(sid)}:index:stats")
    stats = {name.decode(): value.decode() for name, value in kept.items()}

    def exact(name: str, status: str) -> Fraction:
        return sum((Fraction(float(part)) for part in stats[f"{name}:{status}"].split()), Fraction(0))

    statuses = [name.removeprefix("n:") for name in stats if name.startswith("n:")]
    return {
        status: (int(stats[f"n:{status}"]), exact("sum", status), exact("sq", status), int(stats[f"wide:{status}"]))
        for status in statuses
    }
