"""Runs the demo's sessions on all cores and writes them through BotRegistry; what is there already is left alone."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from itertools import islice
from multiprocessing.connection import Connection
from operator import itemgetter
from typing import Any

import msgspec

from bots_app.demo.records import is_left_running
from bots_app.demo.sweep import PLANS, Plan
from bots_app.helpers import Helper, close_all, wait_for
from bots_app.query import RunQuery
from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.errors import SessionNotFound
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry

#: Runs per piece of work: small enough for an even load on all cores, large enough that a batch is one write.
CHUNK = {"backtesting": 5}
DEFAULT_CHUNK = 100
PAGE = 500
#: Pieces that a helper has at a time, so that it does not wait while its results are written.
AHEAD = 2
#: Seconds between two looks at whether the rest is wanted still.
LOOK_S = 0.2

Chunk = tuple[str, list[tuple[Any, bool]]]


def hashes_of(registry: BotRegistry, sid: SessionId, *, statuses: tuple[str, ...] = ()) -> set[str]:
    """Return the hashes of the runs in a session, none when there is no session; one round trip per 500 runs."""
    found: set[str] = set()
    cursor = None
    while True:
        try:
            page = registry.page(sid, RunQuery(statuses=statuses), cursor=cursor, limit=PAGE)
        except SessionNotFound:
            return found
        found.update(page.hashes)
        cursor = page.next_cursor
        if cursor is None:
            return found


def sid_of(plan: Plan) -> SessionId:
    """Return the session that a plan fills."""
    return SessionId.parse(plan.prices().session_id)


def missing(plan: Plan, present: set[str]) -> list[tuple[Any, bool]]:
    """Return the configurations of a plan that are not in the session yet, and whether each is run to its end."""
    pending = []
    for config in plan.configs():
        run_hash = plan.hash_of(config)
        if run_hash not in present:
            pending.append((config, not is_left_running(run_hash)))
    return pending


def chunks(pending: dict[str, list[tuple[Any, bool]]]) -> list[Chunk]:
    """Cut all work into pieces, those of slow and fast plans mixed evenly so that the time left can be told."""
    pieces: list[tuple[float, Chunk]] = []
    for name, configs in pending.items():
        size = CHUNK.get(name, DEFAULT_CHUNK)
        for first in range(0, len(configs), size):
            pieces.append((first / len(configs), (name, configs[first : first + size])))
    return [piece for _, piece in sorted(pieces, key=itemgetter(0))]


def run_chunk(chunk: Chunk) -> tuple[str, list[bytes]]:
    """Run the configurations of one piece; return their records as JSON."""
    name, configs = chunk
    plan = PLANS[name]
    return name, [msgspec.json.encode(plan.record(config, is_finished=finished)) for config, finished in configs]


def run_chunks(connection: Connection) -> None:
    """Run the pieces that come through the connection, and answer with their records, until it is closed."""
    # `backtesting` shows a bar per run, which would drown ours; tqdm reads this when it is imported.
    os.environ["TQDM_DISABLE"] = "1"
    from tqdm import tqdm

    # Its own lock is shared between processes, and left behind by one that is ended.
    tqdm.set_lock(threading.RLock())
    while True:
        connection.send(run_chunk(connection.recv()))


def _results(
    pieces: Sequence[Chunk], *, processes: int, is_wanted: Callable[[], bool]
) -> Generator[tuple[str, list[bytes]], None, None]:
    """Yield what each piece gives, in any order, until it is not wanted any more. Raises HelperEnded."""
    if processes == 1 or not pieces:
        for piece in pieces:
            if not is_wanted():
                return
            yield run_chunk(piece)
        return
    helpers = [Helper(run_chunks) for _ in range(processes)]
    left, under_way = iter(pieces), 0
    try:
        for helper, piece in zip(helpers * AHEAD, left, strict=False):
            helper.send(piece)
            under_way += 1
        while under_way and is_wanted():
            for helper in wait_for(helpers, seconds=LOOK_S):
                result = helper.receive()
                under_way -= 1
                for piece in islice(left, 1):
                    helper.send(piece)
                    under_way += 1
                yield result
    finally:
        close_all(helpers)


def load(
    names: Iterable[str] = tuple(PLANS),
    *,
    advance: Callable[[int], None] = lambda count: None,
    expect: Callable[[int], None] = lambda total: None,
    is_wanted: Callable[[], bool] = lambda: True,
    processes: int = os.cpu_count() or 1,
) -> Counter[str]:
    """Write every run of the plans that is not stored yet; return how many were created, and how many were `present`.

    Can be stopped at any time and started again: each batch is written whole, and only what is missing is run. Ends
    early once it is not wanted any more, within the time of a piece. Raises HelperEnded.
    """
    registry, counts = BotRegistry(), Counter[str]()
    sids = {name: sid_of(PLANS[name]) for name in names}
    pending = {}
    for name, sid in sids.items():
        present = hashes_of(registry, sid)
        pending[name] = missing(PLANS[name], present)
        counts["present"] += len(present)
    expect(sum(map(len, pending.values())))
    noted = set()
    with closing(_results(chunks(pending), processes=processes, is_wanted=is_wanted)) as finished:
        for name, records in finished:
            results = registry.put_many(sids[name], [RunWrite.parse(text) for text in records])
            counts.update(result.result for result in results)
            if name not in noted:
                noted.add(name)
                note_if_silent(sids[name], PLANS[name].notes)
            advance(len(results))
    return counts


def note_if_silent(sid: SessionId, notes: str) -> None:
    """Say in a session's notes what the data are, unless somebody has written there."""
    sessions = SessionRegistry()
    if not sessions.get(sid).notes:
        sessions.annotate(sid, notes=notes)
