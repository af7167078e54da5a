"""The list of all runs by time: a merge of four sets however many statuses there are; nothing is left of older ones."""

from __future__ import annotations

import re
from itertools import cycle
from typing import Any

import pytest
import redis

from bots_app.query import RunQuery
from bots_app.rebuild import rebuild
from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.store.keys import USUAL_STATUSES, SessionKeys
from dashboard.store.scripts import FOLDER
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry
from tests.contract.model import SID, Model, run, stored_sets
from tests.contract.test_pages import assert_walks, page

sid, keys = SessionId.parse(SID), SessionKeys(SID)
START = 1_700_000_000_000
LATEST, OLDEST = RunQuery(ordering="-lastUpdated"), RunQuery(ordering="lastUpdated")


def written(records: list[dict[str, Any]]) -> Model:
    BotRegistry().put_many(sid, [RunWrite.parse(record) for record in records])
    return Model(records)


def test_the_scripts_know_the_same_statuses_as_usual() -> None:
    text = (FOLDER / "includes" / "times.lua").read_text()
    [listed] = re.findall(r"local USUAL = \{(.*)\}", text)
    [named] = re.findall(r"local IS_USUAL = \{(.*)\}", text)
    assert listed == ", ".join(f"'{status}'" for status in USUAL_STATUSES)
    assert named == ", ".join(f"{status} = true" for status in USUAL_STATUSES)


@pytest.mark.parametrize("times", [1, 7, 1000], ids="{} times".format)
def test_300_statuses_are_listed_in_one_round_trip(store: redis.Redis, redis_calls: Any, times: int) -> None:
    statuses = cycle([*(f"s{number}" for number in range(300)), *USUAL_STATUSES])
    model = written([run(f"r{n:03}", float(n), next(statuses), updated=START + n * 7 % times) for n in range(330)])
    for query in (LATEST, OLDEST):
        assert_walks(model, query, 50)
    assert redis_calls.of(lambda: page(sid, LATEST)) == 1


def test_a_page_asks_the_server_no_more_with_many_statuses(real_store: redis.Redis) -> None:
    def asked(count: int) -> int:
        written([run(f"{n:03}", 1.0, f"s{n % count}", updated=START + n) for n in range(300)])
        page(sid, LATEST)
        real_store.config_resetstat()
        page(sid, LATEST)
        return sum(found["calls"] for found in real_store.info("commandstats").values())

    assert asked(300) == asked(3)


def test_a_place_inside_a_tie_is_found_in_few_steps_in_every_set(real_store: redis.Redis) -> None:
    statuses = cycle(["completed", "completed", "failed", "running", "paused"])
    records = [run(f"{n * 7919 % 3000:04}", 1.0, next(statuses), updated=START) for n in range(3000)]
    model = written(records)
    wanted = model.ordered(LATEST)
    first = page(sid, LATEST, limit=700)
    BotRegistry().delete(sid, first.hashes[-1])
    real_store.config_resetstat()
    assert page(sid, LATEST, cursor=first.next_cursor, limit=50).hashes == wanted[700:750]
    calls = real_store.info("commandstats")
    # Two or three for each set; binary searches would take over thirty.
    assert calls["cmdstat_zrange"]["calls"] <= 12


def test_the_newest_run_is_known_whatever_status_it_moves_to(store: redis.Redis) -> None:
    registry, sessions = BotRegistry(), SessionRegistry()
    model = written([run(f"r{n}", float(n), status, updated=START + n) for n, status in enumerate(USUAL_STATUSES)])
    for step, status in enumerate(["paused", "failed", "paused", "odd", "completed", "odd"]):
        for name, time in (("r0", START + 9 - step), ("r1", START + 5)):
            model.records[name] = run(name, float(step), status, updated=time)
            registry.put(sid, RunWrite.parse(model.records[name]))
            summary = sessions.get(sid).to_dict()
            assert {name: summary[name] for name in model.summary()} == model.summary()
            assert stored_sets() == model.sets()
    for name in ("r0", "r1", "r2"):
        registry.delete(sid, name)
        del model.records[name]
        summary = sessions.get(sid).to_dict()
        assert {name: summary[name] for name in model.summary()} == model.summary()


@pytest.mark.parametrize("way", [lambda: page(sid, LATEST), lambda: rebuild(sid)], ids=["first use", "rebuild"])
def test_a_session_of_the_layout_before_is_built_anew(store: redis.Redis, way: Any) -> None:
    model = written([run(f"r{n}", 1.0, ("completed", "paused")[n % 2], updated=START + n) for n in range(6)])
    store.hset(keys.index("stats"), "built", 2)
    store.zadd(keys.index("updated"), {f"r{n}": START + n for n in range(6)})
    store.zadd(keys.index("undated"), {"gone": 0})
    way()
    assert stored_sets() == model.sets()
    assert page(sid, LATEST).hashes == model.ordered(LATEST)


def test_a_session_of_the_layout_before_is_deleted_whole(store: redis.Redis) -> None:
    written([run(f"r{n}", 1.0, ("completed", "paused")[n % 2], updated=START + n) for n in range(6)])
    store.hset(keys.index("stats"), "built", 2)
    store.zadd(keys.index("updated"), {f"r{n}": START + n for n in range(6)})
    store.zadd(keys.index("undated"), {"gone": 0})
    assert SessionRegistry().delete(sid) == 6
    assert not [key for key in store.scan_iter() if SID.encode() in key and b"gone" not in key]
