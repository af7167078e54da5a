"""What the fields of a session are: of what kind, how many runs have them, how their values are spread."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Literal

import msgspec
import numpy as np

from bots_app.analysis.definitions import DEFINITIONS
from bots_app.analysis.sweep.columns import shortened
from bots_app.analysis.sweep.quantiles import Quantile, quantiles
from bots_app.analysis_columns import columns_of, in_parts
from bots_app.analysis_kept import Kept
from bots_app.analysis_reading import plain
from bots_app.analysis_sizes import MOST_BYTES, as_many_as_fit, size_of
from bots_app.choosing import explained, left_out
from bots_app.chosen_columns import Columns, label
from bots_app.metrics import metric_paths
from bots_app.plateau_columns import NoPlateau
from bots_app.query import RunQuery
from bots_app.table.fields import CONFIG
from bots_app.table.plateaus import is_plateau, metric_of
from bots_app.table.snapshot import Snapshot, UnknownField
from bots_app.table.values import FALSE, MISSING, TRUE, bits_in
from dashboard.store.keys import SessionKeys
from dashboard.store.table import read_omitted
from sessions_app.records import SessionId

Kind = Literal["number", "text", "boolean", "mixed"]
PROBABILITIES = (0.05, 0.25, 0.5, 0.75, 0.95)
#: Texts that are named with their counts, and in a shortened answer.
MOST_COMMON, FEW_COMMON = 10, 3
#: Rows of a session up to which the plateau scores of all usual metrics are listed, not that of the profit alone: at a
#: million rows each takes 0.3 s after a write.
FEW_RUNS = 200_000
#: Bytes that the names of fields without a column may take.
OMITTED_BYTES = 16 * 1024

_DEFINITION_OF = {
    "profit": "net_profit", "sharpe": "sharpe", "maxDrawdown": "max_drawdown", "winRate": "win_rate",
    "profitFactor": "profit_factor", "numTrades": "trades", "avgTradeDuration": "average_duration",
}  # fmt: skip
_OF_THE_ROW = {
    "status": "What became of the run: usually completed, running or failed.",
    "lastUpdated": "When the run was last updated, in milliseconds since 1970 UTC.",
}
PLATEAU_TEXT = (
    "Median of {metric} over the runs one step away: the next value up or down in one parameter, or another text where "
    "there are at most 20, and all other parameters equal. Of all runs of the session, whatever the filters. Near the "
    "run's own {metric}: a plateau; far from it: a spike."
)


class Common(msgspec.Struct, frozen=True, rename="camel"):
    """Hold a text or boolean, cut to 40 characters, and how many runs have it."""

    value: str
    count: int


class FieldFigures(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Hold a field over the runs that match: `count` have a value of it, `missing` do not.

    `kind` is that of its values in all runs of the session. Figures are of its numbers; `distinct` and `commonest` of
    its texts and booleans.
    """

    name: str
    kind: Kind
    count: int
    missing: int
    min: float | None = None
    max: float | None = None
    mean: float | None = None
    std: float | None = None
    quantiles: list[Quantile] = []
    distinct: int | None = None
    commonest: list[Common] = []
    description: str = ""


#: Some 1 KB each: the fields of the sessions and filters that were looked at last.
_kept: Kept[FieldFigures] = Kept(5_000)


class FieldList(msgspec.Struct, frozen=True, rename="camel"):
    """Hold the fields by name, over the `runs` that match.

    Where all would not fit in 256 KiB `detail` is `short` (the median alone, three commonest texts, no description) or
    `least` (no figures but the least and greatest value), and `leftOut` fields are not listed at all: name those that
    you want by `fields`. `omitted` are fields without a column, as a session has at most 500, for the fields that the
    most runs have: some of `omittedCount`, which counts 1,000 at most. `choice` is `pending` where so much was
    written that other fields may be the more frequent by now: the columns are chosen anew then, in the background.
    """

    fields: list[FieldFigures]
    detail: Literal["full", "short", "least"]
    left_out: int
    omitted: list[str]
    omitted_count: int
    choice: Literal["settled", "pending"]
    runs: int


def field_list(sid: SessionId, query: RunQuery, *, fields: Sequence[str] = ()) -> dict[str, Any]:
    """Describe the fields of a session, or those named, as plain JSON of at most 256 KiB.

    Raises SessionNotFound, IndexBuilding, Unavailable, InvalidParameter. Cost: O(n) a field, unless the table is as it
    was when it was asked for last; all columns are loaded, as many at a time as memory has room for.
    """
    with columns_of(sid, query, ()) as columns:
        snapshot, runs = columns.snapshot, columns.runs
        names = snapshot.names()
    scored = metric_paths().keys() if snapshot.rows <= FEW_RUNS else {"profit"}
    listed = [name for name in names if not is_plateau(name) or metric_of(name) in scored]
    scope = query.scope(sid)

    def key(state: Snapshot, name: str) -> tuple[object, ...]:
        return (weakref.ref(state.history), state.revision, scope, name)

    kept = {name: _kept.get(key(snapshot, name)) for name in fields or listed}
    found = [one for one in kept.values() if one is not None]
    missing = [name for name, one in kept.items() if one is None]
    with suppress(*(() if fields else (NoPlateau,))):
        # Those that there may be none of come last.
        for part in (False, True):
            for columns, name in _columns(sid, query, [name for name in missing if is_plateau(name) == part]):
                if _is_known(columns.snapshot, name, is_asked=name in fields):
                    figures = figures_of(columns, name)
                    _kept.put(key(columns.snapshot, name), figures)
                    found.append(figures)
                elif name in fields:
                    raise explained(sid, UnknownField(name, names))
    omitted = sorted(read_omitted(SessionKeys(str(sid)), snapshot.generation))
    choice: Literal["settled", "pending"] = "pending" if omitted and left_out(sid).is_pending else "settled"
    answer = FieldList([], "full", 0, as_many_as_fit(omitted, OMITTED_BYTES), len(omitted), choice, runs)
    return plain(fitted(answer, found), snapshot)


def _columns(sid: SessionId, query: RunQuery, names: Sequence[str]) -> Iterator[tuple[Columns, str]]:
    for part, columns in in_parts(sid, query, names):
        for name in part:
            yield columns, name


def _is_known(snapshot: Snapshot, name: str, *, is_asked: bool) -> bool:
    """Tell whether some run has a value; a plateau score that is asked for is known without."""
    return snapshot.has_numbers(name) or snapshot.has_others(name) or (is_asked and is_plateau(name))


def figures_of(columns: Columns, name: str) -> FieldFigures:
    """Sum a field up."""
    snapshot, values = columns.snapshot, columns.values(name)
    kind, distinct, others = kind_of(columns, name), None, 0
    commonest: list[Common] = []
    if snapshot.has_others(name):
        bits = bits_in(np.ascontiguousarray(values))
        found, counts = np.unique(bits[np.isnan(values) & (bits != np.uint64(MISSING))], return_counts=True)
        first = np.argsort(-counts, kind="stable")[:MOST_COMMON]
        commonest = [Common(shortened(label(snapshot, int(found[at]))), int(counts[at])) for at in first.tolist()]
        distinct, others = len(found), int(counts.sum())
    if not snapshot.has_numbers(name):
        return FieldFigures(
            name, kind, others, columns.runs - others, distinct=distinct, commonest=commonest,
            description=description_of(name),
        )  # fmt: skip
    summary = quantiles(values, PROBABILITIES)
    count = summary.count + others
    return FieldFigures(
        name, kind, count, columns.runs - count, summary.min, summary.max, summary.mean, summary.std,
        summary.quantiles, distinct, commonest, description_of(name),
    )  # fmt: skip


def kind_of(columns: Columns, name: str) -> Kind:
    """Return what a field is in the runs of the session."""
    snapshot = columns.snapshot
    if not snapshot.has_others(name):
        return "number"
    if snapshot.has_numbers(name):
        return "mixed"
    codes = bits_in(np.ascontiguousarray(snapshot.column(name))) - np.uint64(MISSING)
    is_boolean = (codes == FALSE) | (codes == TRUE)
    has_texts = bool(((codes != 0) & ~is_boolean).any())
    return ("mixed" if is_boolean.any() else "text") if has_texts else "boolean"


def description_of(name: str) -> str:
    """Return in words what a field is, or where it comes from."""
    if name in _OF_THE_ROW:
        return _OF_THE_ROW[name]
    if name in _DEFINITION_OF:
        return f"{DEFINITIONS[_DEFINITION_OF[name]].text} As reported by the run."
    if is_plateau(name):
        return PLATEAU_TEXT.format(metric=metric_of(name))
    if name in metric_paths():
        return "A metric that this site is set to read."
    return "A parameter of the configuration." if name.startswith(CONFIG) else "As the run's performance reports it."


def fitted(answer: FieldList, found: Sequence[FieldFigures]) -> FieldList:
    """Put fields into an answer, in as much detail as it has room for."""
    found = sorted(found, key=lambda one: one.name)
    for detail, figures in (("full", found), ("short", [_short(one) for one in found])):
        whole = msgspec.structs.replace(answer, fields=figures, detail=detail)
        if size_of(whole) <= MOST_BYTES:
            return whole
    listed = as_many_as_fit([_least(one) for one in found], MOST_BYTES - size_of(answer))
    return msgspec.structs.replace(answer, fields=listed, detail="least", left_out=len(found) - len(listed))


def _short(one: FieldFigures) -> FieldFigures:
    medians = [quantile for quantile in one.quantiles if quantile.probability == 0.5]
    return msgspec.structs.replace(one, quantiles=medians, commonest=one.commonest[:FEW_COMMON], description="")


def _least(one: FieldFigures) -> FieldFigures:
    return FieldFigures(one.name, one.kind, one.count, one.missing, one.min, one.max, distinct=one.distinct)
