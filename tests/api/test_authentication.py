"""Tokens, which are remembered as properly signed, and nothing more than that."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from dashboard.api import authentication
from tests.api.conftest import assert_error


@pytest.fixture
def client_with(people, runs):
    """A client that sends the token it is given."""
    return lambda token: APIClient(headers={"Authorization": f"Bearer {token}"})


def test_a_token_that_is_remembered_runs_out_all_the_same(client_with, people, monkeypatch):
    token = AccessToken.for_user(people["analyst"])
    client = client_with(token)
    assert client.get("/api/sessions").status_code == 200
    later = token.current_time + token.lifetime + timedelta(seconds=1)
    monkeypatch.setattr(authentication, "aware_utcnow", lambda: later)
    monkeypatch.setattr("jwt.api_jwt.datetime", type("Later", (), {"now": staticmethod(lambda tz: later)}))
    assert_error(client.get("/api/sessions"), 401, "token_not_valid")


def test_a_user_is_read_anew_for_every_request(client_with, people):
    client = client_with(AccessToken.for_user(people["analyst"]))
    assert client.get("/api/sessions").status_code == 200
    get_user_model().objects.filter(pk=people["analyst"].pk).delete()
    assert_error(client.get("/api/sessions"), 401, "user_not_found")


def test_the_light_user_is_the_user(people, django_assert_num_queries):
    for person in people.values():
        with django_assert_num_queries(1):
            found = authentication.read_user(str(person.pk))
            assert found == person
            assert [getattr(found, name) for name in authentication.FIELDS] == [
                getattr(person, name) for name in authentication.FIELDS
            ]
        assert found.email == person.email
    assert authentication.read_user(0) is None
