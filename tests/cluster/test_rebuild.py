"""A rebuild on a cluster: all of a session lies on one server, and so does what is made of it; others change it too."""

from __future__ import annotations

import json

import pytest
import redis

from bots_app import rebuild as rebuilding
from bots_app.check import check
from bots_app.rebuild import rebuild
from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.store.keys import SessionKeys
from dashboard.store.session_list import listed
from sessions_app.records import SessionId
from tests.contract.model import SID, Model, run, stored_figures, stored_sets

sid = SessionId.parse(SID)


@pytest.mark.slow
def test_what_others_write_meanwhile_is_in_the_result(
    cluster_store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "STEP", 20)
    keys = SessionKeys(SID)
    wanted = Model([run(f"run-{number}", number, ("completed", "failed")[number % 2]) for number in range(200)])
    BotRegistry().put_many(sid, [RunWrite.parse(record) for record in wanted.records.values()])
    cluster_store.srem(keys.bots, "run-1")
    cluster_store.zadd(keys.profit, {"ghost": 1})

    def change(done: int) -> None:
        for name, profit in (("run-3", -1.0), (f"theirs-{done}", 2.0)):
            wanted.records[name] = run(name, profit, "theirs")
            cluster_store.set(keys.run(name), json.dumps(wanted.records[name]))
        wanted.records["run-5"] = run("run-5", done)
        BotRegistry().put(sid, RunWrite.parse(wanted.records["run-5"]))

    assert rebuild(sid, progress=change).dropped >= 1
    assert check(sid) == []
    assert stored_sets() == wanted.sets()
    assert stored_figures() == wanted.figures()
    assert SID in listed()
    assert not list(cluster_store.scan_iter(match=keys.pattern(keys.builds_prefix)))
