"""A small data set for the tests of the pages: a sweep, a session with markup in every text, unreadable records."""

from __future__ import annotations

from typing import Any

import redis

from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from sessions_app.records import SessionId

HOUR_MS = 3_600_000
START_MS, END_MS = 1_700_000_000_000, 1_700_000_000_000 + 90 * 24 * HOUR_MS
SWEEP = SessionId.parse(f"BTC/USDT:USDT:1h:{START_MS}:{END_MS}")
#: What a page must never hand to a browser as it stands.
MARKUP = '<script>alert("x")</script><img src=x onerror=alert(1)>\'"{{7*7}}'
HOSTILE = SessionId.parse(f"{MARKUP.replace('{', '(').replace('}', ')')}/X:1h:{START_MS}:{END_MS}")
RUNS, FAILED, RUNNING = 130, 10, 5
#: Profit of the first run of the sweep; each next one made ten less.
BEST_PROFIT = 1000.0


def config_hash(number: int) -> str:
    """Return the hash of a run of the sweep."""
    return f"{number:04d}abcdef{number:06d}"


def trades(total: float, count: int = 40, **more: Any) -> list[dict[str, Any]]:
    """Return trades that sum up to a profit: two wins for each loss of the same size."""
    unit = total / ((count - count // 3) - count // 3)
    return [
        {
            "id": f"t{number}",
            "type": "short" if number % 4 == 0 else "long",
            "entryTime": START_MS + number * 36 * HOUR_MS,
            "exitTime": START_MS + (number * 36 + 5) * HOUR_MS,
            "entryPrice": 100.0,
            "exitPrice": 101.5,
            "profitLoss": -unit if number % 3 == 2 else unit,
            "size": 1.0,
            "fee": 0.05,
            "reason": "stopLoss" if number % 3 == 2 else "takeProfit",
        }
        | more
        for number in range(count)
    ]


def run(number: int, profit: float | None, *, status: str = "completed", **more: Any) -> dict[str, Any]:
    """Return the record of a run of the sweep."""
    performance: dict[str, Any] = {
        "sharpeRatio": 1.5,
        "maxDrawdown": 0.12,
        "winRate": 0.6,
        "profitFactor": 1.9,
        "numTrades": 40,
    }
    results: dict[str, Any] = {"initialBalance": 10_000.0}
    if profit is not None:
        results["performance"] = performance | {"totalProfit": profit}
    return {
        "configHash": config_hash(number),
        "botId": f"bot-{number}",
        "status": status,
        "lastUpdated": START_MS + number * 1000,
        "resultsMetadata": results,
        "configuration": {
            "strategy": {"type": "Cross", "params": {"fast": number, "slow": 55}},
            "riskManagement": {"stopLoss": 0.02},
        },
    } | more


def write_sweep() -> None:
    """Write 130 runs: finished ones with profits from 1,000 down, failed ones with a reason, running ones."""
    done = RUNS - FAILED - RUNNING
    records = [run(number, BEST_PROFIT - 10 * number) for number in range(done)]
    records[0]["trades"] = trades(BEST_PROFIT)
    records[1]["trades"] = trades(500.0)
    records[2]["trades"] = []
    failed = {"initialBalance": 10_000.0, "error": "fast (55) must be shorter than slow (55)"}
    records += [run(number, None, status="failed", resultsMetadata=failed) for number in range(done, done + FAILED)]
    records += [run(number, None, status="running") for number in range(done + FAILED, RUNS)]
    BotRegistry().put_many(SWEEP, [RunWrite.parse(record) for record in records])


def write_hostile() -> None:
    """Write a session with markup in every field that takes text."""
    records = [
        run(number, float(number), botId=MARKUP, notes=MARKUP, tags=[MARKUP], configuration={MARKUP: MARKUP})
        | {"trades": trades(9.0, 3, reason=MARKUP, id=MARKUP, type=MARKUP)}
        for number in range(3)
    ]
    records[1] |= {"status": "failed", "resultsMetadata": {"error": MARKUP}}
    BotRegistry().put_many(HOSTILE, [RunWrite.parse(record) for record in records])


def write_unreadable(store: redis.Redis) -> str:
    """Put a text that is no record in the place of a run of the sweep; return its hash."""
    name = config_hash(3)
    store.set(f"bot_registry:run:{SWEEP}:{name}", f"{MARKUP} is no JSON")
    return name
