"""Where the numbers a record reports disagree with those computed from its trades."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from bots_app.analysis.definitions import DEFINITIONS, Definition
from bots_app.analysis.measure import Measure, plural

#: Numbers within this share of each other agree, as do those that differ by the rounding of the reported one.
RELATIVE_TOLERANCE = 1e-3

#: Computed number -> the names under which records report it, the first one found counts.
REPORTED_NAMES: dict[str, tuple[str, ...]] = {
    "net_profit": ("profit", "totalProfit", "netProfit", "pnl"),
    "sharpe": ("sharpe", "sharpeRatio"),
    "sortino": ("sortino", "sortinoRatio"),
    "calmar": ("calmar", "calmarRatio"),
    "max_drawdown": ("maxDrawdown",),
    "win_rate": ("winRate", "winrate"),
    "profit_factor": ("profitFactor",),
    "trades": ("numTrades", "totalTrades", "tradeCount", "trades"),
    "wins": ("wins", "winningTrades"),
    "losses": ("losses", "losingTrades"),
    "average_duration": ("avgTradeDuration",),
    "expectancy": ("expectancy",),
    "cagr": ("cagr",),
    "volatility": ("volatility",),
    "fees": ("fees", "totalFees"),
}

#: What some tools write for "cannot be computed".
SENTINELS = {"sortino": -100.0, "calmar": -100.0}
_PER_CENT = ("win_rate", "cagr", "volatility")
_DURATION_UNITS_MS = (1, 1_000, 60_000, 3_600_000, 86_400_000)
_COUNTS = {
    "wins": Definition("Wins", "count", "", "Trades with a profit above zero."),
    "losses": Definition("Losses", "count", "", "Trades with a profit below zero."),
}


@dataclass(frozen=True, slots=True)
class Difference:
    """Hold a reported number, under its `name` in the record, beside the recomputed one; neither replaces the other."""

    key: str
    name: str
    definition: Definition
    reported: float
    recomputed: float
    note: str | None


def differences(
    reported: Mapping[str, float], recomputed: Mapping[str, Measure], *, open_trades: int = 0
) -> tuple[Difference, ...]:
    """List the reported numbers that no reading makes agree with the recomputed ones to 0.1 % or their own rounding.

    Readings: percent or ratio, a drawdown of either sign, a duration in ms, s, minutes, hours or days. A number that is
    undefined on either side is not compared.
    """
    found = []
    for key, names in REPORTED_NAMES.items():
        ours = recomputed[key].value if key in recomputed else None
        name = next((name for name in names if _is_number(reported.get(name))), None)
        if ours is None or name is None or reported[name] == SENTINELS.get(key):
            continue
        theirs = float(reported[name])
        if any(_agree(theirs, read, ours) for read in _readings(key, theirs)):
            continue
        note = None
        if open_trades and key == "net_profit":
            note = f"{plural(open_trades, 'open trade')} not in the recomputed number."
        found.append(Difference(key, name, DEFINITIONS.get(key) or _COUNTS[key], theirs, ours, note))
    return tuple(found)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _readings(key: str, theirs: float) -> list[float]:
    """Read a reported number in the unit of ours, in every way that is possible."""
    if key == "average_duration":
        return [theirs * unit for unit in _DURATION_UNITS_MS]
    if key == "max_drawdown":
        return [abs(theirs), abs(theirs) / 100]
    return [theirs, theirs / 100] if key in _PER_CENT and abs(theirs) > 1 else [theirs]


def _agree(theirs: float, read: float, ours: float) -> bool:
    """Compare in our unit; half a unit of the last of at least two decimal places, scaled alike, is rounding."""
    decimals = len(format(theirs, "f").rstrip("0").partition(".")[2]) if theirs == round(theirs, 6) else 0
    rounding = 0.5 * 10.0**-decimals * abs(read / theirs) if decimals >= 2 and theirs else 0.0
    return abs(read - ours) <= max(RELATIVE_TOLERANCE * abs(ours), 1.000001 * rounding, 1e-12)
