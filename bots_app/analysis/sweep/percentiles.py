"""Where one run stands among all in each of its metrics."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from bots_app.analysis.sweep.columns import Floats, check_lengths, number

MOST_METRICS = 64


class Standing(msgspec.Struct, frozen=True, rename="camel"):
    """Hold the place of a run's `value` among the `count` runs that have the metric.

    `percentile` is the share, 0 to 1, of the other runs with a lower value, those with the same value counted half:
    1 for the single highest, 0 for the single lowest, 0.5 where all are the same. It goes by the value as it is: of a
    drawdown that is positive, low is good. None without a value or without another run.
    """

    metric: str
    value: float | None
    percentile: float | None
    lower: int
    same: int
    higher: int
    count: int
    missing: int


def percentiles(values_by_metric: Mapping[str, Floats], run_index: int) -> list[Standing]:
    """Rank one run in at most 64 metrics of runs, already filtered; `run_index` is its place in the columns.

    `same` leaves the run itself out. Infinite values rank above or below all others. O(n) each, at most 100 KiB of JSON
    with names of at most 200 characters. Raises ValueError for more metrics, columns of different lengths, no such run.
    """
    if len(values_by_metric) > MOST_METRICS:
        raise ValueError(f"At most {MOST_METRICS} metrics.")
    runs = check_lengths(*values_by_metric.values())
    if values_by_metric and not 0 <= run_index < runs:
        raise ValueError(f"There is no run {run_index} among {runs}.")
    return [_standing(metric, values, run_index) for metric, values in values_by_metric.items()]


def _standing(metric: str, values: Floats, run_index: int) -> Standing:
    value = float(values[run_index])
    missing = int(np.isnan(values).sum())
    count = len(values) - missing
    if np.isnan(value):
        return Standing(metric, None, None, 0, 0, 0, count, missing)
    lower = int((values < value).sum())
    same = int((values == value).sum()) - 1
    percentile = (lower + same / 2) / (count - 1) if count > 1 else None
    return Standing(metric, number(value), percentile, lower, same, count - 1 - lower - same, count, missing)
