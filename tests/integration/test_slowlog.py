"""The check of what took a server long: it names commands of the product, and lets those of tests be."""

from __future__ import annotations

import pytest

from dashboard.store.scripts import script
from tests import slowlog
from tests.integration.faulty import Server

BUSY = "local n = 0; for i = 1, 4e6 do n = n + i end; return 1"


def test_slow_commands_are_named_and_those_of_tests_left_out(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with server.operator() as client:
        with slowlog.watched(client):
            client.config_set("slowlog-log-slower-than", 0)
            script("look_session")(["a", "b", "c", "d", "e", "f", "g"], ["x", 1])
            client.config_set("slowlog-log-slower-than", slowlog.LIMIT_US)
            client.eval(BUSY, 0)
        [line] = slowlog.entries(client)
        assert line.startswith("EVAL local n")
        monkeypatch.setattr(slowlog, "LIMIT_US", 0)
        told = [line.rpartition(":")[0] for line in slowlog.entries(client)]
        assert {"EVALSHA look_session", "SLOWLOG RESET", "CONFIG SET"} & {*told} == {"EVALSHA look_session"}
        ended = client.slowlog_get(1)[0]["start_time"]
        assert slowlog.entries(client, waited=dict.fromkeys(range(ended - 5, ended + 5), 60_000_000)) == []
