"""Errors in one form, and nothing of the inside in any of them."""

from __future__ import annotations

import logging

import pytest
import redis
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import Http404
from rest_framework import exceptions

from bots_app.registry import BotRegistry
from dashboard import errors
from dashboard.api.exceptions import exception_handler
from tests.api.conftest import assert_error, path_of

BOTS = path_of("bots")


@pytest.mark.parametrize("exc, status, code", [
    (errors.SessionNotFound("X:1h:1:2"), 404, "not_found"),
    (errors.RunNotFound("X:1h:1:2", "h"), 404, "not_found"),
    (errors.RecordUnreadable("Run h", "not JSON"), 422, "unreadable"),
    (errors.InvalidRecord("status: missing"), 422, "invalid_record"),
    (errors.PreconditionFailed("changed"), 412, "precondition_failed"),
    (errors.BodyTooLarge("too large"), 413, "too_large"),
    (errors.StoreUnavailable(), 503, "store_unavailable"),
    (errors.IndexBuilding("being built", retry_after_s=7), 503, "index_building"),
    (exceptions.ParseError("bad"), 400, "parse_error"),
    (exceptions.NotAuthenticated(), 401, "not_authenticated"),
    (exceptions.Throttled(wait=3), 429, "throttled"),
    (exceptions.MethodNotAllowed("PUT"), 405, "method_not_allowed"),
    (exceptions.NotAcceptable(), 406, "not_acceptable"),
    (Http404("secret path"), 404, "not_found"),
    (DjangoPermissionDenied(), 403, "permission_denied"),
    (RequestDataTooBig("x"), 413, "too_large"),
    (SuspiciousOperation("x"), 400, "bad_request"),
    (redis.ConnectionError("10.0.0.7:6379 refused"), 503, "unavailable"),
    (redis.TimeoutError("10.0.0.7:6379"), 503, "unavailable"),
    (redis.ResponseError("ERR secret"), 500, "internal"),
    (ZeroDivisionError("secret"), 500, "internal"),
])  # fmt: skip
def test_every_error_has_a_status_and_a_code(exc, status, code):
    response = exception_handler(exc, {})
    assert (response.status_code, response.data["code"]) == (status, code)
    assert type(response.data["detail"]) is str
    assert response.data["detail"]
    assert "secret" not in response.data["detail"]
    assert "10.0.0.7" not in response.data["detail"]
    if status in (429, 503):
        assert response.headers["Retry-After"].isdigit()


def test_every_error_of_ours_is_one_the_api_can_answer():
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and issubclass(kind, errors.DashboardError):
            assert 400 <= kind.status < 600, name
            assert kind.code.isidentifier(), name


def test_input_that_is_not_understood_is_a_map_of_fields():
    assert exception_handler(errors.InvalidParameter("limit", "too much"), {}).data == {"limit": ["too much"]}
    assert exception_handler(errors.CursorInvalid("forged"), {}).data == {"cursor": ["forged"]}
    assert exception_handler(exceptions.ValidationError("bad"), {}).data == {"non_field_errors": ["bad"]}
    nested = exception_handler(exceptions.ValidationError({"tags": {0: ["bad"]}}), {}).data
    assert nested == {"tags": {"0": ["bad"]}}


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_the_unexpected_is_logged_and_not_shown(api, monkeypatch, caplog, accept):
    def fail(*args: object, **more: object) -> None:
        raise ZeroDivisionError("a secret of the inside")

    monkeypatch.setattr(BotRegistry, "page", fail)
    with caplog.at_level(logging.ERROR, logger="dashboard.api"):
        response = api.get(BOTS, headers={"Accept": accept})
    assert response.status_code == 500
    text = response.content.decode()
    assert "secret" not in text
    assert "Traceback" not in text
    request_id = response.headers["X-Request-ID"]
    assert request_id in text
    assert request_id in caplog.text
    assert "a secret of the inside" in caplog.text


def test_redis_away_is_a_503_that_says_when_to_come_back(api, monkeypatch):
    def fail(*args: object, **more: object) -> None:
        raise errors.StoreUnavailable()

    monkeypatch.setattr(BotRegistry, "page", fail)
    response = api.get(BOTS)
    assert_error(response, 503, "store_unavailable")
    assert response.headers["Retry-After"].isdigit()


def test_too_many_parameters_are_a_bad_request(api):
    assert api.get(f"{BOTS}?" + "&".join(f"p{number}=1" for number in range(1001))).status_code == 400


def test_what_cannot_be_represented_is_refused_in_json(api):
    assert_error(api.get(BOTS, headers={"Accept": "image/png"}), 406, "not_acceptable")


def test_foreign_text_in_an_error_is_text(api):
    markup = "<script>alert(1)</script>"
    for params in ({"minProfit": markup}, {markup: "1"}, {"cursor": markup}, {"ordering": markup}):
        assert api.get(BOTS, params).status_code == 400
        page = api.get(BOTS, params, headers={"Accept": "text/html"})
        assert page.status_code == 400
        assert markup not in page.content.decode()
