"""Figures over many profits at once, however they were found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from bots_app.table.values import Floats
from dashboard.tolerant import from_bytes

#: Bits of a double's mantissa, and of the lower of the two parts it is summed in: 2 ** 26 such parts add up exactly.
_MANTISSA, _LOWER = 53, 26


def ends_of(lowest: Sequence[Any], highest: Sequence[Any]) -> dict[str, Any]:
    """Return best and worst as the aggregate answers them, each from (configHash, profit) or nothing."""

    def end(found: Sequence[Any]) -> tuple[float | None, str | None]:
        return (float(found[1]), from_bytes(found[0])) if found else (None, None)

    (worst, worst_hash), (best, best_hash) = end(lowest), end(highest)
    return {"bestProfit": best, "bestConfigHash": best_hash, "worstProfit": worst, "worstConfigHash": worst_hash}


def spread_figures(values: Floats) -> dict[str, float | None]:
    """Return mean, median and deviation as the aggregate answers them."""
    return {"avgProfit": mean_of(values), "medianProfit": median_of(values), "stdProfit": deviation_of(values)}


def middle_of(values: Sequence[float]) -> float | None:
    """Return the mean of the one or two values in the middle, without overflow."""
    if not values:
        return None
    total = values[0] + values[-1]
    return total / 2 if math.isfinite(total) else values[0] / 2 + values[-1] / 2


def median_of(values: Floats) -> float | None:
    """Return the median of values in any order, None of none."""
    if not len(values):
        return None
    places = sorted({(len(values) - 1) // 2, len(values) // 2})
    return middle_of(np.partition(values, places)[places].tolist())


def mean_of(values: Floats) -> float | None:
    """Return the double next to the mean, None of none."""
    return float(exact_sum(values) / len(values)) if len(values) else None


def exact_sum(values: Floats) -> Fraction:
    """Return the sum of finite values without any error, some ten times as quick as `math.fsum`.

    The mantissas of each exponent are added up in two parts, as whole numbers. Raises ValueError for more than 2 ** 26
    values.
    """
    if len(values) > 1 << _LOWER:
        raise ValueError(f"{len(values)} values; {1 << _LOWER} are the most")
    if not len(values):
        return Fraction(0)
    mantissas, exponents = np.frexp(values)
    least = int(exponents.min())
    places = exponents - least
    upper, lower = np.divmod(np.ldexp(mantissas, _MANTISSA), float(1 << _LOWER))
    total = 0
    for part, shift in ((upper, _LOWER), (lower, 0)):
        for place, found in enumerate(np.bincount(places, weights=part).tolist()):
            total += int(found) << place + shift
    return Fraction(total) * Fraction(2) ** (least - _MANTISSA)


def deviation_of(values: Floats) -> float | None:
    """Return the sample deviation, scaled so that no square overflows; None below two."""
    if len(values) < 2:
        return None
    scale = float(np.abs(values).max()) or 1.0
    return float(np.std(values / scale, ddof=1)) * scale
