"""The same figures a run at a time in plain Python: slow, and too simple to be wrong in the same way."""

from __future__ import annotations

import math
import statistics
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction

Column = Sequence[float]


def known(values: Column) -> list[float]:
    return [value for value in values if math.isfinite(value)]


def place(edges: list[float], value: float) -> int | None:
    """Return the bin of a value, None outside; the last bin is closed."""
    if not edges or not edges[0] <= value <= edges[-1]:
        return None
    return min(bisect_right(edges, value) - 1, len(edges) - 2)


def group(axis: dict, parameter, run: int) -> int | None:
    """Return the group of a run by what an answer says of the axis."""
    value = parameter.values[run]
    if not math.isfinite(value):
        return None
    if axis["kind"] == "values":
        return axis["values"].index(value)
    if axis["kind"] == "labels":
        label = parameter.labels[int(value)]
        return axis["labels"].index(label) if label in axis["labels"] else len(axis["labels"]) - 1
    return place(axis["edges"], value)


def middle(values: list[float]) -> float:
    """Return the median, None without values; exact until it is rounded."""
    ordered = sorted(values)
    lower, upper = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return float((Fraction(lower) + Fraction(upper)) / 2)


def cells(x_groups: list[int | None], y_groups: list[int | None], metric: Column) -> dict[tuple[int, int], list[float]]:
    found = defaultdict(list)
    for i, j, value in zip(x_groups, y_groups, metric, strict=True):
        if i is not None and j is not None:
            found[j, i].append(value)
    return found


def variance_shares(groups: list, metric: Column) -> tuple[float, float]:
    """Return eta squared and epsilon squared of the groups of finite metrics."""
    by_group = defaultdict(list)
    for key, value in zip(groups, metric, strict=True):
        by_group[key].append(Fraction(value))
    values = [value for members in by_group.values() for value in members]
    mean = sum(values) / len(values)
    total = sum((value - mean) ** 2 for value in values)
    within = sum((value - sum(members) / len(members)) ** 2 for members in by_group.values() for value in members)
    n, k = len(values), len(by_group)
    return float(1 - within / total), float(1 - (within / (n - k)) / (total / (n - 1)))


def average_ranks(values: Column) -> list[Fraction]:
    return [
        Fraction(2 * sum(other < value for other in values) + sum(other == value for other in values) + 1, 2)
        for value in values
    ]


def spearman(x: Column, y: Column) -> float | None:
    both = [(a, b) for a, b in zip(x, y, strict=True) if not (math.isnan(a) or math.isnan(b))]
    if len(both) < 2:
        return None
    ranks = [average_ranks([pair[side] for pair in both]) for side in (0, 1)]
    centre = Fraction(len(both) + 1, 2)
    a, b = ([rank - centre for rank in side] for side in ranks)
    spread = sum(v * v for v in a) * sum(v * v for v in b)
    if not spread:
        return None
    return float(sum(v * w for v, w in zip(a, b, strict=True))) / math.sqrt(spread)


def is_step(parameter, run: int, other: int) -> bool:
    """Tell whether two runs, that differ in a parameter, are one step apart in it."""
    here, there = parameter.values[run], parameter.values[other]
    levels = sorted({float(value) for value in parameter.values if not math.isnan(value)})
    if math.isnan(here) or math.isnan(there):
        return False
    if parameter.labels is not None:
        return len(levels) <= 20
    return abs(levels.index(here) - levels.index(there)) == 1


def neighbours(parameters, run: int) -> list[int]:
    found = []
    for other in range(len(parameters[0].values) if parameters else 0):
        differing = [
            p
            for p in parameters
            if p.values[run] != p.values[other] and not (math.isnan(p.values[run]) and math.isnan(p.values[other]))
        ]
        if len(differing) == 1 and is_step(differing[0], run, other):
            found.append(other)
    return found


def plateau(parameters, metric: Column, run: int) -> tuple[float, int]:
    values = known([metric[other] for other in neighbours(parameters, run)])
    return (middle(values) if values else math.nan), len(values)


def percentile(values: Column, run: int) -> float | None:
    others = [value for i, value in enumerate(values) if i != run and not math.isnan(value)]
    if math.isnan(values[run]) or not others:
        return None
    return statistics.fmean(1.0 if v < values[run] else 0.5 if v == values[run] else 0.0 for v in others)
