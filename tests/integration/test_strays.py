"""Commands over many sessions walk over the key space once, and miss nothing that is written while they work."""

from __future__ import annotations

import json
from typing import Any

import pytest
import redis
from django.core.management import call_command

from bots_app import strays as survey
from bots_app.check import check
from bots_app.management.commands import rebuild_indexes
from bots_app.query import RunQuery
from bots_app.registry import BotRegistry
from bots_app.strays import Strays
from bots_app.writing import RunWrite
from dashboard.store.tracking import TrackingRefused
from sessions_app.records import SessionId
from tests.contract.model import run

SIDS = [SessionId.parse(f"S{number}:1h:1:2") for number in range(6)]


@pytest.fixture
def sessions(real_store: redis.Redis) -> redis.Redis:
    """Some sessions of ours, all with a run that only its record tells of, and one without any set."""
    for sid in SIDS[1:]:
        BotRegistry().put_many(sid, [RunWrite.parse(run(f"run-{number}", number)) for number in range(20)])
    for sid in SIDS:
        alone(real_store, sid, "alone")
    return real_store


def alone(store: redis.Redis, sid: SessionId, name: str) -> None:
    store.set(f"bot_registry:run:{sid}:{name}", json.dumps(run(name, 99.0)))


def scans_of(store: redis.Redis) -> int:
    return int(store.info("commandstats").get("cmdstat_scan", {}).get("calls", 0))


def test_those_that_no_set_names_are_found_and_those_written_since(sessions: redis.Redis) -> None:
    sessions.set(f"session:{SIDS[2]}:next:0123:bots", "left by one that was killed")
    with Strays() as found:
        assert [found.of(sid) for sid in SIDS] == [["alone"]] * 6
        assert [found.has_leftovers(sid) for sid in SIDS] == [False, False, True, False, False, False]
        alone(sessions, SIDS[4], "since")
        assert sorted(found.of(SIDS[4])) == ["alone", "since"]
    assert found.of(SIDS[4]) is None


def test_what_cannot_be_heard_of_is_searched_for_by_each(
    sessions: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Strays() as found:
        [sessions.client_kill_filter(_id=one["id"]) for one in sessions.client_list() if "t" in one["flags"]]
        assert found.of(SIDS[0]) is None
    monkeypatch.setattr(survey, "MOST", 3)
    with Strays() as found:
        assert found.of(SIDS[0]) is None

    def refuse(prefix: str) -> None:
        raise TrackingRefused("no")

    monkeypatch.setattr(survey, "Tracker", refuse)
    with Strays() as found:
        assert found.of(SIDS[0]) is None and found.has_leftovers(SIDS[0])


def test_a_rebuild_of_all_has_what_is_written_before_a_sessions_turn(
    sessions: redis.Redis, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = rebuild_indexes.rebuild

    def rebuild(sid: SessionId, **options: Any) -> Any:
        """Have another program write to the next session while one is rebuilt."""
        alone(sessions, SIDS[min(SIDS.index(sid) + 1, 5)], "later")
        return real(sid, **options)

    monkeypatch.setattr(rebuild_indexes, "rebuild", rebuild)
    call_command("rebuild_indexes")
    assert "6 sessions rebuilt: 111 runs filed, 11 of them changed" in capsys.readouterr().out
    assert [check(sid) for sid in SIDS] == [[]] * 6
    assert BotRegistry().page(SIDS[5], RunQuery(), limit=2).hashes == ["later", "alone"]


@pytest.mark.parametrize("command", ["rebuild_indexes", "check_indexes"])
def test_the_number_of_walks_does_not_grow_with_the_sessions(sessions: redis.Redis, command: str) -> None:
    call_command("rebuild_indexes")
    counts = []
    for chosen in (SIDS[:2], SIDS):
        sessions.config_resetstat()
        call_command(command, *map(str, chosen))
        counts.append(scans_of(sessions))
    assert counts[0] == counts[1] > 0
