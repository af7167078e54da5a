"""Walking over records and sessions to find what nobody told of, in small steps that others can come between.

Each walk is an iterator: a step touches some hundred runs, and whoever drives it does other things in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from bots_app.averages import kept_average
from bots_app.indexer import SessionIndexer
from bots_app.indexing import BATCH_RUNS
from bots_app.survey import USUAL
from dashboard.errors import InvalidSessionId, Unavailable
from dashboard.store import keys as store_keys
from dashboard.store.client import KeyTypeError, client
from dashboard.store.dropped_tables import remove_dropped
from dashboard.store.keys import SessionKeys
from dashboard.store.scripts import script
from dashboard.store.session_list import listed, own_list_keys
from dashboard.store.shared import INDEX_VERSION, chunked
from dashboard.tolerant import from_bytes
from sessions_app.records import SessionId
from sessions_app.registry import finish_index, summary_options

#: Keys a step of a walk over the key space looks at.
STEP = 250
#: Records that are found before they are compared, so that those of a session come together; some 200 bytes each.
GATHERED = 50_000
#: Sessions looked at in one round trip.
LOOKS = 100
#: Attempts at writing a summary that others write at the same time.
ATTEMPTS = 20

#: Compares and files runs of sessions.
Apply = Callable[[Mapping[str, Sequence[str]]], None]

NONE, THEIRS, OURS = 0, 1, 2


class Look(NamedTuple):
    """What the counts of a session's keys say; see look_session.lua."""

    is_deleting: int
    is_built: int
    #: Whose the summary is: NONE, THEIRS, OURS.
    summary: int
    is_known: int
    runs: int
    is_in_agreement: int
    fingerprint: bytes


def look_at(sids: Sequence[str]) -> dict[str, Look | None]:
    """Return what the counts of each session say, None where a key holds another type than it should."""
    calls = []
    for sid in sids:
        keys = SessionKeys(sid)
        names = [keys.bots, keys.profit]
        names += [keys.index(name) for name in ("rows", "stats", "unranked", "deleting")]
        calls.append(([*names, keys.summary], [keys.status_prefix, INDEX_VERSION, *USUAL]))
    answers = script("look_session").each(calls)
    return {
        sid: None if isinstance(answer, Exception) else Look(*answer) for sid, answer in zip(sids, answers, strict=True)
    }


def catch_up(apply: Apply, arrange: Callable[[str, Look | None], None]) -> Iterator[None]:
    """Compare every record there is with the indexes, then every session's counts.

    `arrange` is told of each session what there is.
    """
    sids: set[str] = set()
    gathered: dict[str, list[str]] = {}
    count = 0
    for names in _scan(store_keys.RECORDS):
        unclear = []
        for name in names:
            if store_keys.is_unclear(name):
                unclear.append(name)
            elif (found := store_keys.session_of(name)) and found[1] is not None:
                gathered.setdefault(found[0], []).append(found[1])
                count += 1
        for sid, config_hash in resolved(unclear):
            gathered.setdefault(sid, []).append(config_hash)
            count += 1
        yield
        if count >= GATHERED:
            sids.update(gathered)
            yield from _compared(gathered, apply)
            gathered, count = {}, 0
    sids.update(gathered)
    yield from _compared(gathered, apply)
    for pattern in (store_keys.SUMMARIES, "session:*:bots"):
        for names in _scan(pattern):
            sids.update(found[0] for name in names if (found := store_keys.session_of(name)))
            yield
    sids.update(listed())
    for sid in sorted(sids):
        yield from _without_record(sid, apply)
    yield from look_over(sorted(sids), arrange)


def look_over(sids: Iterable[str], arrange: Callable[[str, Look | None], None]) -> Iterator[None]:
    """Look at the counts of sessions, some in a step."""
    for some in chunked(sids, LOOKS):
        for sid, look in look_at(some).items():
            arrange(sid, look)
        yield


def sweep_session(sid: SessionId, apply: Apply) -> Iterator[None]:
    """Bring the keys of a session in agreement, and complete the derived ones if they are not.

    Raises KeyTypeError, Unavailable.
    """
    look = look_at([str(sid)])[str(sid)]
    if look is None or look.is_deleting:
        return
    fields = map(from_bytes, client().hkeys(SessionKeys(str(sid)).index("stats")))
    indexer = SessionIndexer(sid, statuses=USUAL | {name[2:] for name in fields if name.startswith("n:")})
    for hashes in indexer.members() if not look.is_in_agreement else ():
        apply({str(sid): hashes})
        yield
    if not look.is_built:
        yield from indexer.recount()
        indexer.finish(with_summary=True)


def mend_summary(sid: SessionId, *, is_ours: bool = False) -> None:
    """Make the numbers of a built session's summary right; everything else in it is kept.

    A summary that our scripts wrote is left alone unless `is_ours`. Raises KeyTypeError, Unavailable.
    """
    for _ in range(ATTEMPTS):
        options: dict[str, Any] = summary_options(sid)
        text = options.pop("text")
        # `base` says that it is ours by now: another writer was first.
        if "base" in options and not is_ours:
            return
        if finish_index(sid, **options, **kept_average(sid, text)) == 1:
            return
    raise Unavailable(f"The summary of session {sid} is being written too often by another program; try again.")


def forget(sid: SessionId, *, with_summary: bool) -> bool:
    """Take away what we keep of a session without runs and without a summary; tell whether it was so.

    `with_summary` takes a summary that our scripts made for one without.
    """
    keys = SessionKeys(str(sid))
    names = [keys.bots, keys.profit, *(keys.index(name) for name in ("rows", "stats", "deleting"))]
    names += [keys.summary, keys.events, keys.dropped_tables, *own_list_keys()]
    is_gone = bool(script("forget_session")(names, [str(sid), int(with_summary)]))
    if is_gone:
        remove_dropped(keys)
    return is_gone


def resolved(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return (sid, configHash) of records whose hash holds colons, by the sets that name them."""
    readings = [store_keys.readings(name) for name in names]
    pipe = client().pipeline()
    for sid, config_hash in chain.from_iterable(readings):
        pipe.sismember(SessionKeys(sid).bots, config_hash)
    is_member = iter(pipe.answers() if any(readings) else ())
    found = []
    for pairs in readings:
        members = [pair for pair, answer in [(pair, next(is_member)) for pair in pairs] if answer == 1]
        # What no set names is read as if the hash held no colon.
        found += members[:1] or pairs[-1:]
    return found


def _scan(pattern: str) -> Iterator[list[str]]:
    """Yield the keys that match, those of each step together; most steps may be empty."""
    for found in client().scan_steps(pattern, count=STEP):
        yield [from_bytes(key) for key in found]


def _compared(gathered: Mapping[str, list[str]], apply: Apply) -> Iterator[None]:
    pairs = ((sid, config_hash) for sid in sorted(gathered) for config_hash in dict.fromkeys(gathered[sid]))
    for some in chunked(pairs, BATCH_RUNS):
        hashes: dict[str, list[str]] = {}
        for sid, config_hash in some:
            hashes.setdefault(sid, []).append(config_hash)
        apply(hashes)
        yield


def _without_record(sid: str, apply: Apply) -> Iterator[None]:
    """Compare the runs of a session's set that have no record."""
    keys = SessionKeys(sid)
    steps = client().sscan_steps(keys.bots, count=STEP)
    while True:
        try:
            found = next(steps, None)
        except KeyTypeError:
            return
        if found is None:
            return
        hashes = [from_bytes(member) for member in found]
        if hashes and client().exists(*map(keys.run, hashes)) < len(set(hashes)):
            for some in chunked(hashes, BATCH_RUNS):
                apply({sid: some})
                yield
        yield


def parsed(sid: str) -> SessionId | None:
    """Return the session id, None for a text that is none."""
    try:
        return SessionId.parse(sid)
    except InvalidSessionId:
        return None
