"""Lists of runs read from the sweep table: pages with their rows, ranks, neighbours, figures."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from fractions import Fraction
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from bots_app.analysis.sweep.columns import numbers
from bots_app.choosing import is_left_out
from bots_app.metrics import ROW_METRICS
from bots_app.query import RunQuery
from bots_app.sweep import sweep
from bots_app.table.memory import memory
from bots_app.table.ordering import Ordering, TablePosition
from bots_app.table.plateaus import is_plateau
from bots_app.table.query import (
    TablePage,
    aggregate_of_query,
    fields_of_query,
    mask_of,
    page_of,
    rank_of,
    start_of,
)
from bots_app.table.snapshot import Snapshot, UnknownField
from bots_app.table.values import bits_in, bits_of
from dashboard.errors import InvalidParameter
from dashboard.store.keys import SessionKeys
from dashboard.store.pages import read_rows
from sessions_app.records import SessionId

#: Attempts at a page of which a run is changed before its row is read.
ATTEMPTS = 10
#: What a row says of a run that a list may be ordered or narrowed by.
SHOWN = frozenset(("status", "profit", "lastUpdated", *ROW_METRICS))
#: What a row says of these, without what the garbage collector would look at.
_rows: msgspec.json.Decoder[list[Any]] = msgspec.json.Decoder(
    list[msgspec.defstruct("Shown", [(name, Any, None) for name in sorted(SHOWN)], gc=False)]  # type: ignore[misc]
)

_RANK, _PERCENTILE = re.compile(r"[1-9][0-9]{0,11}"), re.compile(r"([0-9]{1,3}(?:[.][0-9]{1,9})?)%")

#: Where a list begins: at a rank from 1, or where a share (0 to 1) of it has been passed.
Start = int | Fraction


def read_table_page(
    sid: SessionId, query: RunQuery, *, position: TablePosition | None, limit: int, start: Start | None = None,
    fields: Collection[str] = (),
) -> tuple[TablePage, list[bytes | None]]:  # fmt: skip
    """Return a page and the row of each run, None of one without. Raises SessionNotFound, InvalidParameter.

    The page has the plateau scores that are among these fields, and those that the query looks at.
    Cost: one round trip while nothing has changed since the last page, else two; and a pass over the columns that the
    query looks at.
    """
    keys, fields_of = SessionKeys(str(sid)), fields_of_query(query)
    scored = [name for name in fields_of.union(fields) if is_plateau(name)]

    def find(snapshot: Snapshot) -> TablePage:
        begin = start
        if isinstance(begin, Fraction):
            begin = start_of(begin, int(np.count_nonzero(mask_of(snapshot, query))))
        return page_of(snapshot, query, position=position, limit=limit, start=begin)

    guessed = None if scored else memory().guess(keys, fields_of, find, hashes_of=_hashes_of)
    if guessed is not None and None not in guessed[1]:
        return guessed
    for _ in range(ATTEMPTS):
        with sweep(sid, fields_of.union(scored)) as snapshot:
            page = find(snapshot)
            said = {name: bits_in(snapshot.column(name)[page.rows]) for name in fields_of & SHOWN}
            scores = {name: numbers(snapshot.column(name)[page.rows]) for name in scored}
        rows = read_rows(keys, page.hashes)
        if _is_as_said(rows, said):
            break
    return msgspec.structs.replace(page, scores=scores), rows


def _hashes_of(page: TablePage) -> list[str]:
    return page.hashes


def _is_as_said(rows: Sequence[bytes | None], said: dict[str, npt.NDArray[np.uint64]]) -> bool:
    """Tell whether all rows are there and still say what the runs were chosen and ordered by."""
    if not said or None in rows:
        return None not in rows
    found = _rows.decode(b"[%b]" % b",".join(rows))  # type: ignore[arg-type] # None is none of them
    return all(_has_bits([getattr(row, name) for row in found], bits) for name, bits in said.items())


def _has_bits(values: list[Any], bits: npt.NDArray[np.uint64]) -> bool:
    if not {float, int}.issuperset(map(type, values)):
        return [bits_of(value) for value in values] == bits.tolist()
    return np.array_equal(bits_in(np.array(values, dtype=np.float64)), bits)


def count_in_table(sid: SessionId, query: RunQuery) -> int:
    """Return how many runs match."""
    with sweep(sid, fields_of_query(query, is_ordered=False)) as snapshot:
        return int(np.count_nonzero(mask_of(snapshot, query)))


def rank_in_table(sid: SessionId, query: RunQuery, config_hash: str) -> tuple[int | None, int]:
    """Return (k, N): the place of a run from 1, None if it is not in the list, and the length of the list."""
    with sweep(sid, fields_of_query(query)) as snapshot:
        return rank_of(snapshot, query, config_hash)


def neighbours_in_table(sid: SessionId, query: RunQuery, config_hash: str) -> tuple[str | None, str | None]:
    """Return the runs just before and just after a run in the list; None at its ends and outside it."""
    member = config_hash.encode("utf-8", "surrogatepass")
    with sweep(sid, fields_of_query(query)) as snapshot:
        mask, ordering = mask_of(snapshot, query), Ordering(snapshot, query.order)
        row = ordering.order.hashes.row_of(member)
        if row is None or not mask[row]:
            return None, None
        before, after = (
            page_of(snapshot, query, position=ordering.position(row, member, backward=backward), limit=1).hashes
            for backward in (True, False)
        )
    return (before[0] if before else None), (after[0] if after else None)


def aggregate_in_table(sid: SessionId, query: RunQuery) -> dict[str, Any]:
    """Return the figures over all runs that match."""
    with sweep(sid, fields_of_query(query, is_ordered=False) | {"profit", "status"}) as snapshot:
        return aggregate_of_query(snapshot, query)


def check_fields(sid: SessionId, fields: tuple[str, ...], known: frozenset[str]) -> None:
    """Raise InvalidParameter for a field that is not known and that no run of the session has.

    Plateau scores are not looked at: the page that has them tells. A row may have a field that there was no column for.
    """
    others = [name for name in fields if name not in known and not is_plateau(name)]
    if others:
        with sweep(sid, others) as snapshot:
            for name in others:
                if not snapshot.has(name) and not is_left_out(sid, snapshot.generation, name):
                    raise UnknownField(name, snapshot.names())


def start_in(text: str) -> Start | None:
    """Return where a list begins: a rank such as 1000, or a percentile such as 99%. Raises InvalidParameter.

    The list begins at the percentile p where all but the first (100 - p) percent of its runs are left.
    """
    if not text:
        return None
    if found := _PERCENTILE.fullmatch(text):
        # Of doubles, 1 - 0.9 is a little less than a tenth.
        share = 1 - Fraction(found[1]) / 100
        if share >= 0:
            return share
    elif _RANK.fullmatch(text):
        return int(text)
    raise InvalidParameter(
        "start", f"{text[:40]!r} is neither a rank from 1, such as 1000, nor a percentile, such as 99%."
    )
