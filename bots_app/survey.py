"""What of which session lies in Redis, found by walking over the key space in small steps: for rebuild and check."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from dashboard.store import keys as store_keys
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.store.session_list import listed
from dashboard.tolerant import from_bytes
from sessions_app.discovery import find_session_ids
from sessions_app.records import SessionId

#: Keys that a step looks at, and members of a set: a key that nobody has used for long takes some 20 us at worst.
STEP, MEMBERS = 250, 500
#: What the key of a record of the later layout begins with.
LATER = "bot_registry:run:v1:context:"
#: Statuses that are looked for whether or not a key says that they exist.
USUAL = frozenset({"completed", "failed", "running", "unreadable", "unknown"})


def session_ids() -> set[str]:
    """Return every session that has a summary, a set of runs, a record, or a place in the list of sessions."""
    found = set(listed()) | set(find_session_ids())
    return found | {sid for sid, _ in run_keys("bot_registry:run:*")}


def run_keys(pattern: str) -> Iterator[tuple[str, str]]:
    """Yield (sid, configHash) of every record key that matches; a pair may come twice."""
    for key in client().scan_iter(match=pattern, count=STEP):
        found = store_keys.session_of(from_bytes(key))
        if found and found[1] is not None:
            yield found[0], found[1]


def run_hashes(sid: SessionId, strays: Iterable[str] | None = None) -> Iterator[str]:
    """Yield the hash of every record of one session that its key tells; a hash may come twice, or have no record.

    `strays` are those that the set of runs does not name, where they are known: the key space is not walked over then.
    """
    keys = SessionKeys(str(sid))
    if strays is not None:
        yield from strays
        is_set = client().type(keys.bots) == b"set"
        yield from map(from_bytes, client().sscan_iter(keys.bots, count=MEMBERS) if is_set else ())
        return
    start = len(keys.run_prefix.encode())
    for key in client().scan_iter(match=keys.pattern(keys.run_prefix), count=STEP):
        # What holds a colon is read as a record of another session; see `odd_members`.
        if b":" not in key[start:]:
            yield from_bytes(key[start:])


def odd_members(sid: SessionId, statuses: Iterable[str]) -> Iterator[str]:
    """Yield the hashes that no key tells, as they hold a colon, but that an index names; a hash may come again."""
    keys = SessionKeys(str(sid))
    names = [keys.bots, keys.index("rows"), keys.profit, *map(keys.status, sorted(statuses))]
    scans = {b"set": client().sscan_iter, b"zset": client().zscan_iter, b"hash": client().hscan_iter}
    for name in names:
        scan = scans.get(client().type(name))
        for item in scan(name, match="*:*", count=MEMBERS) if scan else ():
            yield from_bytes(item[0] if isinstance(item, tuple) else item)


def named_of(sid: SessionId, hashes: Sequence[str], statuses: Iterable[str]) -> set[str]:
    """Return those of some hashes that an index of the session names: one round trip."""
    keys, status_keys = SessionKeys(str(sid)), [SessionKeys(str(sid)).status(status) for status in statuses]
    pipe = client().pipeline()
    for config_hash in hashes:
        pipe.zscore(keys.profit, config_hash)
        pipe.hget(keys.index("rows"), config_hash)
        for name in (keys.bots, *status_keys):
            pipe.sismember(name, config_hash)
    answers = iter(pipe.answers() if hashes else ())
    found = {name: sum(_is_named(next(answers)) for _ in range(3 + len(status_keys))) for name in hashes}
    return {name for name, count in found.items() if count}


def _is_named(answer: object) -> bool:
    # A score may be 0; a key of another type names nothing.
    return not isinstance(answer, Exception) and (isinstance(answer, float) or bool(answer))


def later_records(sids: Iterable[SessionId] = ()) -> Iterator[str]:
    """Yield the key of every record of the layout that came after this one, of some sessions, or of all."""
    # There an id ends in `{start}-{end}`.
    ids = {"-".join(str(sid).rsplit(":", 1)) for sid in sids}
    for key in client().scan_iter(match=f"{LATER}*:config:*", count=STEP):
        name = from_bytes(key)
        if not ids or name.removeprefix(LATER).rpartition(":config:")[0] in ids:
            yield name


def statuses_of(sids: Iterable[str]) -> dict[str, set[str]]:
    """Return for each session the statuses that have a fixed set, and those that are always looked for."""
    found: dict[str, set[str]] = {sid: set(USUAL) for sid in sids}
    prefixes = {SessionKeys(sid).status_prefix: sid for sid in found}
    pattern = "session:*:bots:status:*"
    if len(found) == 1:
        pattern = SessionKeys(next(iter(found))).pattern(next(iter(prefixes)))
    for key in client().scan_iter(match=pattern, count=STEP):
        name = from_bytes(key)
        # A status may itself hold `:bots:status:`; the session's own prefix is the shortest that fits.
        end = name.find(":bots:status:")
        while end != -1:
            prefix = name[: end + len(":bots:status:")]
            if prefix in prefixes:
                found[prefixes[prefix]].add(name.removeprefix(prefix))
                break
            end = name.find(":bots:status:", end + 1)
    return found
