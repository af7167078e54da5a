"""Spearman's rank correlation of columns, in whole numbers until the last division.

Ranks are doubled (ties have half ranks) and centred, and blocks of rows are so short that every sum of products is a
whole number below 2**53. So it is exact in whatever order it is added up, and the same on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from bots_app.analysis.sweep.columns import Codes, Floats, Mask, check_lengths

MOST_COLUMNS = 30
#: Whole numbers up to it are exact as floats.
EXACT = 2**53


class Correlation(msgspec.Struct, frozen=True, rename="camel"):
    """Hold `values[i][j]`, -1 to 1, of columns i and j over the `counts[i][j]` runs that have both.

    None where fewer than two runs have both, or either is the same in all of these.
    """

    names: list[str]
    values: list[list[float | None]]
    counts: list[list[int]]
    runs: int


def correlation(columns: Mapping[str, Floats]) -> Correlation:
    """Correlate at most 30 columns of runs, already filtered: at most 70 KiB of JSON with names of 200 characters.

    Ties have their average rank, infinite values rank first or last, and each pair is ranked over the runs that have
    both. A column is sorted once (O(n log n)); ranking again costs O(n) a column for every other set of rows, so it is
    cheap as long as columns miss values in the same runs: 30 that all differ are 435 sets. Memory: 4 bytes a value,
    8 where columns miss values in different runs.
    Raises ValueError for more columns, or columns of different lengths.
    """
    if len(columns) > MOST_COLUMNS:
        raise ValueError(f"At most {MOST_COLUMNS} columns.")
    runs = check_lengths(*columns.values())
    names = list(columns)
    masks, members = _by_mask(list(columns.values()))
    ranks = {i: ranks_of(column) for i, column in enumerate(columns.values())}
    found = np.full((len(names), len(names)), np.nan)
    counts = np.zeros((len(names), len(names)), dtype=np.int64)
    for a, left in enumerate(members):
        for b, right in enumerate(members[: a + 1]):
            common = masks[a] & masks[b]
            n = int(common.sum())
            rows = [_within(ranks[i], common, n) for i in left]
            columns_of_right = rows if a == b else [_within(ranks[i], common, n) for i in right]
            pairs = _coefficients(rows, columns_of_right, n)
            found[np.ix_(left, right)], found[np.ix_(right, left)] = pairs, pairs.T
            counts[np.ix_(left, right)] = counts[np.ix_(right, left)] = n
    values = [[None if math.isnan(value) else value for value in row] for row in found.tolist()]
    return Correlation(names, values, counts.tolist(), runs)


def ranks_of(column: Floats) -> Codes:
    """Return twice the average rank of every value, counted from 1, and 0 for a missing one."""
    order = np.argsort(column)[: len(column) - int(np.isnan(column).sum())]
    in_order = column[order]
    is_last = np.ones(len(order), dtype=np.bool_)
    np.not_equal(in_order[1:], in_order[:-1], out=is_last[:-1])
    ends = np.flatnonzero(is_last) + 1
    sizes = np.diff(ends, prepend=0)
    ranks = np.zeros(len(column), dtype=np.int32)
    ranks[order] = np.repeat(2 * ends - sizes + 1, sizes)
    return ranks


def _by_mask(columns: list[Floats]) -> tuple[list[Mask], list[list[int]]]:
    """Return the different sets of rows with values, and which columns have each."""
    masks: dict[bytes, Mask] = {}
    members: dict[bytes, list[int]] = {}
    for i, column in enumerate(columns):
        mask = ~np.isnan(column)
        key = np.packbits(mask).tobytes()
        masks.setdefault(key, mask)
        members.setdefault(key, []).append(i)
    return list(masks.values()), list(members.values())


def _within(ranks: Codes, common: Mask, n: int) -> Codes:
    """Return the doubled ranks, centred, among the n rows of `common`, all of which have one."""
    chosen = ranks if n == len(ranks) else ranks[common]
    if n < np.count_nonzero(ranks):
        counted = np.bincount(chosen, minlength=1)
        chosen = (2 * np.cumsum(counted) - counted + 1).astype(np.int32)[chosen]
    return chosen - np.int32(n + 1)


def _coefficients(left: list[Codes], right: list[Codes], n: int) -> Floats:
    """Return the coefficient of every row of `left` with every one of `right`, NaN where one does not vary."""
    products = _products(left, right, n)
    spread = [_products([row], [row], n)[0, 0] for row in left]
    spread_right = spread if right is left else [_products([row], [row], n)[0, 0] for row in right]
    return np.array(
        [[_ratio(products[i, j], spread[i] * spread_right[j]) for j in range(len(right))] for i in range(len(left))]
    )


def _products(left: list[Codes], right: list[Codes], n: int) -> NDArray[np.object_]:
    """Return the sums of products of rows of n, exactly, shape (rows of left, rows of right)."""
    step = max(1, (EXACT - 1) // max(1, n * n))
    total = np.zeros((len(left), len(right)), dtype=object)
    for start in range(0, n, step):
        block = np.array([row[start : start + step] for row in left], dtype=np.float64)
        other = block if right is left else np.array([row[start : start + step] for row in right], dtype=np.float64)
        # Whole numbers of unlimited size: those of a million rows are still below 2**63, of some millions not.
        total += (block @ other.T).astype(np.int64).astype(object)
    return total


def _ratio(product: int, spread: int) -> float:
    """Return product / sqrt(spread) of whole numbers, at most 1 in size, and 1 exactly when it is."""
    if not spread:
        return math.nan
    if product * product == spread:
        return math.copysign(1.0, product)
    return max(-1.0, min(1.0, product / math.sqrt(spread)))
