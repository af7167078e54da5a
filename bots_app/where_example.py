"""An example of a `where` expression made of a session's own fields: a metric, and a parameter with values it has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bots_app.expressions.tokens import quoted_name
from bots_app.metrics import ROW_METRICS
from bots_app.table.fields import CONFIG
from bots_app.table.shapes import canonical_names
from bots_app.table.values import from_stored
from dashboard.store.client import client
from dashboard.store.keys import SEGMENT_ROWS, SessionKeys
from dashboard.store.table_tail import read_tail
from dashboard.tolerant import from_bytes
from sessions_app.records import SessionId

#: Where nothing is known of a session.
PLAIN = "profit > 0 and status = 'completed'"
#: What the usual metrics are worth asking.
_METRICS = {"sharpe": "sharpe > 1", "profitFactor": "profitFactor > 1.2", "winRate": "winRate > 0.5",
            "numTrades": "numTrades >= 30", "maxDrawdown": "maxDrawdown < 0.3"}  # fmt: skip
#: Letters of a name that fits into the box, and parameters that are looked at, each in a segment of rows: the next runs
#: of a grid differ in few of them.
MOST_LETTERS, LOOKED_AT = 60, 12
#: Examples that are remembered, by session and generation of its table: fields come and go, but seldom all of them.
MOST_KEPT = 1_000

_kept: dict[tuple[str, str], str] = {}


def where_example(sid: SessionId, generation: str) -> str:
    """Return an example for a session whose table has this generation, '' for none.

    Cost: two round trips the first time in each process, then none.
    """
    found = _kept.get((str(sid), generation))
    if found is None:
        found, is_whole = _made(SessionKeys(str(sid)), generation) if generation else (PLAIN, False)
        if is_whole:
            if len(_kept) >= MOST_KEPT:
                _kept.clear()
            _kept[str(sid), generation] = found
    return found


def _made(keys: SessionKeys, generation: str) -> tuple[str, bool]:
    """Return an example, and whether it has both a metric and a parameter."""
    table = keys.table(generation)
    names = [name for name in map(from_bytes, client().smembers(table.name("columns"))) if len(name) <= MOST_LETTERS]
    metric = next((text for name, text in _METRICS.items() if name in names), "")
    others = sorted(set(names) - canonical_names() - set(ROW_METRICS), key=_rank)
    if not metric:
        own = next((name for name in others if not name.startswith(CONFIG)), "profit")
        metric = f"{quoted_name(own)} > 0"
    parameters = [name for name in others if name.startswith(CONFIG)][:LOOKED_AT]
    if not parameters:
        return f"{metric} and status = 'completed'", False
    pipe = client().pipeline()
    for name in parameters:
        pipe.getrange(table.values(0, name), 0, 8 * SEGMENT_ROWS - 1)
    newest = read_tail(keys, generation)
    for name, content in zip(parameters, pipe.execute(), strict=True):
        # Rows that follow what is there: where they stand does not matter here.
        whole = content[: len(content) // 8 * 8] + b"".join(one.value(name) for one in newest)
        if condition := _condition(name, whole):
            return f"{metric} and {condition}", True
    return f"{metric} and not ({quoted_name(parameters[0])} is missing)", True


def _rank(name: str) -> tuple[bool, bool, int, str]:
    """Return what puts names that are easily read first, and among them what a strategy calls its parameters."""
    return quoted_name(name) != name, ".param" not in name.lower(), len(name), name


def _condition(name: str, content: bytes) -> str:
    """Return a condition that some of these values meet and others do not, '' where they are not several numbers."""
    values = from_stored(content)
    found: Sequence[float] = np.unique(values[np.isfinite(values)]).tolist()
    if len(found) < 2:
        return ""
    middle = (len(found) - 1) // 2
    return f"{quoted_name(name)} in ({found[middle]:.6g}, {found[middle + 1]:.6g})"
