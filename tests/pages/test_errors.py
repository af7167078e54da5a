"""Error pages: in the same frame, with an id, never with what went wrong inside."""

from __future__ import annotations

import pytest
from django.test import Client

from dashboard.errors import IndexBuilding, StoreUnavailable
from sessions_app.registry import SessionRegistry

pytestmark = pytest.mark.django_db


def raising(error: Exception):
    def fail(*args, **kwargs):
        raise error

    return fail


def test_an_unknown_address(client, db):
    response = client.get("/nothing/")
    text = response.content.decode()
    assert response.status_code == 404
    assert "Nothing is here" in text
    assert response["X-Request-ID"] in text


def test_the_store_is_away(page, monkeypatch):
    monkeypatch.setattr(SessionRegistry, "find", raising(StoreUnavailable(retry_after_s=7)))
    response = page.get("/sessions/")
    text = response.content.decode()
    assert response.status_code == 503
    assert response["Retry-After"] == "7"
    assert "The data store does not answer" in text
    assert 'data-retry="7"' in text
    assert '<noscript><meta http-equiv="refresh" content="7"></noscript>' in text


def test_only_operators_are_told_of_the_store(page, desk, monkeypatch):
    error = StoreUnavailable()
    error.__cause__ = ConnectionRefusedError("secret inside")
    monkeypatch.setattr(SessionRegistry, "find", raising(error))
    told, others = (client.get("/sessions/").content.decode() for client in (desk, page))
    assert "For the operator" in told
    assert "nothing listens at its address" in told
    assert "First seen by this process" in told
    assert "secret" not in told
    assert "For the operator" not in others
    assert "nothing listens" not in others


def test_indexes_in_the_making_are_no_outage(desk, monkeypatch):
    monkeypatch.setattr(SessionRegistry, "find", raising(IndexBuilding("Wait.")))
    text = desk.get("/sessions/").content.decode()
    assert "The indexes are being built" in text
    assert "For the operator" not in text


def test_pages_answer_without_any_redis(page):
    response = page.get("/sessions/")
    assert response.status_code == 503
    assert ".sock" not in response.content.decode()
    assert page.get("/login/").status_code == 302
    assert page.get("/nothing/").status_code == 404


def test_a_fault_of_ours_shows_nothing_of_it(analyst, monkeypatch):
    client = Client(raise_request_exception=False)
    client.force_login(analyst)
    monkeypatch.setattr(SessionRegistry, "find", raising(RuntimeError("secret inside")))
    response = client.get("/sessions/")
    text = response.content.decode()
    assert response.status_code == 500
    assert "secret" not in text
    assert "Traceback" not in text
    assert "Something went wrong here" in text
    assert response["X-Request-ID"] in text


def test_a_form_without_its_token(analyst):
    client = Client(enforce_csrf_checks=True)
    client.force_login(analyst)
    response = client.post("/logout/")
    assert response.status_code == 403
    assert "The form has expired" in response.content.decode()


def test_a_request_id_from_outside_is_not_believed(client, db):
    assert client.get("/login/", headers={"X-Request-ID": "mine"})["X-Request-ID"] != "mine"


@pytest.mark.parametrize("address", ["/login/", "/nothing/"])
def test_the_content_policy_is_sent_and_pages_hold_no_inline_script(client, db, address):
    response = client.get(address)
    policy = response["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe-eval" not in policy
    text = response.content.decode()
    assert "<script>" not in text
    assert "onclick=" not in text
    assert "<style" not in text
    assert " style=" not in text
