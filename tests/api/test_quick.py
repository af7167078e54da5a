"""The quick way of reads: whatever is asked, it answers what the usual way does, to the byte and the header."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import Mock
from urllib.parse import urlencode

import pytest
from django.core.wsgi import get_wsgi_application
from django.db import DatabaseError
from django.http import QueryDict
from django.test import RequestFactory, override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework_simplejwt.tokens import AccessToken

from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard import quick
from dashboard.api import authentication, throttles
from dashboard.env import _networks
from dashboard.errors import StoreUnavailable
from dashboard.quick import QuickReads, params_of
from dashboard.store import scripts
from sessions_app.records import SessionId
from tests.api.conftest import SID, path_of, record

BOTS, AGGREGATE = path_of("bots"), path_of("bots", "aggregate")
LISTS = (BOTS, AGGREGATE, "/api/sessions")
Answer = tuple[str, dict[str, str], bytes]


class Ways:
    """Both ways to an answer, and how often the quick one was taken."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, user: Any) -> None:
        self.usual = get_wsgi_application()
        self.quick = QuickReads(self.usual)
        self.token = str(AccessToken.for_user(user))
        self.taken = 0
        answer = quick.answer

        def counted(*args: Any) -> Any:
            found = answer(*args)
            self.taken += found is not None
            return found

        monkeypatch.setattr(quick, "answer", counted)

    def ask(self, way: Any, path: str, method: str = "GET", body: bytes = b"", **headers: Any) -> Answer:
        headers = {"HTTP_AUTHORIZATION": f"Bearer {self.token}", "HTTP_ACCEPT": "*/*", "HTTP_COOKIE": None} | headers
        environ = RequestFactory().generic(method, path, body).environ | headers
        told: list[Any] = []
        answer = way(
            {name: value for name, value in environ.items() if value is not None}, lambda *args: told.append(args)
        )
        content = b"".join(answer)
        getattr(answer, "close", lambda: None)()
        [(status, pairs)] = told
        found = {name.lower(): value for name, value in pairs}
        assert len(found) == len(pairs) and len(found.pop("x-request-id")) == 9
        return status, found, content

    def same(self, path: str, *args: Any, **headers: Any) -> Answer:
        """Ask both ways, the quick one as often as it takes to know the address; return the answer."""
        usual = self.ask(self.usual, path, *args, **headers)
        for _ in range(2):
            assert self.ask(self.quick, path, *args, **headers) == usual
        return usual

    def took(self, action: Callable[[], Any]) -> int:
        """Return how often the quick way was taken meanwhile."""
        before = self.taken
        action()
        return self.taken - before


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch, runs: Any, people: dict[str, Any]) -> Ways:
    return Ways(monkeypatch, people["analyst"])


QUERIES = [
    "", "limit=5", "limit=5&", "status=completed", "status=completed,failed&status=none", "status=&limit=",
    "minProfit=20", "minProfit=20&maxProfit=60.5&ordering=profit", "ordering=-lastUpdated", "fields=profit,config.fast",
    "status=%C3%A9", "status=a%20b&status=a+b", "ordering=lastUpdated&minProfit=1", "cursor=", "limit=3&cursor=",
]  # fmt: skip
REFUSED = [
    "limit=0", "limit=501", "limit=5&limit=6", "minProfit=abc", "minProfit=5&maxProfit=1", "ordering=x", "other=1", "=",
    "cursor=abc", "cursor=a&cursor=b", "cursor=%41", "%63ursor=abc", "status=" + "x" * 600, "fields=%00",
    "&".join(f"status=s{number}" for number in range(30)),
]  # fmt: skip


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("query", QUERIES + REFUSED)
def test_every_query_is_answered_alike(ways: Ways, path: str, query: str) -> None:
    ways.same(path)
    ways.same(f"{path}?{query}")


def test_lists_and_aggregates_are_answered_quickly_from_the_second_time_on(ways: Ways) -> None:
    for path in LISTS:
        assert ways.took(lambda path=path: ways.same(path)) == 1
        assert ways.took(lambda path=path: ways.same(path)) == 2
    for query in QUERIES:
        assert ways.took(lambda query=query: ways.same(f"{BOTS}?{query}")) == (2 if query.isascii() else 0), query
    for query in REFUSED:
        assert ways.took(lambda query=query: ways.same(f"{BOTS}?{query}")) == 0, query
    assert ways.took(lambda: [ways.same(path_of()), ways.same(path_of("bots", "run-001"))]) == 0


def test_a_walk_along_either_cursor_is_the_same(ways: Ways) -> None:
    for query in ("", "status=completed&", "status=completed,failed&minProfit=0&"):
        seen, cursor, steps = [], "", 0
        while cursor is not None:
            status, headers, body = ways.same(f"{BOTS}?{query}limit=3&cursor={cursor}")
            assert status == "200 OK" and ("next" in headers.get("link", "")) == bool(json.loads(body)["nextCursor"])
            seen += [row["configHash"] for row in json.loads(body)["bots"]]
            back, cursor, steps = json.loads(body)["previousCursor"], json.loads(body)["nextCursor"], steps + 1
            assert not back or ways.same(f"{BOTS}?cursor={back}&{query}limit=3")[0] == "200 OK"
        assert len(set(seen)) == len(seen) and steps > 2
    assert ways.same(f"{BOTS}?status=failed&cursor={back}")[0] == "400 Bad Request"


NAMES = st.sampled_from(["limit", "status", "minProfit", "maxProfit", "ordering", "fields", "cursor", "stats", ""])
VALUES = st.sampled_from(
    ["", "1", "3", "50", "-2.5", "completed", "failed", "profit", "-profit", "a,b", "%", "\u20ac", "x&y"]
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(NAMES, VALUES | st.text(max_size=3)), max_size=4), st.sampled_from(LISTS), st.booleans())
def test_any_parameters_are_answered_alike(ways: Ways, pairs: list[tuple[str, str]], path: str, is_raw: bool) -> None:
    encoded = urlencode(pairs, errors="replace")
    raw = "&".join(
        f"{name}={value}" for name, value in pairs if value.isascii() and value.isprintable() and "#" not in value
    )
    ways.same(f"{path}?{raw if is_raw else encoded}")


@settings(max_examples=300, deadline=None)
@given(st.text("ab.-~_019=&", max_size=20) | st.text("a+%2C=&;[\u00b2", max_size=12))
def test_plain_parameters_are_read_as_django_reads_them(query: str) -> None:
    assert list(params_of(query).lists()) == list(QueryDict(query).lists())


@pytest.mark.parametrize("path", LISTS)
def test_who_has_an_answer_already_is_told_so(ways: Ways, path: str) -> None:
    etag = ways.same(path)[1]["etag"]
    for header in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        status, headers, body = ways.same(path, HTTP_IF_NONE_MATCH=header)
        assert (status, body, headers["etag"]) == ("304 Not Modified", b"", etag)
    assert ways.same(path, HTTP_IF_NONE_MATCH='"other"')[0] == "200 OK"
    BotRegistry().put(SessionId.parse(SID), RunWrite.parse(record(77)))
    assert ways.same(path, HTTP_IF_NONE_MATCH=etag)[0] == "200 OK"


UNUSUAL: list[dict[str, Any]] = [
    {"HTTP_ACCEPT": "text/csv"}, {"HTTP_ACCEPT": ""}, {"HTTP_COOKIE": "sessionid=x"},
    {"HTTP_IF_MATCH": "*"}, {"HTTP_AUTHORIZATION": "Bearer"}, {"HTTP_AUTHORIZATION": "Bearer a b"},
    {"HTTP_AUTHORIZATION": "Basic YTpi"}, {"HTTP_AUTHORIZATION": None}, {"HTTP_AUTHORIZATION": "Bearer \xe9"},
    {"HTTP_HOST": "elsewhere.example"}, {"HTTP_TRANSFER_ENCODING": "chunked"},
]  # fmt: skip


@pytest.mark.parametrize("headers", UNUSUAL, ids=str)
def test_what_is_unusual_is_left_to_the_usual_way(ways: Ways, headers: dict[str, Any]) -> None:
    ways.same(BOTS)
    assert ways.took(lambda: ways.same(BOTS, **headers)) == 0
    assert ways.took(lambda: ways.ask(ways.quick, BOTS, HTTP_ACCEPT="text/html")) == 0
    for method in ("HEAD", "POST", "PATCH", "DELETE", "OPTIONS"):
        assert ways.took(lambda method=method: ways.same(BOTS, method)) == 0
    assert ways.took(lambda: ways.same(BOTS, "GET", b"{}")) == 0


def test_a_host_or_a_scheme_of_its_own_is_in_the_links(ways: Ways, settings: Any) -> None:
    for host, scheme in (("localhost", "http"), ("testserver", "https"), ("testserver:81", "http")):
        link = ways.same(f"{BOTS}?limit=2", **{"HTTP_HOST": host, "wsgi.url_scheme": scheme})[1]["link"]
        assert link.startswith(f"<{scheme}://{host}/api/sessions/")
    settings.TRUSTED_PROXIES = _networks("TRUSTED_PROXIES", "127.0.0.1/32")
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    for sender, scheme in (("127.0.0.1", "https"), ("10.9.8.7", "http")):
        told = {
            "REMOTE_ADDR": sender,
            "HTTP_HOST": "testserver",
            "HTTP_X_FORWARDED_PROTO": "https",
            "HTTP_X_FORWARDED_FOR": "1.1.1.1",
        }
        assert ways.same(f"{BOTS}?limit=2", **told)[1]["link"].startswith(f"<{scheme}://testserver/")


def test_who_may_no_longer_read_is_out_at_once(ways: Ways, people: dict[str, Any]) -> None:
    ways.same(BOTS)
    expired = AccessToken.for_user(people["analyst"])
    expired.set_exp(lifetime=-timedelta(minutes=5))
    for token in (str(expired), ways.token[:-4] + "AAAA", "x"):
        assert ways.same(BOTS, HTTP_AUTHORIZATION=f"Bearer {token}")[0] == "401 Unauthorized"
    people["analyst"].is_active = False
    people["analyst"].save()
    assert ways.same(BOTS)[0] == "401 Unauthorized"
    people["analyst"].delete()
    assert ways.same(BOTS)[0] == "401 Unauthorized"


def test_a_session_that_goes_is_not_found(ways: Ways, real_store: Any) -> None:
    for path in (BOTS, AGGREGATE):
        ways.same(path)
    real_store.flushall()
    for path in (BOTS, AGGREGATE):
        assert ways.same(path)[0] == "404 Not Found"


def test_the_limit_counts_both_ways_together(ways: Ways) -> None:
    with override_settings(RATELIMIT_API="60/m"):
        throttles.forget()
        answers = [ways.ask(ways.quick, BOTS)[0] for _ in range(61)]
    assert answers == ["200 OK"] * 60 + ["429 Too Many Requests"]
    with override_settings(RATELIMIT_API="1/m"):
        throttles.forget()
        ways.ask(ways.quick, BOTS)
        refused = ways.same(BOTS)
        assert refused[0] == "429 Too Many Requests" and int(refused[1]["retry-after"]) > 0


def test_an_error_is_met_once_and_told_as_ever(ways: Ways, monkeypatch: pytest.MonkeyPatch) -> None:
    ways.same(BOTS)
    statuses = {StoreUnavailable(): "503 Service Unavailable", ZeroDivisionError(): "500 Internal Server Error"}
    for error, status in statuses.items():
        read = Mock(side_effect=error)
        monkeypatch.setattr(scripts.Script, "read", read)
        answer = ways.ask(ways.quick, BOTS)
        assert read.call_count == 1 and answer[0] == status and b"ZeroDivision" not in answer[2]
        assert ways.ask(ways.usual, BOTS)[:2] == answer[:2]


def test_a_lost_database_is_left_to_the_usual_way(ways: Ways, monkeypatch: pytest.MonkeyPatch) -> None:
    ways.same(BOTS)
    monkeypatch.setattr(authentication, "_is_active", Mock(side_effect=DatabaseError("gone")))
    assert ways.took(lambda: ways.same(BOTS)) == 0


def test_addresses_are_forgotten_when_there_are_too_many(ways: Ways, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick, "MOST_KNOWN", 2)
    for host in ("testserver", "localhost", "127.0.0.1"):
        ways.same(BOTS, HTTP_HOST=host)
    assert len(ways.quick.known) == 1
    ways.same(path_of("bots", "run-001"))
    assert ways.quick.others == {"/api/sessions/BTC/USDT:USDT:1h:1700000000000:1703600000000/bots/run-001"}
