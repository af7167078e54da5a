"""A check tells each kind of difference between indexes and records, and changes nothing."""

from __future__ import annotations

import json

import pytest
import redis
from django.core.management import CommandError, call_command

from bots_app.check import EXAMPLES, check
from bots_app.query import RunQuery
from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from sessions_app.records import SessionId
from tests.contents import contents_of
from tests.contract.model import SID, run, write_foreign
from tests.integration.damage import DAMAGES, KEY, records

sid = SessionId.parse(SID)


@pytest.fixture
def sound(real_store: redis.Redis) -> redis.Redis:
    """A session that agrees with its records, beside another one."""
    for which in (sid, SessionId.parse("other:1h:1:2")):
        BotRegistry().put_many(which, [RunWrite.parse(record) for record in records()])
    return real_store


def test_a_sound_session_has_no_drift(sound: redis.Redis, capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[int] = []
    assert check(sid, progress=seen.append) == []
    assert seen == [20]
    call_command("check_indexes")
    assert capsys.readouterr().out == "2 sessions agree with their records.\n"


@pytest.mark.parametrize("damage", DAMAGES)
def test_each_kind_of_damage_is_told(sound: redis.Redis, damage: str) -> None:
    harm, kind = DAMAGES[damage]
    harm(sound)
    before = contents_of(sound)
    drifts = check(sid, statuses={"theirs"})
    assert any(drift.kind.startswith(kind) for drift in drifts), [drift.kind for drift in drifts]
    assert all(drift.count >= len(drift.examples) > 0 for drift in drifts)
    assert contents_of(sound) == before
    assert check(SessionId.parse("other:1h:1:2")) == []


def test_records_nobody_indexed_are_told(sound: redis.Redis) -> None:
    for number in range(EXAMPLES + 2):
        sound.set(f"bot_registry:run:{SID}:new-{number}", json.dumps(run(f"new-{number}", 1.0)))
    found = {drift.kind: drift for drift in check(sid)}["bots: a run is missing"]
    assert found.count == EXAMPLES + 2
    assert found.examples == [f"new-{number}" for number in range(EXAMPLES)]


def test_a_hash_with_colons_is_no_drift(real_store: redis.Redis) -> None:
    write_foreign(SID, [run("a:b", 1.0), run("1:2", 2.0)])
    real_store.set(f"bot_registry:run:{SID}:1h:1:2:x", json.dumps(run("x", 3.0)))
    call_command("rebuild_indexes", SID)
    assert check(sid) == []
    assert sorted(BotRegistry().page(sid, RunQuery()).hashes) == ["1:2", "a:b"]


def test_the_command_names_each_kind_and_exits_with_1(sound: redis.Redis, capsys: pytest.CaptureFixture[str]) -> None:
    sound.sadd(f"{KEY}bots", "ghost")
    sound.srem(f"{KEY}bots:status:failed", "run-1", "run-6")
    with pytest.raises(SystemExit) as caught:
        call_command("check_indexes")
    assert caught.value.code == 1
    out = capsys.readouterr().out
    assert f"{SID}: 1 x bots: an entry without a record, such as ghost\n" in out
    assert f"{SID}: 2 x status failed: a run is missing, such as run-1, run-6\n" in out
    assert "1 of 2 sessions differ from their records; `manage.py rebuild_indexes` mends them." in out
    call_command("check_indexes", "other:1h:1:2")
    assert capsys.readouterr().out == "1 sessions agree with their records.\n"


def test_what_cannot_be_checked_exits_with_2(sound: redis.Redis) -> None:
    with pytest.raises(CommandError, match="There is no session none:1h:1:2") as caught:
        call_command("check_indexes", "none:1h:1:2")
    assert caught.value.returncode == 2
    with pytest.raises(CommandError, match="is no session id"):
        call_command("check_indexes", "nonsense")


def test_a_server_that_is_away_exits_with_2() -> None:
    with pytest.raises(CommandError, match="The check could not be made: The data store does not answer") as caught:
        call_command("check_indexes")
    assert caught.value.returncode == 2
