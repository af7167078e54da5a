"""The distinct values of a parameter, or bins of them where they are too many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np

from bots_app.analysis.sweep.bins import Bins, equal_width
from bots_app.analysis.sweep.columns import Codes, Floats, Parameter, shortened
from bots_app.analysis.sweep.places import bounds_passed

#: Up to this many distinct values, each is shown for itself.
MOST_LEVELS = 60
#: Bins of a parameter with more.
BINS = 30

Binning = Literal["quantile", "width"]


class Axis(msgspec.Struct, frozen=True, rename="camel"):
    """Say what the groups of a parameter are, in order.

    `kind` is `values` (each distinct number: `values`), `labels` (each distinct text, cut to 40 characters: `labels`)
    or `bins` ([edges[i], edges[i + 1]), the last closed: `edges`, one more than groups). `binning` says how bins were
    made: `quantile` (about as many runs in each) or `width`. Of a text with more labels than are shown, the last
    group holds the `lumped` rarest. `missing` runs have no finite value and are in no group.
    """

    name: str
    kind: Literal["values", "labels", "bins"]
    missing: int
    values: list[float] | None = None
    labels: list[str] | None = None
    edges: list[float] | None = None
    binning: Binning | None = None
    lumped: int = 0


@dataclass(frozen=True, eq=False)
class Groups:
    """Hold the group of every run, -1 without one, shape (n,), and what the `size` groups are."""

    axis: Axis
    codes: Codes
    size: int


def distinct(in_order: Floats) -> Floats:
    """Return the distinct ones of sorted values; 0.0 and -0.0 are one."""
    is_new = np.ones(len(in_order), dtype=np.bool_)
    np.not_equal(in_order[1:], in_order[:-1], out=is_new[1:])
    return in_order[is_new] + 0.0


def codes_of(values: Floats, levels: Floats) -> Codes:
    """Return the place of every value in `levels`, which hold all of them but NaN; -1 for NaN."""
    return np.where(np.isnan(values), np.int32(-1), bounds_passed(levels[1:], values))


def groups_of(
    parameter: Parameter, *, most_levels: int = MOST_LEVELS, bins: int = BINS, binning: Binning = "quantile"
) -> Groups:
    """Group the runs by a parameter: by its values or labels when these are at most `most_levels`, else by bins.

    What no run has is no group. Of more labels the most frequent stay, ties by their order, and the others are lumped
    together: texts have no order in which bins would make sense.
    """
    if parameter.labels is not None:
        return _by_label(parameter, parameter.labels, most_levels)
    values = np.where(np.isfinite(parameter.values), parameter.values, np.nan)
    in_order = np.sort(values[~np.isnan(values)])
    levels = distinct(in_order)
    missing = len(values) - len(in_order)
    if len(levels) <= most_levels:
        axis = Axis(parameter.name, "values", missing, values=levels.tolist())
        return Groups(axis, codes_of(values, levels), len(levels))
    made = _equal_count(in_order, bins) if binning == "quantile" else equal_width(in_order, bins)
    axis = Axis(parameter.name, "bins", missing, edges=made.edges.tolist(), binning=binning)
    return Groups(axis, made.places(values), len(made))


def _by_label(parameter: Parameter, labels: Sequence[str], most_levels: int) -> Groups:
    is_known = ~np.isnan(parameter.values)
    codes = np.where(is_known, parameter.values, -1).astype(np.int32)
    counts = np.bincount(codes + 1, minlength=len(labels) + 1)[1:]
    present = np.flatnonzero(counts)
    lumped = 0
    if len(present) > most_levels:
        by_frequency = present[np.argsort(-counts[present], kind="stable")]
        lumped = len(present) - (most_levels - 1)
        present = np.sort(by_frequency[: most_levels - 1])
    group = np.full(len(labels) + 1, len(present) if lumped else -1, dtype=np.int32)
    group[present] = np.arange(len(present))
    group[-1] = -1
    shown = [shortened(labels[i]) for i in present.tolist()]
    if lumped:
        shown.append(f"{lumped} others")
    missing = len(codes) - int(is_known.sum())
    axis = Axis(parameter.name, "labels", missing, labels=shown, lumped=lumped)
    return Groups(axis, group[codes], len(shown))


def _equal_count(in_order: Floats, bins: int) -> Bins:
    """Make bins of about as many of the sorted values each; equal values share a bin, so there may be fewer."""
    return Bins(distinct(in_order[np.arange(bins + 1) * (len(in_order) - 1) // bins]))
