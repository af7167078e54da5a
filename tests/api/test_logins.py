"""Logging in by token and by the browser's session."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from tests.api.conftest import PASSWORD, assert_error, body_of, path_of

RUN = path_of("bots", "run-001")


@pytest.fixture
def anonymous(client_of) -> APIClient:
    return client_of("anonymous")


@pytest.fixture
def pair(anonymous) -> dict[str, str]:
    return body_of(anonymous.post("/api/token", {"username": "analyst", "password": PASSWORD}, format="json"))


def test_a_pair_of_tokens_opens_the_api_and_is_kept_in_no_cache(anonymous, runs, pair):
    assert pair.keys() == {"access", "refresh"}
    response = anonymous.get("/api/sessions", headers={"Authorization": f"Bearer {pair['access']}"})
    assert response.status_code == 200
    answer = anonymous.post("/api/token", {"username": "analyst", "password": PASSWORD}, format="json")
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_wrong_login_says_no_more_than_that(anonymous, people):
    for name in ("analyst", "nobody"):
        body = assert_error(anonymous.post("/api/token", {"username": name, "password": "wrong"}, format="json"), 401)
        assert body["code"] == "no_active_account"


def test_a_login_names_what_is_missing(anonymous):
    response = anonymous.post("/api/token", {"username": "somebody"}, format="json")
    assert (response.status_code, list(body_of(response))) == (400, ["password"])
    assert_error(anonymous.generic("POST", "/api/token", b"{", content_type="application/json"), 400, "parse_error")
    assert anonymous.generic("POST", "/api/token", b"[]", content_type="application/json").status_code == 400
    assert anonymous.post("/api/token?next=1", {"username": "a", "password": "b"}, format="json").status_code == 400
    assert_error(anonymous.post("/api/token", "username=a", content_type="application/x-www-form-urlencoded"), 415)
    assert_error(anonymous.get("/api/token"), 405)


def test_a_refresh_token_buys_another_once_and_opens_nothing(anonymous, runs, pair):
    assert_error(anonymous.get("/api/sessions", headers={"Authorization": f"Bearer {pair['refresh']}"}), 401)
    renewed = body_of(anonymous.post("/api/token/refresh", {"refresh": pair["refresh"]}, format="json"))
    assert {"access", "refresh"} == renewed.keys()
    assert_error(anonymous.post("/api/token/refresh", {"refresh": pair["refresh"]}, format="json"), 401)


def test_a_refresh_token_is_worth_nothing_after_logging_out(anonymous, pair):
    assert anonymous.post("/api/token/blacklist", {"refresh": pair["refresh"]}, format="json").status_code == 200
    for path in ("/api/token/refresh", "/api/token/blacklist"):
        assert_error(anonymous.post(path, {"refresh": pair["refresh"]}, format="json"), 401, "token_not_valid")


@pytest.mark.parametrize("header", ["Bearer nonsense", "Bearer a.b.c", "Bearer", "Bearer a b", "Bearer \xff"])
def test_a_token_that_was_never_issued_is_refused(anonymous, runs, header):
    assert_error(anonymous.get("/api/sessions", headers={"Authorization": header}), 401)


def test_a_browsers_session_reads_and_writes_with_its_csrf_token_only(people, runs):
    browser = APIClient(enforce_csrf_checks=True, headers={"Accept": "application/json"})
    assert browser.login(username="operator", password=PASSWORD)
    assert browser.get(RUN).status_code == 200
    for method, body in (("delete", None), ("patch", {"notes": "x"}), ("put", runs[1])):
        assert_error(getattr(browser, method)(RUN, body, format="json"), 403, "permission_denied")
    browser.get("/login/")
    page = browser.get("/api/sessions", headers={"Accept": "text/html"})
    token = page.cookies["csrftoken"].value if "csrftoken" in page.cookies else browser.cookies["csrftoken"].value
    answer = browser.patch(RUN, {"notes": "mine"}, format="json", headers={"X-CSRFToken": token})
    assert answer.status_code == 200, answer.content


def test_a_token_needs_no_csrf_token(people, runs, pair):
    client = APIClient(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {pair['access']}"})
    assert client.get(RUN).status_code == 200
    assert_error(client.delete(RUN), 403, "permission_denied")
