"""Parallel coordinates: the best runs as exact lines, all others as density between neighbouring axes."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from bots_app.analysis.sweep.columns import Floats, Parameter, check_lengths, numbers
from bots_app.analysis.sweep.groups import Axis, groups_of

MOST_AXES, MOST_LINES = 16, 200
#: Groups of an axis. Bins have one width, so that an axis is to scale.
MOST_GROUPS = 24


class Between(msgspec.Struct, frozen=True, rename="camel"):
    """Hold `counts[i][j]`: runs in group i of an axis and group j of the next; `missing` lack a value on either."""

    counts: list[list[int]]
    missing: int


class Parallel(msgspec.Struct, frozen=True, rename="camel"):
    """Hold the axes, a line for each of the top runs, and how the others lie.

    `lines[k][a]` is the value of the k-th best run on axis a: a number, or the place of its label in the axis's
    labels; None is missing. `counts[a][i]` are the others in group i of axis a, `between[a]` in pairs of groups of axes
    a and a + 1. `others` = runs that are no lines. Groups are made of all runs.
    """

    axes: list[Axis]
    lines: list[list[float | None]]
    counts: list[list[int]]
    between: list[Between]
    others: int
    runs: int


def parallel(axes: Sequence[Parameter], best: Sequence[int]) -> Parallel:
    """Draw runs, already filtered; `best` are the places of the top runs in the columns, in the caller's order.

    2 to 16 axes (parameters or metrics), at most 200 lines, 24 groups an axis: at most 220 KiB of JSON. O(n) an axis.
    Raises ValueError for more, columns of different lengths, or a place that there is not or that is given twice.
    """
    if not 2 <= len(axes) <= MOST_AXES:
        raise ValueError(f"There must be 2 to {MOST_AXES} axes.")
    runs = check_lengths(*(axis.values for axis in axes))
    if len(best) > MOST_LINES:
        raise ValueError(f"At most {MOST_LINES} runs are drawn as lines.")
    if len(set(best)) < len(best) or any(not 0 <= place < runs for place in best):
        raise ValueError("The top runs must be different places of the columns.")
    chosen = np.array(best, dtype=np.intp)
    is_other = np.ones(runs, dtype=np.bool_)
    is_other[chosen] = False
    grouped = [groups_of(axis, most_levels=MOST_GROUPS, bins=MOST_GROUPS, binning="width") for axis in axes]
    on_axes = [
        group.codes[chosen].astype(np.float64) if group.axis.kind == "labels" else axis.values[chosen]
        for axis, group in zip(axes, grouped, strict=True)
    ]
    others = [group.codes[is_other] for group in grouped]
    sizes = [group.size for group in grouped]
    counts = [np.bincount(codes + 1, minlength=size + 1)[1:] for codes, size in zip(others, sizes, strict=True)]
    pairs = zip(others, others[1:], sizes, sizes[1:], strict=False)
    return Parallel(
        axes=[group.axis for group in grouped],
        lines=_lines(on_axes, [group.axis.kind == "labels" for group in grouped]),
        counts=[counted.tolist() for counted in counts],
        between=[_between(here, there, size, size_there) for here, there, size, size_there in pairs],
        others=runs - len(best),
        runs=runs,
    )


def _lines(on_axes: list[Floats], are_labels: list[bool]) -> list[list[float | None]]:
    columns = [
        [None if value < 0 else int(value) for value in column.tolist()] if is_label else numbers(column)
        for column, is_label in zip(on_axes, are_labels, strict=True)
    ]
    return [list(line) for line in zip(*columns, strict=True)]


def _between(here: np.ndarray, there: np.ndarray, size: int, size_there: int) -> Between:
    pair = here * size_there + there
    is_missing = (here < 0) | (there < 0)
    pair[is_missing] = size * size_there
    counted = np.bincount(pair, minlength=size * size_there + 1)[: size * size_there]
    return Between(counted.reshape(size, size_there).tolist(), int(is_missing.sum()))
