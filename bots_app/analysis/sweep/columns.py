"""What the functions of this package take: columns as they lie in memory, and parameters, which may be text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = NDArray[np.int32]
Mask = NDArray[np.bool_]

#: Characters of a label in an answer: a text parameter may hold anything, and answers are bounded.
MOST_LABEL = 40


@dataclass(frozen=True, eq=False)
class Parameter:
    """Hold one parameter of every run: numbers, or codes 0..k-1 of `labels`; NaN is missing in both.

    `values` is float64 of shape (n,). Raises ValueError for a code that is no whole number or has no label.
    """

    name: str
    values: Floats
    labels: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if self.labels is None:
            return
        codes = self.values[~np.isnan(self.values)]
        if len(codes) and not (codes.min() >= 0 and codes.max() < len(self.labels) and (codes == np.rint(codes)).all()):
            raise ValueError(f"{self.name!r}: codes must be whole numbers from 0 to {len(self.labels) - 1}.")

    def take(self, rows: Mask) -> Parameter:
        """Choose runs by a mask."""
        return Parameter(self.name, self.values[rows], self.labels)


def check_lengths(*columns: Floats) -> int:
    """Return the common length; ValueError when there is none."""
    lengths = {len(column) for column in columns}
    if len(lengths) > 1:
        raise ValueError(f"Columns of different lengths: {sorted(lengths)}.")
    return lengths.pop() if lengths else 0


def finite_only(values: Floats) -> tuple[Floats, int, int]:
    """Return the finite values (the same array when all are), and how many are missing and infinite."""
    is_finite = np.isfinite(values)
    if is_finite.all():
        return values, 0, 0
    missing = int(np.isnan(values).sum())
    known = values[is_finite]
    return known, missing, len(values) - len(known) - missing


def number(value: float) -> float | None:
    """Return a float fit for JSON: None when it is not finite."""
    converted = float(value)
    return converted if math.isfinite(converted) else None


def numbers(values: NDArray[np.floating]) -> list[float | None]:
    """Return floats fit for JSON, None where one is not finite."""
    if np.isfinite(values).all():
        return list(values.tolist())
    return [value if math.isfinite(value) else None for value in values.tolist()]


def midpoint(lower: Floats, upper: Floats) -> Floats:
    """Return the middle of two finite numbers, also where their sum is not finite."""
    with np.errstate(over="ignore"):
        both = lower + upper
    return np.where(np.isfinite(both), both / 2, lower / 2 + upper / 2)


def shortened(label: str) -> str:
    """Cut a label to the length an answer has room for, with an ellipsis."""
    return label if len(label) <= MOST_LABEL else label[: MOST_LABEL - 1] + "…"
