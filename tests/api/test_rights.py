"""Every address and every role: who may do what, in one table."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import get_resolver

from tests.api.conftest import ROLES, assert_error, path_of, record

READ, WRITE, EDIT = "read", "write", "edit"
#: What each role may do; the rest get nowhere.
MAY = {
    "analyst": {READ},
    "writer": {READ, WRITE},
    "operator": {READ, WRITE, EDIT},
    "superuser": {READ, WRITE, EDIT},
}
#: The analysis, of all runs and of one, with the least it has to be asked.
ANALYSES = (
    "fields", "histogram?field=profit", "quantiles?field=profit", "density?x=profit&y=sharpe",
    "heatmap?x=profit&y=sharpe", "parallel", "importance", "correlation?fields=profit",
    "run-001/percentiles", "run-001/neighbours", "run-001/rank",
)  # fmt: skip
#: Method, address, right, body, and the status it has when allowed.
ROUTES: list[tuple[str, str, str, Any, int]] = [
    ("get", "/api/sessions", READ, None, 200),
    ("get", path_of(), READ, None, 200),
    ("patch", path_of(), EDIT, {"notes": "x"}, 200),
    ("delete", path_of(), EDIT, None, 204),
    ("get", path_of("events"), READ, None, 200),
    ("get", path_of("bots"), READ, None, 200),
    ("post", path_of("bots"), WRITE, record(50), 200),
    ("get", path_of("bots", "aggregate"), READ, None, 200),
    ("get", path_of("bots", "export"), READ, None, 200),
    ("get", path_of("bots", "run-001"), READ, None, 200),
    ("put", path_of("bots", "run-001"), WRITE, record(1, botId="other"), 200),
    ("patch", path_of("bots", "run-001"), EDIT, {"tags": ["x"]}, 200),
    ("delete", path_of("bots", "run-001"), EDIT, None, 204),
    ("get", path_of("bots", "run-001", "trades"), READ, None, 200),
    ("get", path_of("bots", "run-001", "config"), READ, None, 200),
    ("get", path_of("bots", "run-000", "equity"), READ, None, 200),
    ("get", path_of("bots", "run-001", "raw"), READ, None, 200),
    *(("get", f"{path_of('bots')}/{address}", READ, None, 200) for address in ANALYSES),
    ("get", "/api/schema", READ, None, 200),
    ("get", "/api/docs", READ, None, 200),
]
#: Routes of the API that everybody may use, so that people can log in, and get told of a wrong address.
OPEN = {"api-token", "api-token-refresh", "api-token-blacklist", "api-not-found"}
NAMES = {
    "api-sessions", "api-session", "api-runs", "api-aggregate", "api-run", "api-trades", "api-config", "api-equity",
    "api-raw", "api-events", "api-schema", "api-docs", "api-fields", "api-histogram", "api-quantiles", "api-density",
    "api-heatmap", "api-parallel", "api-importance", "api-correlation", "api-run-percentiles", "api-run-neighbours",
    "api-run-rank", "api-export",
}  # fmt: skip


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("method, path, right, body, status", ROUTES, ids=lambda value: str(value)[:60])
def test_each_role_may_do_what_the_design_says(client_of, runs, role, method, path, right, body, status):
    accept = "text/html" if path.endswith("docs") else "application/json"
    response = getattr(client_of(role, Accept=accept), method)(path, body, format="json")
    if role not in MAY:
        assert response.status_code == 401
        assert response["WWW-Authenticate"].startswith("Bearer")
    elif right not in MAY[role]:
        assert_error(response, 403, "permission_denied")
    else:
        assert response.status_code == status, getattr(response, "content", b"")[:300]
    response.close()


def test_the_table_above_knows_every_address():
    names = {name for name in get_resolver().reverse_dict if isinstance(name, str) and name.startswith("api-")}
    assert names == NAMES | OPEN


@pytest.mark.parametrize("role", ["analyst", "writer"])
def test_what_is_refused_changes_nothing(client_of, runs, role):
    client = client_of(role)
    client.delete(path_of("bots", "run-001"))
    client.patch(path_of("bots", "run-001"), {"notes": "theirs"}, format="json")
    assert client.get(path_of("bots", "run-001")).json()["notes"] == ""


def test_a_method_that_is_not_offered_is_told_as_such_to_everybody(client_of, runs):
    for role in MAY:
        assert_error(client_of(role).post(path_of("bots", "aggregate"), {}, format="json"), 405, "method_not_allowed")
        assert_error(client_of(role).options(path_of("bots")), 405)
    assert_error(client_of("anonymous").post(path_of("bots", "aggregate"), {}, format="json"), 401)


def test_an_inactive_user_gets_nowhere(client_of, people, runs):
    client = client_of("operator")
    people["operator"].is_active = False
    people["operator"].save()
    assert_error(client.get("/api/sessions"), 401)


def test_rights_are_looked_up_once_a_request(client_of, runs, django_assert_num_queries):
    client = client_of("operator")
    with django_assert_num_queries(2):
        client.patch(path_of("bots", "run-001"), {"notes": "x"}, format="json")
    with django_assert_num_queries(1):
        client.get(path_of("bots"))
