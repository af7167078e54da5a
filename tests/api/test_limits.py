"""Rate limits, and whom they count."""

from __future__ import annotations

from datetime import timedelta

import pytest
import redis
from django.core.cache import cache
from django.test import RequestFactory, override_settings

from dashboard.api import throttles
from dashboard.api.throttles import client_address, seconds_until_login
from dashboard.env import _networks
from tests.api.conftest import PASSWORD, assert_error, body_of, path_of

LOGIN = "/api/token"


@override_settings(RATELIMIT_API="3/m")
def test_a_user_over_the_limit_waits_and_others_do_not(client_of, runs):
    analyst, writer = client_of("analyst"), client_of("writer")
    answers = [
        analyst.get(path) for path in ("/api/sessions", path_of(), path_of("bots"), path_of("bots"), "/api/docs")
    ]
    assert [answer.status_code for answer in answers[:3]] == [200, 200, 200]
    for refused in answers[3:]:
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert_error(answers[3], 429, "throttled")
    assert writer.get("/api/sessions").status_code == 200


@pytest.mark.parametrize(
    "rate, passing, counted", [("200/m", 200, 41), ("99/m", 99, 34), ("250/m", 250, 51), ("29/m", 29, 30)]
)
def test_a_large_limit_is_drawn_in_parts_and_kept_to_the_request(db, monkeypatch, rate, passing, counted):
    calls = []
    count, now = throttles.get_usage, throttles.time.time()
    monkeypatch.setattr(throttles.time, "time", lambda: now)
    monkeypatch.setattr(throttles, "get_usage", lambda *args, **more: calls.append(1) or count(*args, **more))
    with override_settings(RATELIMIT_API=rate):
        waits = [throttles.draw("7") for _ in range(passing + 1)]
    assert waits[:-1] == [None] * passing
    assert 1 <= waits[-1] <= 60
    assert len(calls) == counted


def test_what_is_left_of_a_draw_ends_with_its_window(db, monkeypatch):
    clock = throttles.time.time
    with override_settings(RATELIMIT_API="1000/s"):
        assert throttles.draw("7") is None
        [allowance] = throttles._allowances.values()
        assert allowance.left == 24
        monkeypatch.setattr(throttles.time, "time", lambda: clock() + 2)
        assert throttles.draw("7") is None
        [allowance] = throttles._allowances.values()
        assert allowance.left == 24


@override_settings(RATELIMIT_API="1/m")
def test_who_is_not_logged_in_is_told_so_and_not_counted(client_of, runs):
    for _ in range(3):
        assert_error(client_of("anonymous").get("/api/sessions"), 401)
        assert_error(client_of("forged").get("/api/sessions"), 401)


@override_settings(RATELIMIT_LOGIN="2/m")
def test_attempts_to_log_in_are_limited_by_address_and_name(client_of):
    client = client_of("anonymous")

    def attempt(name: object, address: str = "10.0.0.1") -> int:
        return client.post(LOGIN, {"username": name, "password": "x"}, format="json", REMOTE_ADDR=address).status_code

    assert [attempt("analyst") for _ in range(4)] == [401, 401, 429, 429]
    assert attempt("Analyst") == 429
    assert attempt("somebody-else") == 401
    assert attempt("analyst", "10.0.0.2") == 401
    assert attempt(["analyst"]) == 400
    refused = client.post(LOGIN, {"username": "analyst", "password": PASSWORD}, format="json", REMOTE_ADDR="10.0.0.1")
    assert_error(refused, 429, "throttled")
    assert refused.headers["Retry-After"].isdigit()


@override_settings(RATELIMIT_LOGIN="1/m")
def test_the_page_counts_with_the_same_hand(db):
    request = RequestFactory().post("/login/", {"username": "analyst"})
    assert seconds_until_login(request, "analyst") is None
    assert 1 <= seconds_until_login(request, "analyst") <= 60


@pytest.mark.parametrize("failure", [redis.ConnectionError("10.0.0.7"), redis.TimeoutError("10.0.0.7")])
def test_a_limit_that_cannot_be_counted_is_a_503(client_of, monkeypatch, failure):
    def fail(*args: object, **more: object) -> None:
        raise failure

    monkeypatch.setattr(type(cache._connections[cache._alias]), "add", fail)
    for response in (
        client_of("analyst").get("/api/sessions"),
        client_of("anonymous").post(LOGIN, {"username": "a", "password": "b"}, format="json"),
    ):
        assert "10.0.0.7" not in str(assert_error(response, 503, "store_unavailable"))
        assert response.headers["Retry-After"].isdigit()


@pytest.mark.parametrize("peer, forwarded, expected", [
    ("1.2.3.4", "", "1.2.3.4"),
    ("1.2.3.4", "9.9.9.9", "1.2.3.4"),
    ("10.0.0.1", "", "10.0.0.1"),
    ("10.0.0.1", "9.9.9.9", "9.9.9.9"),
    ("10.0.0.1", "6.6.6.6, 9.9.9.9", "9.9.9.9"),
    ("10.0.0.1", "6.6.6.6, 9.9.9.9, 10.0.0.2", "9.9.9.9"),
    ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.1"),
    ("10.0.0.1", "2001:db8::7", "2001:db8::7"),
])  # fmt: skip
def test_a_client_behind_a_known_proxy_is_told_by_what_that_proxy_says(peer, forwarded, expected):
    request = RequestFactory().get("/", REMOTE_ADDR=peer, **({"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}))
    with override_settings(TRUSTED_PROXIES=_networks("TRUSTED_PROXIES", "10.0.0.0/8")):
        assert client_address(request) == expected


def test_a_limit_is_lifted_with_its_window(client_of, runs, monkeypatch):
    import django_ratelimit.core as core

    client, clock = client_of("analyst"), core.time.time
    with override_settings(RATELIMIT_API="1/m"):
        assert client.get("/api/sessions").status_code == 200
        wait_s = int(client.get("/api/sessions").headers["Retry-After"])
        monkeypatch.setattr(core.time, "time", lambda: clock() + timedelta(seconds=wait_s + 1).total_seconds())
        assert body_of(client.get("/api/sessions"))
