"""How both sides are asked: their views alone, and through the whole of Django; never over a socket."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import cycle
from typing import Any
from urllib.parse import quote, urlencode

from django.test import Client, RequestFactory

from bots_app.viewsets import RunsViewSet
from sessions_app.records import SessionId
from tests.bench.over_http import tokens
from tests.bench.peers import orm, sweep_orm

#: What the views are freed from when they are measured alone.
OPEN: dict[str, Any] = {"authentication_classes": [], "permission_classes": [], "throttle_classes": []}
HOST = "127.0.0.1"
#: At 600 requests a minute each, the usual limit.
USERS = 64
Body = Callable[[], bytes]


class Views:
    """Both sides' views, called with a ready request: no middleware, no login, no rate limit."""

    def __init__(self, sid: SessionId) -> None:
        self.sid = str(sid)
        self.factory = RequestFactory(SERVER_NAME=HOST)
        self.views: dict[str, Callable[..., Any]] = {
            "list": RunsViewSet.as_view({"get": "list"}, **OPEN),
            "aggregate": RunsViewSet.as_view({"get": "aggregate"}, **OPEN),
            "peer cursor": orm.Runs.as_view(**OPEN),
            "peer offset": orm.CountedRuns.as_view(**OPEN),
            "peer aggregate": orm.Aggregate.as_view(**OPEN),
            "peer sweep": sweep_orm.SweepRuns.as_view(**OPEN),
            "peer sweep counted": sweep_orm.CountedSweepRuns.as_view(**OPEN),
        }

    def way(self, name: str, **parameters: object) -> Body:
        """Return the call of a view, which answers the body; a parameter that is a function is called each time."""
        view = self.views[name]

        def call() -> bytes:
            request = self.factory.get("/", given(parameters), headers={"Accept": "*/*"})
            return body_of(view(request, sid=self.sid).render(), name)

        return call


class WholeDjango:
    """Both sides by their addresses, each request from the next one of many users: with middleware, login and limit."""

    def __init__(self, sid: SessionId) -> None:
        name = quote(str(sid), safe="")
        self.client = Client(SERVER_NAME=HOST)
        self.bearers = [f"Bearer {token}" for token in tokens(USERS)]
        self.paths = {
            "list": f"/api/sessions/{name}/bots",
            "aggregate": f"/api/sessions/{name}/bots/aggregate",
            "peer cursor": f"/peer/cursor/{name}",
            "peer offset": f"/peer/offset/{name}",
            "peer aggregate": f"/peer/aggregate/{name}",
            "peer sweep": f"/peer/sweep/{name}",
            "peer sweep counted": f"/peer/sweep-counted/{name}",
        }

    def way(self, name: str, **parameters: object) -> Body:
        """Return the call of an address, which answers the body; a parameter that is a function is called each time."""
        following = cycle(self.bearers)

        def call() -> bytes:
            address = f"{self.paths[name]}?{urlencode(given(parameters))}"
            headers = {"Authorization": next(following), "Accept": "*/*"}
            return body_of(self.client.get(address, headers=headers), address)

        return call


def given(parameters: Mapping[str, object]) -> dict[str, Any]:
    """Return the parameters of one request."""
    return {name: value() if callable(value) else value for name, value in parameters.items()}


def body_of(answer: Any, name: str) -> bytes:
    """Return the body of an answer. Raises AssertionError for another status than 200."""
    if answer.status_code != 200:
        raise AssertionError(f"{name} answers {answer.status_code}: {answer.content[:300]!r}")
    return bytes(answer.content)
