"""The session of the sweep table's figures: synthetic runs with exactly 40 columns, and what is asked of them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bots_app.query import Bound, RunQuery
from bots_app.registry import BotRegistry
from bots_app.synthetic import records
from bots_app.writing import RunWrite
from dashboard.store.shared import chunked
from sessions_app.records import SessionId
from tests.bench.data import STEP, session
from tests.bench.sweep.plain import PlainRuns
from tests.bench.timing import timed

SID = session("SWEEP")
COLUMNS = 40
#: What synthetic runs have beyond 40 columns: texts that say nothing, or not the same of every run, and two numbers.
_LEFT_OUT = re.compile(
    rb'"error":"[^"]*",|"initialBalance":1000\.0,|"type":"(?:SyntheticCrossover|percentage)",|"fees":[^,]+,'
)
_LAST = b',"description":'
#: The filters: "Sharpe above 1.5, drawdown below 20 %, at least 100 trades", and ones that half of all runs pass.
NARROW, WIDE = (1.5, 0.2, 100), (0.0, 0.5, 50)
ORDER = "calmarRatio"
#: What the least Sharpe ratio differs by from one threshold to the next.
STEP_OF_SHARPE = 1e-6
#: The same of the most drawdown, and of the fewest trades, where a step is too small to let other runs pass.
STEP_OF_DRAWDOWN, STEP_OF_TRADES = 1e-9, 1e-6

Limits = tuple[float, float, float]


def texts(sid: SessionId, runs: int) -> Iterator[bytes]:
    """Yield records with exactly 40 columns."""
    return (trimmed(text) for text in records(sid, runs))


def trimmed(text: bytes) -> bytes:
    """Return a synthetic record without what is beyond 40 columns."""
    return _LEFT_OUT.sub(b"", text.partition(_LAST)[0]) + b"}}"


def load(runs: int) -> tuple[PlainRuns, float]:
    """Load the session; return the same runs as plain arrays, and the seconds that checking and writing took."""
    registry, seconds, plain = BotRegistry(), 0.0, PlainRuns.empty()
    for chunk in chunked(texts(SID, runs), STEP):
        seconds += timed(lambda found=chunk: registry.put_many(SID, map(RunWrite.parse, found)))
        plain.add(chunk)
    return plain.finished(), seconds


def query(limits: Limits) -> RunQuery:
    """Return three fields filtered, ordered by a fourth."""
    sharpe, drawdown, trades = limits
    bounds = (Bound("sharpe", sharpe), Bound("maxDrawdown", None, drawdown), Bound("numTrades", trades))
    return RunQuery(bounds=bounds, ordering=f"-{ORDER}")


def parameters(limits: Limits) -> dict[str, object]:
    """Return the same as an address has it."""
    sharpe, drawdown, trades = limits
    return {
        "min.sharpe": repr(sharpe), "max.maxDrawdown": drawdown, "min.numTrades": trades, "ordering": f"-{ORDER}",
    }  # fmt: skip


def moved(limits: Limits, number: int) -> Limits:
    """Return the limits with another threshold of one field, as a user moves one bound."""
    return (limits[0] + number * STEP_OF_SHARPE, *limits[1:])


def all_moved(limits: Limits, number: int) -> Limits:
    """Return the limits with three other thresholds, so that nothing that was found before can be used."""
    sharpe, drawdown, trades = moved(limits, number)
    return sharpe, drawdown + number * STEP_OF_DRAWDOWN, trades - number * STEP_OF_TRADES
