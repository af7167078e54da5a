"""AnalysisRegistry: the door to figures over all matching runs of a session, each answer bounded in size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from bots_app.analysis.sweep.columns import Parameter
from bots_app.analysis.sweep.correlation import correlation
from bots_app.analysis.sweep.density import density
from bots_app.analysis.sweep.heatmap import Statistic, heatmap
from bots_app.analysis.sweep.histogram import histogram
from bots_app.analysis.sweep.importance import MOST_PARAMETERS, importance
from bots_app.analysis.sweep.parallel import MOST_AXES, Parallel, parallel
from bots_app.analysis.sweep.quantiles import USUAL, quantiles
from bots_app.analysis_columns import columns_of, varying_parameters
from bots_app.analysis_sizes import MOST_BYTES, as_many_as_fit, size_of
from bots_app.chosen_columns import Columns
from bots_app.query import RunQuery
from bots_app.table.selection import Key, Order, select
from bots_app.table.snapshot import Snapshot
from dashboard.errors import InvalidParameter
from sessions_app.records import SessionId


class Lines(Parallel, frozen=True, rename="camel"):
    """Hold the axes, the last of which is the metric, a line for each of the best runs, and how the others lie.

    `lines[k][a]` is the value of the k-th best run on axis a: a number, or the place of its label in the axis's
    labels; null is missing. `hashes[k]` is its configHash, null where it would not fit. `counts[a][i]` are the others
    in group i of axis a, `between[a]` in pairs of groups of axes a and a + 1. `others` = runs that are no lines.
    """

    hashes: list[str | None]


class AnalysisRegistry:
    """Figures of the runs that match. Every method may raise SessionNotFound, IndexBuilding, Unavailable, and
    InvalidParameter for a field that no run has; each returns plain JSON of at most 256 KiB."""

    def histogram(self, sid: SessionId, query: RunQuery, *, field: str, bins: int | None = None) -> dict[str, Any]:
        """Count the values of a field in bins of one width."""
        with columns_of(sid, query, [field]) as columns:
            return plain(histogram(columns.numbers(field, parameter="field"), bins), columns.snapshot)

    def quantiles(
        self, sid: SessionId, query: RunQuery, *, field: str, probabilities: Sequence[float] = USUAL
    ) -> dict[str, Any]:
        """Sum a field up: count, extremes, mean, deviation, quantiles."""
        with columns_of(sid, query, [field]) as columns:
            return plain(quantiles(columns.numbers(field, parameter="field"), probabilities), columns.snapshot)

    def density(
        self, sid: SessionId, query: RunQuery, *, x: str, y: str, x_bins: int, y_bins: int
    ) -> dict[str, Any]:  # fmt: skip
        """Count the runs in bins of two fields."""
        with columns_of(sid, query, [x, y]) as columns:
            across, up = columns.numbers(x, parameter="x"), columns.numbers(y, parameter="y")
            return plain(density(across, up, x_bins=x_bins, y_bins=y_bins), columns.snapshot)

    def heatmap(
        self, sid: SessionId, query: RunQuery, *, x: str, y: str, metric: str, statistic: Statistic
    ) -> dict[str, Any]:
        """Compute a figure of a metric for each pair of values of two fields, which may be texts."""
        with columns_of(sid, query, [x, y, metric]) as columns:
            figures = columns.numbers(metric, parameter="metric")
            across, up = columns.parameter(x, parameter="x"), columns.parameter(y, parameter="y")
            found = heatmap(across, up, None if statistic == "count" else figures, statistic=statistic)
            return plain(found, columns.snapshot)

    def importance(
        self, sid: SessionId, query: RunQuery, *, metric: str, fields: Sequence[str] = ()
    ) -> dict[str, Any]:  # fmt: skip
        """Weigh fields, the parameters that vary unless they are named, by what they explain of a metric."""
        names = list(fields) or varying_parameters(sid, query)
        if len(names) > MOST_PARAMETERS:
            raise InvalidParameter("fields", f"{len(names)} parameters vary; name at most {MOST_PARAMETERS} of them.")
        with columns_of(sid, query, [*names, metric]) as columns:
            weighed = [columns.parameter(name) for name in _still(columns, names, fields)]
            return plain(importance(weighed, columns.numbers(metric, parameter="metric")), columns.snapshot)

    def correlation(self, sid: SessionId, query: RunQuery, *, fields: Sequence[str]) -> dict[str, Any]:
        """Correlate the ranks of fields."""
        with columns_of(sid, query, fields) as columns:
            return plain(correlation({name: columns.numbers(name) for name in fields}), columns.snapshot)

    def parallel(
        self, sid: SessionId, query: RunQuery, *, metric: str, fields: Sequence[str] = (), top: int = 100,
        lowest: bool = False,
    ) -> dict[str, Any]:  # fmt: skip
        """Draw the best runs by a metric as lines over fields, those of the configuration that vary by default."""
        names = [name for name in fields or varying_parameters(sid, query) if name != metric][: MOST_AXES - 1]
        with columns_of(sid, query, [*names, metric]) as columns:
            last = Parameter(metric, columns.numbers(metric, parameter="metric"))
            axes = [columns.parameter(name) for name in _still(columns, names, fields)]
            if not axes:
                raise InvalidParameter("fields", "no parameter varies among these runs; name at least one field.")
            best = _best(columns, metric, top, lowest)
            found = parallel([*axes, last], _places(columns, best).tolist())
            answer = plain(found, columns.snapshot)
            hashes = as_many_as_fit(columns.snapshot.hashes_at(best), MOST_BYTES - size_of(answer))
            return answer | {"hashes": hashes + [None] * (len(best) - len(hashes))}


def plain(answer: msgspec.Struct, snapshot: Snapshot) -> dict[str, Any]:
    """Return an answer as plain JSON, which says if the snapshot lacks runs."""
    found: dict[str, Any] = msgspec.to_builtins(answer)
    return found | {"stale": True} if snapshot.is_stale else found


def _still(columns: Columns, names: Sequence[str], asked: Sequence[str]) -> list[str]:
    """Return the names; of those that nobody asked for by name, the ones that have not vanished meanwhile."""
    return [name for name in names if asked or columns.snapshot.has(name)]


def _best(columns: Columns, metric: str, top: int, lowest: bool) -> np.ndarray:
    """Return the rows of the best runs that have the metric, in the order of the list by it."""
    values = columns.snapshot.column(metric)
    order = Order((Key(values, not lowest),), columns.snapshot.row_hashes, not lowest)
    rows = select(columns.rows, order, limit=top).rows
    return rows[~np.isnan(values[rows])]


def _places(columns: Columns, rows: np.ndarray) -> np.ndarray:
    """Return where rows stand among those that match."""
    return np.cumsum(columns.rows)[rows] - 1
