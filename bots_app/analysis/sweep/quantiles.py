"""The figures that sum a column up: count, extremes, mean, deviation, quantiles."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from bots_app.analysis.sweep.columns import Floats, finite_only, number

MOST_PROBABILITIES = 101
USUAL = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
#: Numbers are divided before they are subtracted where the difference of two of them might not be finite.
LARGE, SCALE = 1e307, 4.0


class Quantile(msgspec.Struct, frozen=True, rename="camel"):
    probability: float
    value: float | None


class Summary(msgspec.Struct, frozen=True, rename="camel"):
    """Hold the figures of the `count` finite values; `std` is the sample's (n - 1), None below two values.

    `runs` = `count` + `missing` + `infinite`. A figure is None where it is undefined or too large for a float.
    """

    count: int
    missing: int
    infinite: int
    runs: int
    min: float | None
    max: float | None
    mean: float | None
    std: float | None
    quantiles: list[Quantile]


def quantiles(values: Floats, probabilities: Sequence[float] = USUAL) -> Summary:
    """Sum up values, already filtered; quantiles are exact, interpolated as numpy does (Hyndman and Fan's type 7).

    At most 101 probabilities, hence at most 10 KiB of JSON. O(n): the values are partitioned, not sorted.
    Raises ValueError for more probabilities, or one outside 0..1.
    """
    if len(probabilities) > MOST_PROBABILITIES:
        raise ValueError(f"At most {MOST_PROBABILITIES} probabilities.")
    if not all(0 <= probability <= 1 for probability in probabilities):
        raise ValueError("A probability must be from 0 to 1.")
    known, missing, infinite = finite_only(values)
    if not len(known):
        nothing = [Quantile(probability, None) for probability in probabilities]
        return Summary(0, missing, infinite, len(values), None, None, None, None, nothing)
    low, high = float(known.min()), float(known.max())
    mean, std = mean_and_std(known, low, high)
    scale = SCALE if max(abs(low), abs(high)) > LARGE else 1.0
    found = np.quantile(known / scale, probabilities, overwrite_input=True) * scale
    # Interpolation may round past the extremes by a bit.
    bounded = np.clip(found, low, high).tolist()
    return Summary(
        count=len(known),
        missing=missing,
        infinite=infinite,
        runs=len(values),
        min=low,
        max=high,
        mean=mean,
        std=std,
        quantiles=[Quantile(p, value) for p, value in zip(probabilities, bounded, strict=True)],
    )


def mean_and_std(known: Floats, low: float, high: float) -> tuple[float, float | None]:
    """Return mean and sample deviation of finite values between `low` and `high`, without overflow on the way."""
    if low == high:
        return low, 0.0 if len(known) > 1 else None
    scale = max(abs(low), abs(high))
    scale = scale if scale > 1e150 or scale < 1e-150 else 1.0
    scaled = known / scale if scale != 1.0 else known
    mean = min(max(float(scaled.mean()), low / scale), high / scale)
    deviation = scaled - mean
    widest = max(float(deviation.max()), -float(deviation.min()))
    deviation /= widest
    std = widest * float(np.sqrt(np.square(deviation).sum() / (len(known) - 1))) * scale
    return mean * scale, number(std)
