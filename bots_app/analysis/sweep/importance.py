"""How much each parameter matters for a metric: the share of its variance between the parameter's values.

The method is a one-way analysis of variance for each parameter: runs are grouped by its values (its bins of equal count
where it has more than 60), and the share is epsilon squared (Kelley 1935),

    1 - (SSW / (n - k)) / (SST / (n - 1))

with SST the squares of the metric about its mean, SSW those about the means of the k groups, n runs. It is eta squared
(SSB / SST, the first-order Sobol index of a full grid) less what k groups explain by chance: noise scores 0 on average.
A pair's interaction is epsilon squared of the groups by both, less that of each alone. No randomness: the same runs in
the same order give the same answer, bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from bots_app.analysis.sweep.columns import Floats, Parameter, check_lengths
from bots_app.analysis.sweep.groups import Axis, groups_of

MOST_PARAMETERS = 64
#: The parameters that matter most, of which every pair is looked at.
PAIRED = 6
#: The group of every run.
Grouping = NDArray[np.integer]

METHOD = "epsilon squared of a one-way analysis of variance by the parameter's values or bins of equal count"


class Share(msgspec.Struct, frozen=True, rename="camel"):
    """Hold what one parameter explains: `share` from 0 to 1, or None with the `reason`.

    `raw` is eta squared, before the correction for `groups`. A parameter without any effect reaches `noise` in about
    one of 40 samples of independent, normal runs; a share below it is no evidence. Runs without a value of it
    (`missing`) are a group of their own.
    """

    name: str
    share: float | None
    raw: float | None
    noise: float | None
    groups: int
    kind: Literal["values", "labels", "bins"]
    missing: int
    reason: str | None = None


class Interaction(msgspec.Struct, frozen=True, rename="camel"):
    """Hold what two parameters explain together beyond the sum of both alone; fields as in a share."""

    names: tuple[str, str]
    share: float | None
    noise: float | None
    groups: int
    reason: str | None = None


class Importance(msgspec.Struct, frozen=True, rename="camel"):
    """Hold the shares, largest first, and the interactions of the six largest, largest first.

    Of the `runs`, `count` have a finite metric, and only these are looked at. Shares add up to at most 1 in a full
    grid; where parameters hang together (a filtered set, a guided search) they overlap and may add up to more.
    """

    parameters: list[Share]
    interactions: list[Interaction]
    count: int
    runs: int
    method: str = METHOD


def importance(parameters: Sequence[Parameter], metric: Floats) -> Importance:
    """Weigh at most 64 parameters over runs, already filtered: O(n log n) each, at most 130 KiB of JSON.

    The size takes names of at most 200 characters. Raises ValueError for more, or for columns of different lengths.
    """
    if len(parameters) > MOST_PARAMETERS:
        raise ValueError(f"At most {MOST_PARAMETERS} parameters.")
    runs = check_lengths(metric, *(parameter.values for parameter in parameters))
    is_known = np.isfinite(metric)
    is_complete = bool(is_known.all())
    deviation = _deviation(metric if is_complete else metric[is_known])
    axes, codes = [], []
    for parameter in parameters:
        group = groups_of(parameter if is_complete else parameter.take(is_known))
        axes.append(group.axis)
        # Missing becomes the first group; 61 groups fit a byte, which is all that is kept of each parameter.
        codes.append((group.codes + 1).astype(np.uint8))
    shares = [_share(axis, code, deviation) for axis, code in zip(axes, codes, strict=True)]
    order = sorted(range(len(shares)), key=lambda i: _size(shares[i]), reverse=True)
    leading = [i for i in order[:PAIRED] if shares[i].share is not None and shares[i].groups > 1]
    pairs = [_interaction((shares[i], shares[j]), (codes[i], codes[j]), deviation) for i, j in combinations(leading, 2)]
    pairs.sort(key=_size, reverse=True)
    return Importance([shares[i] for i in order], pairs, len(deviation), runs)


def _deviation(metric: Floats) -> Floats:
    """Return the metric about its mean, scaled to at most 1, so that no square is too large or small for a float."""
    if not len(metric) or metric.min() == metric.max():
        return np.zeros(len(metric))
    scaled = metric / float(np.abs(metric).max())
    deviation: Floats = scaled - scaled.mean()
    deviation /= float(np.abs(deviation).max())
    return deviation


def explained(codes: Grouping, deviation: Floats) -> tuple[float | None, float | None, float | None, int, str | None]:
    """Return epsilon squared, eta squared, the noise of the first, the number of groups, or why there is none."""
    n = len(deviation)
    counts = np.bincount(codes)
    is_used = counts > 0
    k = int(is_used.sum())
    total = float(np.square(deviation).sum())
    if n < 2 or total == 0.0:
        return None, None, None, k, "The metric is the same in all runs." if n else "No run has the metric."
    if k >= n:
        return None, None, None, k, "Every run has a value of its own."
    if k == 1:
        return 0.0, 0.0, 0.0, 1, None
    sums = np.bincount(codes, weights=deviation)[is_used]
    eta = min(float((np.square(sums) / counts[is_used]).sum()) / total, 1.0)
    epsilon = 1.0 - (1.0 - eta) * (n - 1) / (n - k)
    # Without an effect eta squared is Beta((k - 1) / 2, (n - k) / 2); two of its standard deviations.
    noise = 2.0 * math.sqrt(2.0 * (k - 1) * (n - k) / ((n - 1) ** 2 * (n + 1))) * (n - 1) / (n - k)
    return epsilon, eta, noise, k, None


def _size(found: Share | Interaction) -> float:
    return -1.0 if found.share is None else found.share


def _share(axis: Axis, codes: Grouping, deviation: Floats) -> Share:
    epsilon, eta, noise, k, reason = explained(codes, deviation)
    share = None if epsilon is None else max(epsilon, 0.0)
    return Share(axis.name, share, eta, noise, k, axis.kind, axis.missing, reason)


def _interaction(shares: tuple[Share, Share], codes: tuple[Grouping, Grouping], deviation: Floats) -> Interaction:
    width = int(codes[1].max()) + 1
    epsilon, _, noise, k, reason = explained(codes[0].astype(np.int64) * width + codes[1], deviation)
    names = (shares[0].name, shares[1].name)
    if epsilon is None:
        return Interaction(names, None, None, k, reason)
    alone = (shares[0].share or 0.0) + (shares[1].share or 0.0)
    return Interaction(names, max(epsilon - alone, 0.0), noise, k)
