"""Giving keys other names: at once on one server, by copying where the new names lie on another one.

No key is overwritten, and none is removed before the same stands under its new name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from redis.exceptions import ResponseError

from dashboard.store.client import client, translated
from dashboard.store.scripts import script

#: What became of a key: see rename_keys.lua.
RENAMED, ABSENT, SAME, CONFLICT = 1, 0, 2, -1
#: Members of a set, or entries of a sorted set, copied at a time.
MEMBERS = 500
#: Attempts at a key that is written while it is copied.
ATTEMPTS = 20

Pair = tuple[str, str]


def rename(pairs: Sequence[Pair]) -> list[int]:
    """Rename some hundred keys at most; return what became of each. Raises StoreUnavailable; may be repeated then.

    Cost: one round trip on one server, four on a cluster.
    """
    if not pairs:
        return []
    if not client().is_cluster:
        codes: list[int] = script("rename_keys")([key for pair in pairs for key in pair], [])
        return codes
    return _copied(pairs, ATTEMPTS)


def _copied(pairs: Sequence[Pair], attempts: int) -> list[int]:
    dumps = _dumps([source for source, _ in pairs])
    pipe = client().pipeline()
    asked = [place for place, (payload, _) in enumerate(dumps) if payload is not None]
    for place in asked:
        payload, ttl_ms = dumps[place]
        pipe.restore(pairs[place][1], max(ttl_ms, 0), payload)
    codes = [ABSENT for _ in pairs]
    for place, answer in zip(asked, pipe.execute(raise_on_error=False), strict=True):
        codes[place] = RENAMED
        if isinstance(answer, ResponseError):
            if not str(answer).startswith("BUSYKEY"):
                with translated():
                    raise answer
            codes[place] = SAME
    standing = [place for place in asked if codes[place] == SAME]
    for place, (payload, _) in zip(standing, _dumps([pairs[place][1] for place in standing]), strict=True):
        if payload != dumps[place][0]:
            codes[place] = CONFLICT
    there = [place for place in asked if codes[place] != CONFLICT]
    client().await_replicas([pairs[place][1] for place in there])
    removed = _unlink([(pairs[place][0], dumps[place][0]) for place in there])
    changed = [place for place, code in zip(there, removed, strict=True) if code == -1]
    if changed:
        # Written meanwhile: our copy is out of date. What somebody else has put there by now stays.
        _unlink([(pairs[place][1], dumps[place][0]) for place in changed])
        again = _copied([pairs[place] for place in changed], attempts - 1) if attempts else [CONFLICT] * len(changed)
        for place, code in zip(changed, again, strict=True):
            codes[place] = code
    return codes


def _dumps(keys: Sequence[str]) -> list[tuple[bytes | None, int]]:
    """Return for each key what it holds, None where there is none, and how many ms it has to live, -1 for ever."""
    pipe = client().pipeline()
    for key in keys:
        pipe.dump(key)
        pipe.pttl(key)
    found = pipe.execute() if keys else []
    return list(zip(found[::2], found[1::2], strict=True))


def _unlink(keys: Sequence[tuple[str, bytes | None]]) -> list[int]:
    """Remove keys that still hold what was read of them; return what `unlink_same` says of each."""
    calls = [([key], [hashlib.sha1(payload or b"", usedforsecurity=False).hexdigest()]) for key, payload in keys]
    answers = script("unlink_same").each(calls) if calls else []
    for answer in answers:
        if isinstance(answer, Exception):
            with translated():
                raise answer
    return answers


def rename_members(source: str, target: str, *, is_sorted: bool) -> int:
    """Bring a set (a sorted one if so) under another name, into what stands there already; return RENAMED or ABSENT.

    Raises KeyTypeError where one of the two is something else. Cost on a cluster: the whole set, in steps.
    """
    if not client().is_cluster and rename([(source, target)])[0] != CONFLICT:
        return RENAMED
    is_there = False
    while True:
        if is_sorted:
            entries = client().zrange(source, 0, MEMBERS - 1, withscores=True)
            if not entries:
                break
            client().zadd(target, dict(entries))
            client().zrem(source, *(member for member, _ in entries))
        else:
            members = client().srandmember(source, MEMBERS)
            if not members:
                break
            client().sadd(target, *members)
            client().srem(source, *members)
        is_there = True
    return RENAMED if is_there else ABSENT
