"""The OpenAPI description is valid, without warnings, and true of the addresses and their parameters."""

from __future__ import annotations

import re

import pytest
from django.core.management import call_command
from django.urls import get_resolver

from bots_app.analysis_viewset import AnalysisViewSet
from bots_app.export_filters import ExportFilterSet
from bots_app.filters import AggregateFilterSet, EquityFilterSet, RunFilterSet, TradeFilterSet
from bots_app.run_analysis_viewset import RunAnalysisViewSet
from sessions_app.filters import SessionFilterSet
from tests.api.conftest import body_of

RUNS = "/api/sessions/{sid}/bots"
RUN = f"{RUNS}/{{config_hash}}"
ANALYSES = {f"{RUNS}/{action}": filterset for action, filterset in AnalysisViewSet.filtersets.items()} | {
    f"{RUN}/{action}": filterset for action, filterset in RunAnalysisViewSet.filtersets.items()
}
OPERATIONS = dict.fromkeys(ANALYSES, "get") | {
    "/api/token": "post", "/api/token/refresh": "post", "/api/token/blacklist": "post",
    "/api/sessions": "get", "/api/sessions/{sid}": "get patch delete",
    "/api/sessions/{sid}/events": "get",
    RUNS: "get post", f"{RUNS}/aggregate": "get", f"{RUNS}/export": "get",
    RUN: "get put patch delete", f"{RUN}/trades": "get", f"{RUN}/config": "get", f"{RUN}/equity": "get",
    f"{RUN}/raw": "get",
}  # fmt: skip
FILTERSETS = ANALYSES | {
    "/api/sessions": SessionFilterSet,
    RUNS: RunFilterSet,
    f"{RUNS}/aggregate": AggregateFilterSet,
    f"{RUNS}/export": ExportFilterSet,
    f"{RUN}/trades": TradeFilterSet,
    f"{RUN}/equity": EquityFilterSet,
}


@pytest.fixture
def schema(client_of) -> dict:
    return body_of(client_of("analyst").get("/api/schema"))


def test_the_description_is_valid_and_made_without_a_warning(tmp_path, capsys):
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yml"))
    assert "warning" not in capsys.readouterr().err.lower()


def test_every_operation_is_described(schema):
    assert schema["openapi"].startswith("3.1")
    found = {path: " ".join(sorted(item)) for path, item in schema["paths"].items()}
    assert found == {path: " ".join(sorted(methods.split())) for path, methods in OPERATIONS.items()}
    assert len(OPERATIONS) == len([name for name in get_resolver().reverse_dict if str(name).startswith("api-")]) - 3


def test_every_parameter_is_described_in_words(schema):
    for path, filterset in FILTERSETS.items():
        described = {one["name"]: one for one in schema["paths"][path]["get"]["parameters"] if one["in"] == "query"}
        families = {f"{prefix}{{field}}" for prefix in filterset.families}
        assert described.keys() == filterset.base_filters.keys() | families
        assert all(one.get("description") for one in described.values())
    limit = next(one for one in schema["paths"][RUNS]["get"]["parameters"] if one["name"] == "limit")
    assert limit["schema"] == {"type": "integer", "minimum": 1, "maximum": 500, "default": 50}


def test_answers_are_described_as_they_are(schema):
    def answer(path: str, method: str = "get", status: str = "200") -> dict:
        content = schema["paths"][path][method]["responses"][status]["content"]
        return content["application/json"]["schema"]

    assert answer(RUNS) == {"$ref": "#/components/schemas/RunPage"}
    for path in ("/api/sessions", f"{RUN}/trades"):
        found = answer(path)
        named = schema["components"]["schemas"].get(found.get("$ref", "").rpartition("/")[2], found)
        assert named["type"] == "array"
    assert answer(RUNS, "post") == answer(RUNS, "post", "422") == {"$ref": "#/components/schemas/WriteResults"}
    assert answer(RUN, "get", "404") == {"$ref": "#/components/schemas/Error"}
    for item in schema["paths"].values():
        for operation in item.values():
            assert operation["summary"]
            assert operation["description"]
            assert {"400", "401", "429", "503"} <= operation["responses"].keys()


def test_references_lead_somewhere(schema):
    for reference in set(re.findall(r"'\$ref': '(#/[^']+)'", repr(schema))):
        place = schema
        for step in reference[2:].split("/"):
            place = place[step]


def test_the_description_comes_as_json_or_yaml(client_of):
    client = client_of("analyst")
    for accept in ("*/*", "application/json", "text/html,application/xhtml+xml,*/*;q=0.8"):
        assert (
            client.get("/api/schema", headers={"Accept": accept}).headers["Content-Type"].startswith("application/json")
        )
    yaml = client.get("/api/schema", headers={"Accept": "application/yaml"})
    assert yaml.content.startswith(b"openapi: 3.1")


def test_the_documentation_needs_no_inline_script_and_no_other_host(client_of):
    client = client_of("analyst", Accept="text/html")
    page = client.get("/api/docs")
    text = page.content.decode()
    assert page.headers["Content-Type"].startswith("text/html")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|https?://", text)
    script = re.findall(r'<script src="([^"]+)"', text)[-1]
    answer = client.get(script)
    assert answer.headers["Content-Type"].startswith("application/javascript")
    assert "/api/schema" in answer.content.decode()


def test_a_visitor_of_the_documentation_is_shown_the_way_in(client_of):
    page = client_of("anonymous", Accept="text/html").get("/api/docs")
    assert page.status_code == 401
    assert 'href="/login/?next=%2Fapi%2Fdocs"' in page.content.decode()
