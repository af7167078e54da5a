"""The smallest of many values, found through a sample of them: most are looked at once and never moved."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bots_app.table.hashes import Rows
from bots_app.table.values import Floats, Mask

#: Values a sample holds, about.
SAMPLE = 8_192
#: Values that are partitioned without asking a sample.
MANY = 4 * SAMPLE


def kth_smallest(values: npt.NDArray[Any], k: int) -> Any:
    """Return the k-th smallest value from 1, the greatest when there are no more than k."""
    if len(values) <= k:
        return values.max()
    if len(values) > MANY:
        sample = values[:: _step(len(values))]
        guess = _guess(sample, len(sample) * k / len(values))
        if guess is not None:
            is_near = values <= guess
            near = int(np.count_nonzero(is_near))
            if near >= k:
                if near - int(np.count_nonzero(values == guess)) < k:
                    return guess
                values = values[is_near]
    return np.partition(values, k - 1)[k - 1]


def near_smallest(mask: Mask, values: Floats, k: int, *, is_down: bool) -> Rows | None:
    """Return rows of the mask among which its k smallest values (greatest when `is_down`) are for certain.

    None when the sample does not tell. NaN is no value.
    """
    step = _step(len(values))
    sample = values[::step][mask[::step]]
    expected = len(sample) * k / max(1, int(np.count_nonzero(mask)))
    sample = sample[sample == sample]
    guess = _guess(-sample if is_down else sample, expected)
    if guess is None:
        return None
    is_near = (values >= -guess) if is_down else (values <= guess)
    is_near &= mask
    rows = np.flatnonzero(is_near)
    return rows if len(rows) >= k else None


def _step(length: int) -> int:
    # Odd, so that it keeps no time with the powers of two and the even numbers in which parameters of a sweep come.
    return max(1, length // SAMPLE) | 1


def _guess(sample: npt.NDArray[Any], expected: float) -> Any:
    """Return a value that very likely has enough values not above it, None where no small part of them will do.

    `expected` is how many of the sample are to be among those that are wanted.
    """
    rank = int(expected * 1.5) + 8
    return np.partition(sample, rank)[rank] if rank < len(sample) // 2 else None
