"""Answers to queries of runs from the sweep table: pages of a list, aggregates, ranks. Pure: a snapshot is given."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple

import msgspec
import numpy as np

from bots_app.expressions import InvalidExpression
from bots_app.profits import ends_of, spread_figures
from bots_app.query import RunQuery
from bots_app.table.ordering import Ordering, TablePosition
from bots_app.table.selection import Key, Order, place_of, row_at, select
from bots_app.table.snapshot import Snapshot, UnknownField
from bots_app.table.values import Floats, Mask, bits_in, is_value, number_of
from dashboard.tolerant import from_bytes

#: Statuses that are counted one after another; from then on all that are left together, which costs a sort.
FEW_STATUSES = 20


class TablePage(msgspec.Struct, frozen=True):
    """Some runs of a list in its order; `preceding` is how many of the list come before the first of them."""

    revision: int
    count: int
    preceding: int
    stale: bool
    #: Places of the runs in the snapshot's columns.
    rows: list[int]
    hashes: list[str]
    #: Where it begins and ends, as far as the list goes on there.
    first: TablePosition | None
    last: TablePosition | None
    #: What no record tells of the runs: the plateau scores that were asked for.
    scores: dict[str, list[float | None]] = {}

    @property
    def has_previous(self) -> bool:
        return self.preceding > 0

    @property
    def has_next(self) -> bool:
        return self.preceding + len(self.hashes) < self.count

    def next(self) -> TablePosition | None:
        """Return where the next page starts, None on the last one."""
        if not self.has_next:
            return None
        return self.last or TablePosition()

    def previous(self) -> TablePosition | None:
        """Return where the previous page ends, None on the first one."""
        if not self.has_previous:
            return None
        return self.first or TablePosition(backward=True)

    def end(self) -> TablePosition | None:
        """Return where the last page ends, None on it."""
        return TablePosition(backward=True) if self.has_next else None


def fields_of_query(query: RunQuery, *, is_ordered: bool = True) -> frozenset[str]:
    """Return the fields that a query looks at, those of its order too if that matters."""
    fields = {bound.field for bound in query.bounds}
    if query.statuses or query.excluded:
        fields.add("status")
    if query.has_range:
        fields.add("profit")
    if query.where is not None:
        fields |= query.where.fields
    return frozenset(fields.union(field for field, _ in query.order) if is_ordered else fields)


def mask_of(snapshot: Snapshot, query: RunQuery) -> Mask:
    """Return which rows match the filters of a query. Raises InvalidParameter for a field that no run has.

    The mask is kept: after a change only the rows near it are looked at again. So is that of each filter by itself, as
    long as nothing changes: users move one bound at a time.
    """
    _check_fields(snapshot, query)
    live = snapshot.is_live()
    columns = {name: snapshot.column(name) for name in fields_of_query(query, is_ordered=False)}
    if not columns:
        return live

    def compute(part: slice) -> Mask:
        is_whole, mask = part == slice(0, snapshot.rows), live[part].copy()
        for one in _filters(query):
            passing = _passing(snapshot, one) if is_whole else one.passes(columns[one.field][part])
            np.logical_and(mask, passing, out=mask)
        if query.where is not None:
            mask &= query.where.mask({name: values[part] for name, values in columns.items()}.__getitem__)
        return mask

    where = query.where.canonical if query.where is not None else None
    filters = (query.statuses, query.excluded, query.min_profit, query.max_profit, query.bounds, where)
    return snapshot.derive(("mask", *filters), compute, of=columns)


def _check_fields(snapshot: Snapshot, query: RunQuery) -> None:
    for bound in query.bounds:
        if not snapshot.has(bound.field):
            parameter = f"{'max' if bound.least is None else 'min'}.{bound.field}"
            raise UnknownField(bound.field, snapshot.names(), parameter=parameter)
    if query.where is not None:
        lacking = {name for name in query.where.fields if not snapshot.has(name)}
        try:
            query.where.check((snapshot.names() | query.where.fields) - lacking)
        except InvalidExpression as error:
            raise UnknownField.within(error) from error


class _Filter(NamedTuple):
    """A filter that looks at one field; `name` and `operand` tell it from others of the field."""

    field: str
    name: str
    operand: object
    passes: Callable[[Floats], Mask]


def _filters(query: RunQuery) -> Iterator[_Filter]:
    """Yield every filter but the expression."""
    if query.statuses:
        yield _Filter("status", "in", query.statuses, partial(_is_any, query.statuses))
    if query.excluded:
        yield _Filter("status", "out", query.excluded, partial(_is_none, query.excluded))
    for field, least, most in (("profit", query.min_profit, query.max_profit), *query.bounds):
        if least is not None:
            yield _Filter(field, "min", least, partial(np.less_equal, least))
        if most is not None:
            yield _Filter(field, "max", most, partial(np.greater_equal, most))


def _is_any(statuses: Sequence[str], values: Floats) -> Mask:
    return np.logical_or.reduce([is_value(values, status) for status in statuses])


def _is_none(statuses: Sequence[str], values: Floats) -> Mask:
    return np.logical_not(_is_any(statuses, values))


def _passing(snapshot: Snapshot, one: _Filter) -> Mask:
    """Return which rows pass a filter, empty ones perhaps among them; it is kept for this revision."""
    mask = snapshot.kept(one[:3])
    if mask is None:
        mask = one.passes(snapshot.column(one.field))
        snapshot.keep(one[:3], mask)
    return mask


def page_of(
    snapshot: Snapshot, query: RunQuery, *, position: TablePosition | None = None, limit: int = 50,
    start: int | None = None,
) -> TablePage:  # fmt: skip
    """Return a page of the list of a query: behind a position, before a backward one, or from the rank `start` on.

    Ranks are counted from 1; one behind the last run gives an empty page. Raises InvalidParameter, CursorInvalid.
    """
    mask = mask_of(snapshot, query)
    ordering = Ordering(snapshot, query.order)
    order, position = ordering.order, position or TablePosition()
    if start is not None:
        count = int(np.count_nonzero(mask))
        place = place_of(row_at(mask, order, start - 1), order) if 1 <= start <= count else None
        found = select(mask, order, limit=limit if place else 0, place=place, is_inclusive=True)
        preceding = found.preceding if place else count
    else:
        place = ordering.place(position) if position.values else None
        found = select(mask, order, limit=limit, place=place, backward=position.backward)
        preceding = found.preceding
    rows, hashes = found.rows, order.hashes.at(found.rows)
    first = last = None
    if hashes and preceding > 0:
        first = ordering.position(int(rows[0]), hashes[0], backward=True)
    if hashes and preceding + len(hashes) < found.count:
        last = ordering.position(int(rows[-1]), hashes[-1], backward=False)
    names = [from_bytes(one) for one in hashes]
    return TablePage(
        snapshot.revision, found.count, preceding, snapshot.is_stale, rows.tolist(), names, first, last
    )  # fmt: skip


def start_of(share: Fraction, count: int) -> int:
    """Return the rank from 1 at which a share (0 to 1) of a list of so many runs has been passed."""
    return min(count, math.floor(share * count)) + 1


def rank_of(snapshot: Snapshot, query: RunQuery, config_hash: str) -> tuple[int | None, int]:
    """Return (k, N): the place of a run from 1 in the list of a query, None if it is not in it, and its length."""
    mask = mask_of(snapshot, query)
    order = Ordering(snapshot, query.order).order
    row = order.hashes.row_of(config_hash.encode("utf-8", "surrogatepass"))
    if row is None or not mask[row]:
        return None, int(np.count_nonzero(mask))
    found = select(mask, order, limit=0, place=place_of(row, order), is_inclusive=True)
    return found.preceding + 1, found.count


def aggregate_of_query(snapshot: Snapshot, query: RunQuery) -> dict[str, Any]:
    """Return the aggregate of the runs that match, as the sorted sets give it.

    The snapshot has profit and status beside the fields of the query.
    """
    mask = mask_of(snapshot, query)
    profit = snapshot.column("profit")
    ends: list[tuple[bytes, float] | tuple[()]] = []
    for descending in (False, True):
        order = Order((Key(profit, descending),), snapshot.row_hashes, descending)
        rows = select(mask, order, limit=1).rows
        is_found = len(rows) and not np.isnan(profit[rows[0]])
        ends.append((order.hashes.at(rows)[0], float(profit[rows[0]]) + 0.0) if is_found else ())
    values = profit[mask]
    answer = {
        "count": int(np.count_nonzero(mask)),
        "countByStatus": status_counts(snapshot, mask),
        **ends_of(*ends),
        **spread_figures(values[~np.isnan(values)]),
    }
    return answer | ({"stale": True} if snapshot.is_stale else {})


def status_counts(snapshot: Snapshot, mask: Mask) -> dict[str, int]:
    """Return how many rows of a mask have each status, by name; a snapshot that has the status."""
    bits = bits_in(snapshot.column("status")[mask])
    counts: dict[int, int] = {}
    while len(bits) and len(counts) < FEW_STATUSES:
        is_first = bits == bits[0]
        counts[int(bits[0])] = int(np.count_nonzero(is_first))
        bits = bits[~is_first]
    codes, rest = np.unique(bits, return_counts=True)
    counts |= dict(zip(codes.tolist(), rest.tolist(), strict=True))
    named = {label_of(snapshot, code): count for code, count in counts.items()}
    return dict(sorted(named.items()))


def label_of(snapshot: Snapshot, bits: int) -> str:
    """Return a status, or what stands for one of which no text is kept: it is too long, or one of too many."""
    number = number_of(bits)
    if not math.isnan(number):
        return repr(number)
    label = snapshot.label(bits)
    return str(label) if label is not None else f"(text {bits:016x})"
