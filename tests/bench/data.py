"""The sessions that are measured, all of synthetic runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bots_app.rebuild import rebuild
from bots_app.registry import BotRegistry
from bots_app.synthetic import records
from bots_app.writing import RunWrite
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.store.shared import chunked
from sessions_app.records import SessionId
from tests.bench.timing import timed

#: Runs loaded, and timed, in one step.
STEP = 5_000
#: Records of another program that go into one pipeline.
PIPELINE = 500
_HASH = re.compile(rb'"configHash":"([^"]+)"')
#: The profit that half of the tied session's runs share.
TIED_PROFIT = "2.5"


def session(name: str) -> SessionId:
    return SessionId.parse(f"{name}/BENCH:1h:1700000000000:1731536000000")


@dataclass(frozen=True)
class Sessions:
    """`main` has N runs; `tied` too, half of them with one profit; `small` a tenth."""

    runs: int
    main: SessionId
    tied: SessionId
    small: SessionId

    @classmethod
    def of(cls, runs: int) -> Sessions:
        """Return which they are, loaded or not."""
        return cls(runs, session("MAIN"), session("TIED"), session("SMALL"))


def load_all(sessions: Sessions) -> float:
    """Load every session; return the seconds the main one took from text to index.

    The others are loaded the quickest way there is: as another program's, and indexed then.
    """
    runs = sessions.runs
    seconds = load(sessions.main, records(sessions.main, runs))
    for sid, texts in (
        (sessions.tied, tied(records(sessions.tied, runs))),
        (sessions.small, records(sessions.small, runs // 10)),
    ):
        store(sid, texts)
        rebuild(sid)
    return seconds


def store(sid: SessionId, texts: Iterator[bytes]) -> None:
    """Write records as another program does that knows no index but the set of a session's runs."""
    keys = SessionKeys(str(sid))
    for chunk in chunked(texts, PIPELINE):
        hashes = [_HASH.search(text)[1].decode() for text in chunk]  # type: ignore[index]
        pipe = client().pipeline(transaction=False)
        for name, text in zip(hashes, chunk, strict=True):
            pipe.set(keys.run(name), text)
        pipe.sadd(keys.bots, *hashes)
        pipe.execute()


def load(sid: SessionId, texts: Iterator[bytes]) -> float:
    """Write runs; return the seconds that checking and writing took, without those that inventing them took."""
    registry, seconds = BotRegistry(), 0.0
    for chunk in chunked(texts, STEP):
        seconds += timed(lambda found=chunk: registry.put_many(sid, (RunWrite.parse(text) for text in found)))
    return seconds


def tied(texts: Iterator[bytes]) -> Iterator[bytes]:
    """Yield records of which every other has TIED_PROFIT."""
    for number, text in enumerate(texts):
        yield with_profit(text, TIED_PROFIT) if number % 2 else text


def with_profit(text: bytes, profit: str) -> bytes:
    """Return a record with another profit."""
    return re.sub(rb'"totalProfit":[^,}]+', b'"totalProfit":%b' % profit.encode(), text, count=1)
