"""The table in the docstring of `keys` is true: one of everything is written, and every key found is a row of it."""

from __future__ import annotations

import re
from typing import Any

import pytest
import redis

from bots_app.rebuild import rebuild
from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.store import keys as store_keys
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys, session_of
from dashboard.store.lease import Lease
from sessions_app import deleting
from sessions_app.discovery import discover
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry
from tests.contract.model import SID, run

ROW = re.compile(r"^((?:bot_registry:|session:)\S+) +(string|set|zset|hash|stream) +\S", re.MULTILINE)
ROWS = ROW.findall(store_keys.__doc__)
#: What the keys of the list of sessions begin with on a cluster.
LIST = "{bot_registry:sessions}"
#: What stands for a part of a key, as a pattern.
PARTS = {
    "{configHash}": r"run-\dx*", "{status}": r"(?:completed|failed|odd:profit)", "{g}": r"\w+", "{segment}": r"\d",
    "{f}": r"(?:status|profit|lastUpdated|totalProfit|config\.\w+)",
}  # fmt: skip
#: Fields of which some have no column left, and a hash that is too long for its place in the table.
MANY, LONG = {f"p{number}": number for number in range(500)}, f"run-5{'x' * 70}"


def pattern_of(row: str, tag: str) -> re.Pattern[str]:
    """Return what a key of a row looks like; the session id is written as `tag`."""
    parts = PARTS | {"{sid}": re.escape(tag)}
    pieces = re.split(r"(\{\w+\})", row)
    return re.compile("".join(parts.get(piece) or re.escape(piece) for piece in pieces))


def write_one_of_everything() -> None:
    """Write runs of several statuses, with a profit or without, with trades; delete one; notes; search for sessions."""
    sid = SessionId.parse(SID)
    writes = [run("run-1", 1.5, trades=[{"profit": 1}]), run("run-2", None, "failed"), run("run-3", 2.5, "odd:profit")]
    writes += [run("run-6"), run(LONG, configuration=MANY)]
    BotRegistry().put_many(sid, [RunWrite.parse(one) for one in writes])
    BotRegistry().delete(sid, "run-6")
    SessionRegistry().annotate(sid, notes="tried")
    BotRegistry().put(sid, RunWrite.parse(run("run-1", 2.5, trades=[{"profit": 1}])))
    client().set(SessionKeys(SID).summary, '{"notes": "of another program"}')
    discover()
    assert Lease().hold() is None


def found(store: redis.Redis) -> dict[str, str]:
    return {key.decode(): store.type(key).decode() for key in store.scan_iter(count=1000)}


def undated(keys: SessionKeys, store: redis.Redis) -> None:
    """Add runs without a time, as another program may write them: ours get one."""
    for name, status in (("run-4", "completed"), ("run-5", "odd:profit")):
        store.set(keys.run(name), f'{{"status":"{status}"}}')
        store.sadd(keys.bots, name)
        store.sadd(keys.status(status), name)


def in_place(keys: dict[str, str]) -> dict[str, str]:
    """Return keys with those that a build makes, or that are put aside, under the name that they are for."""
    prefix = SessionKeys(SID).builds_prefix
    shadow = re.compile(f"^{re.escape(prefix)}[0-9a-f]{{16}}:(old:)?")
    return {shadow.sub("session:" + prefix[8:-5], key): kind for key, kind in keys.items()}


def built(store: redis.Redis, sid: SessionId) -> dict[str, str]:
    """Return every key there is in the midst of a build; what it makes under the name that it is for."""
    seen: dict[str, str] = {}

    def look(done: int) -> None:
        BotRegistry().put(sid, RunWrite.parse(run("run-1", 9.0)))
        seen.update(in_place(found(store)))
        assert all(SessionKeys(SID).owns(key) for key in seen if SID in key and not key.startswith("bot_registry"))

    rebuild(sid, progress=look)
    assert not [key for key in found(store) if ":next:" in key or ":dirty" in key or ":builder" in key]
    return seen


@pytest.mark.parametrize("is_cluster", [False, True])
def test_every_key_is_a_row_of_the_table(
    real_store: redis.Redis, settings: Any, monkeypatch: pytest.MonkeyPatch, *, is_cluster: bool
) -> None:
    settings.REDIS_CLUSTER = is_cluster
    tag = f"{{{SID}}}" if is_cluster else SID
    keys, sid = SessionKeys(SID), SessionId.parse(SID)
    undated(keys, real_store)
    assert BotRegistry().status_counts(sid) == {"completed": 1, "odd:profit": 1}
    write_one_of_everything()
    seen = found(real_store)

    def stop(*args: object) -> None:
        raise KeyboardInterrupt

    seen |= built(real_store, sid)
    monkeypatch.setattr(deleting, "remove_dropped", stop)
    with pytest.raises(KeyboardInterrupt):
        SessionRegistry().delete(sid)
    seen |= in_place(found(real_store))

    assert len(ROWS) == 40
    kinds = {row.replace("bot_registry:sessions:", f"{LIST}:") if is_cluster else row: kind for row, kind in ROWS}
    patterns = {row: pattern_of(row, tag) for row in kinds}
    used = set()
    for key, kind in seen.items():
        rows = [row for row, pattern in patterns.items() if pattern.fullmatch(key)]
        assert len(rows) == 1, f"{key} matches {rows}"
        assert kinds[rows[0]] == kind, key
        used.add(rows[0])
    assert used == set(kinds)
    assert all("{" not in key.replace(tag, "").replace(LIST, "") for key in seen)


def test_only_the_marks_of_the_last_search_and_of_the_follower_expire(real_store: redis.Redis) -> None:
    write_one_of_everything()
    marks = {*map(store_keys.list_key, ("discovered", "checked")), store_keys.FOLLOWER}
    assert {key for key in found(real_store) if real_store.ttl(key) != -1} == marks


@pytest.mark.parametrize(
    ("key", "owner"),
    [
        ("bot_registry:session_current:A:1h:1:2", ("A:1h:1:2", None)),
        ("bot_registry:session_current:A/B:C:1h:1:2", ("A/B:C:1h:1:2", None)),
        ("bot_registry:run:A:1h:1:2:x", ("A:1h:1:2", "x")),
        ("bot_registry:run:A:1h:1:2:1h:3:4:x", ("A:1h:1:2:1h:3:4", "x")),
        ("session:A:1h:1:2:bots", ("A:1h:1:2", None)),
        ("session:A:1h:1:2:bots:profit", None),
        ("bot_registry:trades:A:1h:1:2:x", None),
        ("bot_registry:run:A:1h:1:x", None),
        ("bot_registry:session_current:nonsense", None),
        ("session::bots", None),
        ("session:A:1h:1:" + "9" * 30 + ":bots", None),
        ("other", None),
    ],
)
def test_a_key_tells_its_session(key: str, owner: tuple[str, str | None] | None) -> None:
    assert session_of(key) == owner


def test_on_a_cluster_only_tagged_keys_are_sessions(settings: Any) -> None:
    settings.REDIS_CLUSTER = True
    assert session_of("session:{A:1h:1:2}:bots") == ("A:1h:1:2", None)
    assert session_of("bot_registry:run:{A:1h:1:2}:x") == ("A:1h:1:2", "x")
    assert session_of("session:A:1h:1:2:bots") is None


def test_a_pattern_takes_no_letter_of_the_id_for_a_wildcard(real_store: redis.Redis) -> None:
    keys = SessionKeys(r"a*b?c[d]^\e:1h:1:2")
    names = {keys.run("x"), keys.trades("x"), keys.status("s")}
    others = {SessionKeys("aXbYcdZ:1h:1:2").run("x"), SessionKeys(r"a**bXc[d]^\e:1h:1:2").run("x")}
    real_store.mset(dict.fromkeys(names | others, "1"))
    for prefix in (keys.run_prefix, keys.trades_prefix, keys.status_prefix):
        matching = {key.decode() for key in real_store.scan_iter(match=keys.pattern(prefix))}
        assert matching == {name for name in names if name.startswith(prefix)}
