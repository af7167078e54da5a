"""A session of runs in a store of the test's own, and people with each role."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.api import throttles
from sessions_app.records import SessionId

SID = "BTC/USDT:USDT:1h:1700000000000:1703600000000"
PASSWORD = "a pass phrase of the tests"
ROLES = ("anonymous", "analyst", "writer", "operator", "superuser", "expired", "forged")


def path_of(*parts: str, sid: str = SID) -> str:
    """Return the address of a session or of something below it, percent-encoded."""
    return "/".join(["/api/sessions", *(quote(part, safe="") for part in (sid, *parts))])


def record(number: int, **more: Any) -> dict[str, Any]:
    """Return a run that can be told from every other; every third has failed and has no profit."""
    performance = {"sharpeRatio": 1.5, "numTrades": number}
    if number % 3:
        performance["totalProfit"] = number * 10.5
    return {
        "configHash": f"run-{number:03}",
        "botId": f"bot-{number}",
        "status": "completed" if number % 3 else "failed",
        "lastUpdated": 1_700_000_000_000 + number,
        "resultsMetadata": {"performance": performance},
        "configuration": {"fast": number, "strategy": {"type": "SmaCross"}},
    } | more


def trades(count: int) -> list[dict[str, Any]]:
    """Return trades an hour apart, won and lost in turn."""
    start = 1_700_000_000_000
    return [
        {
            "entryTime": start + index * 3_600_000,
            "exitTime": start + index * 3_600_000 + 1_800_000,
            "type": "long",
            "entryPrice": 100.0,
            "exitPrice": 101.0,
            "size": 1.0,
            "profitLoss": 5.0 if index % 2 else -3.0,
        }
        for index in range(count)
    ]


def body_of(response: Any) -> Any:
    """Return the JSON of an answer, read strictly."""

    def refuse(name: str) -> None:
        raise ValueError(f"{name} is not JSON")

    assert response["Content-Type"].startswith("application/json"), response["Content-Type"]
    return json.loads(response.content, parse_constant=refuse)


def assert_error(response: Any, status: int, code: str | None = None) -> dict[str, Any]:
    """Assert an error in the agreed form and return it."""
    assert response.status_code == status, (response.status_code, response.content[:300])
    body = body_of(response)
    assert {"detail", "code"} <= body.keys(), body
    assert code is None or body["code"] == code, body
    return body


@pytest.fixture(autouse=True)
def _no_allowances() -> None:
    """Let no test draw on what another has left of a limit."""
    throttles.forget()


@pytest.fixture
def runs(real_store: Any) -> list[dict[str, Any]]:
    """Twelve runs in a session, the first with trades."""
    records = [record(number) for number in range(12)]
    records[0]["trades"] = trades(25)
    BotRegistry().put_many(SessionId.parse(SID), [RunWrite.parse(one) for one in records])
    return records


@pytest.fixture
def people(db: None) -> dict[str, Any]:
    """A user of each role."""
    made = {}
    for name, group in (("analyst", None), ("writer", "Writers"), ("operator", "Operators")):
        made[name] = get_user_model().objects.create_user(name, password=PASSWORD)
        if group:
            made[name].groups.add(Group.objects.get(name=group))
    made["superuser"] = get_user_model().objects.create_superuser("superuser", password=PASSWORD)
    return made


@pytest.fixture
def client_of(people: dict[str, Any]) -> Callable[..., APIClient]:
    """Make the client of a role, logged in by token."""

    def make(role: str, **headers: str) -> APIClient:
        client = APIClient(headers={"Accept": "application/json"} | headers)
        if role == "anonymous":
            return client
        token = AccessToken.for_user(people.get(role, people["superuser"]))
        if role == "expired":
            token.set_exp(lifetime=-timedelta(minutes=5))
        text = str(token)
        if role == "forged":
            head, body, signature = text.split(".")
            text = ".".join([head, body, signature[::-1]])
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
        return client

    return make


@pytest.fixture
def api(client_of: Callable[..., APIClient], runs: list[dict[str, Any]]) -> APIClient:
    """A superuser's client, with the session in the store."""
    return client_of("superuser")
