"""`manage.py move_session`: both ways, on one server and on a cluster, interrupted and repeated."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.core.management import CommandError, call_command

from bots_app import moving
from bots_app.check import check
from bots_app.query import RunQuery
from bots_app.rebuild import rebuild
from bots_app.registry import BotRegistry
from bots_app.trades import TradeRegistry
from dashboard.store.client import client
from dashboard.store.keys import NamedKeys
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry
from tests.contract.model import run

SID = SessionId.parse("BTC/USDT:USDT:1h:1:2")
#: Keys of this one begin as those of the first do.
LONGER = SessionId.parse("BTC/USDT:USDT:1h:1:2:5m:3:4")
COUNT = 600
registry = BotRegistry()


@pytest.fixture(params=["one server", "cluster"])
def any_store(request: pytest.FixtureRequest) -> Iterator[redis.Redis]:
    yield request.getfixturevalue("real_store" if request.param == "one server" else "cluster_store")


def write(settings: Any, *, tagged: bool) -> dict[str, bytes]:
    """Write sessions under names of one kind, as foreign programs may, and return all that must not be lost."""
    keys = NamedKeys(str(SID), tagged)
    records = [run(f"run-{place:03}", float(place), "failed" if place % 3 else "completed") for place in range(COUNT)]
    records.append(run("odd:hash", 5.0))
    for record in records:
        text = json.dumps(record)
        client().set(keys.run(record["configHash"]), text)
        client().sadd(keys.bots, record["configHash"])
        client().sadd(keys.status(record["status"]), record["configHash"])
        client().zadd(keys.profit, {record["configHash"]: record["resultsMetadata"]["performance"]["totalProfit"]})
    client().set(keys.trades("run-007"), b'[{"profit": 1}]')
    client().set(keys.run("temporary"), b"{}", ex=3600)
    client().set(keys.summary, b'{"notes": "kept", "their": [1]}')
    client().set(NamedKeys(str(LONGER), tagged).run("other"), b'{"configHash": "other"}')
    return stored(tagged=tagged)


def stored(*, tagged: bool) -> dict[str, bytes]:
    """Return each record and the trades of the session as they lie under names of one kind."""
    keys = NamedKeys(str(SID), tagged)
    names = [keys.run(f"run-{place:03}") for place in range(COUNT)] + [keys.run("odd:hash"), keys.run("temporary")]
    names.append(keys.trades("run-007"))
    found = {name: client().get(name) for name in names}
    return {name.replace(keys.tag, "SID"): text for name, text in found.items() if text is not None}


def call(to: str) -> str:
    out = io.StringIO()
    call_command("move_session", str(SID), "--to", to, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("to", ["tagged", "plain"])
def test_everything_is_moved_and_nothing_is_left(any_store: redis.Redis, settings: Any, to: str) -> None:
    is_tagged = to == "tagged"
    before = write(settings, tagged=not is_tagged)
    if is_tagged != settings.REDIS_CLUSTER:
        assert registry.page(SID, RunQuery(), limit=3).count == COUNT + 1  # its derived keys are there then
    assert call(to) == f"{SID}: moved to the {to} names, {COUNT + 2:,} records, trades of 1 runs.\n"
    assert stored(tagged=is_tagged) == before
    assert stored(tagged=not is_tagged) == {}
    old, new = NamedKeys(str(SID), not is_tagged), NamedKeys(str(SID), is_tagged)
    assert client().ttl(new.run("temporary")) > 3000
    left = [
        key for key in client().scan_iter(match=f"*{old.tag}:*") if b"5m:3:4" not in key and new.tag.encode() not in key
    ]
    assert left == []
    assert client().exists(NamedKeys(str(LONGER), not is_tagged).run("other")) == 1
    settings.REDIS_CLUSTER = is_tagged if not client().is_cluster else settings.REDIS_CLUSTER
    if is_tagged or not client().is_cluster:
        assert registry.page(SID, RunQuery(), limit=3).hashes == ["run-599", "run-598", "run-597"]
        assert len(TradeRegistry().all(SID, "run-007")) == 1
        assert SessionRegistry().get(SID).notes == "kept"
        rebuild(SID)
        assert check(SID) == []
    assert "0 records" in call(to)


@pytest.mark.parametrize("at", [1, 2, 3, 5, 6])
def test_an_interrupted_move_goes_on(
    any_store: redis.Redis, settings: Any, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    before = write(settings, tagged=False)
    calls = iter(range(1, 1000))

    def interrupted(work: Any) -> Any:
        def do(*args: Any, **options: Any) -> Any:
            if next(calls) == at:
                raise KeyboardInterrupt
            return work(*args, **options)

        return do

    with monkeypatch.context() as patched:
        for name in ("rename", "rename_members"):
            patched.setattr(moving, name, interrupted(getattr(moving, name)))
        with pytest.raises(KeyboardInterrupt):
            moving.move(SID, to_tagged=True)
    there, here = stored(tagged=False), stored(tagged=True)
    assert there | here == before
    moving.move(SID, to_tagged=True)
    assert stored(tagged=True) == before
    members = client().smembers(NamedKeys(str(SID), True).bots)
    assert len(members) >= COUNT + 1 and not client().exists(NamedKeys(str(SID), False).bots)


def test_what_differs_under_both_names_is_never_overwritten(any_store: redis.Redis, settings: Any) -> None:
    before = write(settings, tagged=False)
    tagged, plain = NamedKeys(str(SID), True), NamedKeys(str(SID), False)
    client().set(tagged.run("run-001"), b'{"other": 1}')
    client().set(tagged.run("run-002"), client().get(plain.run("run-002")))
    with pytest.raises(CommandError, match="under both names, and 1 keys differ, such as .*run-001. Nothing was moved"):
        call("tagged")
    assert stored(tagged=False) == before
    client().delete(tagged.run("run-001"))
    call("tagged")
    assert stored(tagged=True) == before


def test_a_session_that_is_not_there_is_refused(any_store: redis.Redis) -> None:
    with pytest.raises(CommandError, match="There is no session") as caught:
        call("tagged")
    assert caught.value.returncode == 2


def test_a_record_written_while_it_is_copied_is_moved_as_it_is_then(
    cluster_store: redis.Redis, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dashboard.store import renaming

    write(settings, tagged=False)
    plain, unlink, is_first = NamedKeys(str(SID), False), renaming._unlink, iter([True])

    def written_meanwhile(keys: Any) -> Any:
        if next(is_first, False):
            client().set(plain.run("run-000"), b'{"newer": 1}')
        return unlink(keys)

    monkeypatch.setattr(renaming, "_unlink", written_meanwhile)
    moving.move(SID, to_tagged=True)
    assert client().get(NamedKeys(str(SID), True).run("run-000")) == b'{"newer": 1}'
    assert not client().exists(plain.run("run-000"))
