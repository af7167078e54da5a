"""RunAnalysisRegistry: the door to where one run stands among those of its session."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from bots_app.analysis.sweep.neighbours import MOST_PARAMETERS, Step, neighbours
from bots_app.analysis.sweep.percentiles import Standing, percentiles
from bots_app.analysis_columns import columns_of, names_of, varying_parameters
from bots_app.analysis_reading import plain
from bots_app.analysis_sizes import MOST_BYTES, as_many_as_fit, size_of
from bots_app.chosen_columns import Columns
from bots_app.metrics import metric_paths
from bots_app.query import RunQuery
from bots_app.sweep import sweep
from bots_app.table.query import fields_of_query, mask_of, rank_of
from bots_app.table.snapshot import Snapshot
from bots_app.unindexed import wait_for_index
from dashboard.errors import InvalidParameter, RunNotFound
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from sessions_app.records import SessionId


class Standings(msgspec.Struct, frozen=True, rename="camel"):
    """Hold where a run stands in each metric among the `runs` that match; itself too, though it may not match."""

    is_match: bool
    runs: int
    metrics: list[Standing]


class RunNeighbour(msgspec.Struct, frozen=True, rename="camel"):
    """Hold a run one step away: the parameter in which it differs, its value there, its metric."""

    config_hash: str
    parameter: str
    value: float | str | None
    metric: float | None


class RunNeighbours(msgspec.Struct, frozen=True, rename="camel"):
    """Hold the runs that differ in one parameter, and there by one step: at most the first 500 of `count`.

    `plateau` is the median metric of the `known` ones that have it, all of them, listed or not; null without one.
    """

    metric: float | None
    plateau: float | None
    count: int
    known: int
    steps: list[Step]
    neighbours: list[RunNeighbour]


class Rank(msgspec.Struct, frozen=True, rename="camel"):
    """Hold the place of a run in the list, from 1 to `count`; null for a run that does not match.

    `percentile` is the share, 0 to 1, of the other runs of the list that come after it: 1 for the first run.
    """

    rank: int | None
    count: int
    percentile: float | None


class RunAnalysisRegistry:
    """A run among others. Every method may raise SessionNotFound, RunNotFound, IndexBuilding, Unavailable, and
    InvalidParameter for a field that no run has; each returns plain JSON of at most 256 KiB."""

    def percentiles(
        self, sid: SessionId, config_hash: str, query: RunQuery, *, fields: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Rank a run in fields, the metrics that the session has by default, among the runs that match."""
        names = list(fields) or sorted(names_of(sid).intersection(metric_paths()))
        with sweep(sid, {*names, *fields_of_query(query, is_ordered=False)}) as snapshot:
            row = row_of(sid, snapshot, config_hash)
            mask = mask_of(snapshot, query)
            is_match = bool(mask[row])
            if not is_match:
                mask = mask.copy()
                mask[row] = True
            columns = Columns(snapshot, mask)
            found = percentiles({name: columns.numbers(name) for name in names}, int(np.count_nonzero(mask[:row])))
            return plain(Standings(is_match, columns.runs - (not is_match), found), snapshot)

    def neighbours(
        self, sid: SessionId, config_hash: str, *, metric: str, fields: Sequence[str] = ()
    ) -> dict[str, Any]:  # fmt: skip
        """Find the runs one step away in the grid of the parameters, those that vary by default, of ALL runs."""
        names = list(fields) or varying_parameters(sid, RunQuery())
        if len(names) > MOST_PARAMETERS:
            raise InvalidParameter("fields", f"{len(names)} parameters vary; name at most {MOST_PARAMETERS} of them.")
        with columns_of(sid, RunQuery(), [*names, metric]) as columns:
            snapshot = columns.snapshot
            row = row_of(sid, snapshot, config_hash)
            grid = [columns.parameter(name) for name in names if fields or snapshot.has(name)]
            place = int(np.count_nonzero(columns.rows[:row]))
            found = neighbours(grid, place, columns.numbers(metric, parameter="metric"))
            rows = np.flatnonzero(columns.rows)[[one.run for one in found.neighbours]]
            listed = [
                RunNeighbour(name, found.steps[one.step].parameter, one.value, one.metric)
                for name, one in zip(snapshot.hashes_at(rows), found.neighbours, strict=True)
            ]
            answer = RunNeighbours(found.metric, found.plateau, found.count, found.known, found.steps, [])
            fitting = as_many_as_fit(listed, MOST_BYTES - size_of(answer))
            return plain(msgspec.structs.replace(answer, neighbours=fitting), snapshot)

    def rank(self, sid: SessionId, config_hash: str, query: RunQuery) -> dict[str, Any]:
        """Return the place of a run in the list of a query."""
        with sweep(sid, fields_of_query(query)) as snapshot:
            row_of(sid, snapshot, config_hash)
            rank, count = rank_of(snapshot, query, config_hash)
            percentile = (count - rank) / (count - 1) if rank is not None and count > 1 else None
            return plain(Rank(rank, count, percentile), snapshot)


def row_of(sid: SessionId, snapshot: Snapshot, config_hash: str) -> int:
    """Return the row of a run. Raises RunNotFound; IndexBuilding for one that the table lacks as yet."""
    member = config_hash.encode("utf-8", "surrogatepass")
    row = snapshot.row_hashes.row_of(member)
    if row is not None and snapshot.is_live()[row]:
        return row
    if snapshot.is_stale and client().sismember(SessionKeys(str(sid)).bots, member):
        raise wait_for_index(sid, f"what is said of run {config_hash}")
    raise RunNotFound(sid, config_hash)
