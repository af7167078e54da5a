"""Synthetic runs for tests of scale: of the size and the spread of a real sweep's, and named for what they are.

Some 2.1 kB of JSON a record, 17 parameters, 20 metrics, profit normal around 3 with deviation 20, 90 % completed, 9.9 %
failed, 0.1 % running. Run number n of a seed and session is the same however many are made and in whatever batches.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec
import numpy as np

from sessions_app.records import SessionId

#: Runs whose random numbers are drawn together. Part of what a seed means: another value makes other runs.
BLOCK = 1000
FAILED, RUNNING = 0.099, 0.001
#: lastUpdated of run 0; the others follow a second apart.
FIRST_UPDATE_MS = 1_700_000_000_000

Draw = Callable[[np.random.Generator, int], np.ndarray]


@dataclass(frozen=True)
class Field:
    """One number of a record: how it is written and how it is drawn, for `count` runs at a time."""

    name: str
    text: str
    draw: Draw


def _choice(name: str, *values: float, text: str = "%d") -> Field:
    return Field(name, text, lambda chance, count: np.array(values)[chance.integers(0, len(values), count)])


def _uniform(name: str, low: float, high: float, *, text: str = "%.16g") -> Field:
    return Field(name, text, lambda chance, count: chance.uniform(low, high, count))


def _normal(name: str, mean: float, deviation: float, *, text: str = "%.16g") -> Field:
    return Field(name, text, lambda chance, count: chance.normal(mean, deviation, count))


PARAMETERS = (
    _choice("fastPeriod", 5, 8, 10, 13, 15, 20, 21, 25, 30, 34),
    _choice("slowPeriod", 40, 50, 55, 60, 80, 89, 100, 120, 144, 150, 200, 233),
    _choice("signalPeriod", 5, 7, 9, 11, 14),
    _choice("rsiPeriod", 7, 9, 14, 21, 28),
    _choice("rsiLower", 20, 25, 30, 35),
    _choice("rsiUpper", 65, 70, 75, 80),
    _choice("atrPeriod", 7, 10, 14, 20),
    _choice("atrMultiplier", 1.0, 1.5, 2.0, 2.5, 3.0, text="%.1f"),
    _choice("breakoutBars", 10, 20, 40, 55),
    _choice("confirmBars", 0, 1, 2, 3),
    _choice("cooldownBars", 0, 2, 4, 8, 12),
    _uniform("entryThreshold", 0, 1),
)
RISK = (
    _choice("stopLoss", 0.01, 0.015, 0.02, 0.03, 0.05, text="%.3f"),
    _choice("takeProfit", 0.02, 0.03, 0.05, 0.08, 0.12, text="%.3f"),
    _choice("trailingStopDistance", 0.005, 0.01, 0.02, text="%.3f"),
    _choice("maxDrawdown", 0.1, 0.2, 0.3, 0.4, text="%.2f"),
)
SIZING = (_choice("value", 0.01, 0.02, 0.05, 0.1, text="%.2f"),)
METRICS = (
    _normal("totalProfit", 3, 20),
    _normal("sharpeRatio", 0.3, 0.9),
    _normal("sortinoRatio", 0.5, 1.3),
    _normal("calmarRatio", 0.4, 1.1),
    _uniform("maxDrawdown", 0.02, 0.6),
    _uniform("winRate", 0.2, 0.7),
    _uniform("profitFactor", 0.3, 3),
    _choice("numTrades", *range(20, 400), text="%d"),
    _choice("numLong", *range(10, 200), text="%d"),
    _choice("numShort", *range(10, 200), text="%d"),
    _normal("expectancy", 0.02, 0.3),
    _uniform("averageWin", 0.1, 4),
    _uniform("averageLoss", -4, -0.1),
    _uniform("payoffRatio", 0.3, 4),
    _uniform("volatility", 0.05, 0.9),
    _uniform("exposure", 0.05, 0.95),
    _uniform("ulcerIndex", 0.01, 0.3),
    _normal("recoveryFactor", 0.5, 2),
    _uniform("fees", 1, 90),
    _choice("avgTradeDuration", *range(3_600_000, 360_000_000, 3_600_000), text="%d"),
)
HISTORY = tuple(
    _uniform(name, low, high)
    for name, low, high in (
        ("startPrice", 29_000, 31_000),
        ("endPrice", 29_000, 45_000),
        ("highPrice", 45_000, 47_000),
        ("lowPrice", 27_000, 29_000),
        ("volatility", 0.01, 0.05),
    )
)
#: A list, as real records hold some: no column of its own, but part of a record's size.
MONTHS = tuple(_normal(f"month{number}", 0.002, 0.04) for number in range(24))
FIELDS = (*METRICS, *MONTHS, *HISTORY, *PARAMETERS, *RISK, *SIZING)


def records(sid: SessionId, runs: int, *, seed: int = 0) -> Iterator[bytes]:
    """Yield the JSON of `runs` records, some 50,000 a second."""
    template = _template(sid)
    session = int.from_bytes(hashlib.sha256(str(sid).encode()).digest()[:8], "big")
    for first in range(0, runs, BLOCK):
        chance = np.random.default_rng((seed, session, first // BLOCK))
        luck = chance.random(BLOCK).tolist()
        columns = [field.draw(chance, BLOCK).tolist() for field in FIELDS]
        rows = zip(range(first, min(first + BLOCK, runs)), luck, *columns, strict=False)
        for number, fate, *values in rows:
            run_hash = hashlib.sha256(b"%d %d %d" % (seed, session, number)).hexdigest()[:16].encode()
            status, error = _outcome(fate)
            updated = FIRST_UPDATE_MS + number * 1000
            yield template % (run_hash, number, status, updated, error, *values, number)


def notes(seed: int) -> str:
    """Return what a session of synthetic runs says of itself."""
    return f"Synthetic runs for tests of scale, made by generate_runs with seed {seed}: random numbers, no backtests."


def _outcome(fate: float) -> tuple[bytes, bytes]:
    """Return status and error of a run that drew `fate` from [0, 1)."""
    if fate < RUNNING:
        return b"running", b""
    if fate < RUNNING + FAILED:
        return b"failed", b'"error":"synthetic: stopped by the drawdown limit",'
    return b"completed", b""


def _members(fields: tuple[Field, ...]) -> str:
    return ",".join(f'"{field.name}":{field.text}' for field in fields)


def _template(sid: SessionId) -> bytes:
    """Return a record with places for hash, number, status, lastUpdated, error, all of FIELDS, and the number again."""
    months = ",".join(month.text for month in MONTHS)
    market = msgspec.json.encode({"symbol": sid.symbol, "timeframe": sid.timeframe}).decode()[1:-1].replace("%", "%%")
    return (
        '{"configHash":"%s","botId":"synthetic-%d","status":"%s","lastUpdated":%d,"isSynthetic":true,"resultsMetadata":{%s'
        f'"initialBalance":1000.0,"performance":{{{_members(METRICS)}}},"monthlyReturns":[{months}],'
        f'"marketHistory":{{{_members(HISTORY)}}}}},'
        f'"configuration":{{"strategy":{{"type":"SyntheticCrossover","params":{{{_members(PARAMETERS)}}}}},'
        f'"riskManagement":{{{_members(RISK)}}},"positionSizing":{{"type":"percentage",{_members(SIZING)}}},'
        '"description":"SYNTHETIC: random numbers for a test of scale, without a market, a strategy or a backtest.",'
        f'"botId":"synthetic-%d",{market}}}}}'
    ).encode()
