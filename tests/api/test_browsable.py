"""The same addresses in a browser: forms, links, and nothing that is not text."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from sessions_app.records import SessionId
from tests.api.conftest import body_of, path_of, record

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)>'\"{{7*7}}"
RUN = path_of("bots", "run-000")
ADDRESSES = [
    "/api/sessions", path_of(), path_of("bots"), path_of("bots", "aggregate"), RUN, f"{RUN}/trades", f"{RUN}/config",
    f"{RUN}/equity",
]  # fmt: skip


class Page(HTMLParser):
    """The links, form fields, and scripts and styles written into a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: dict[str, str] = {}
        self.fields: dict[str, str] = {}
        self.inline: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "a" and values.get("rel"):
            self.links[values["rel"]] = values["href"]
        if tag in ("input", "select", "textarea") and values.get("name"):
            self.fields[values["name"]] = values.get("value") or ""
        if tag == "style" or tag == "script" and not values.get("src") and values.get("type") != "application/json":
            self.inline.append(tag)
        self.inline += [name for name in values if name.startswith("on")]


def browse(api, path: str, **params):
    return api.get(path, params, headers={"Accept": BROWSER})


@pytest.mark.parametrize("path", ADDRESSES)
def test_every_address_is_a_page_without_inline_script(api, path):
    page = browse(api, path)
    assert page.status_code == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "ETag" not in page.headers
    assert Page(page.content.decode()).inline == []


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/json, text/plain, */*", ""])
def test_a_program_gets_json(api, accept):
    assert api.get(path_of("bots"), headers={"Accept": accept}).headers["Content-Type"] == "application/json"


def test_a_page_of_runs_has_its_filters_and_what_was_entered(api):
    page = Page(browse(api, path_of("bots"), status="completed,failed", minProfit="5", limit="3").content.decode())
    assert {"status", "minProfit", "maxProfit", "ordering", "fields", "limit"} <= page.fields.keys()
    assert "cursor" not in page.fields
    assert (page.fields["status"], page.fields["minProfit"], page.fields["limit"]) == ("completed,failed", "5", "3")


def test_the_form_as_it_stands_is_understood(api):
    fields = Page(browse(api, path_of("bots")).content.decode()).fields
    params = {name: "" for name in fields if name not in ("csrfmiddlewaretoken", "search")}
    assert browse(api, path_of("bots"), **params).status_code == 200


def test_next_and_previous_lead_there_and_back(api):
    first = browse(api, path_of("bots"), limit=5, status="completed").content.decode()
    second = browse(api, Page(first).links["next"]).content.decode()
    assert "run-011" in first
    assert "run-011" not in second
    assert "run-004" in second
    back = browse(api, Page(second).links["prev"]).content.decode()
    assert "run-011" in back
    assert "prev" not in Page(back).links


def test_a_refusal_stands_beside_its_field(api):
    page = browse(api, path_of("bots"), minProfit="abc")
    assert page.status_code == 400
    text = page.content.decode()
    assert "errorlist" in text
    assert Page(text).fields["minProfit"] == "abc"


def test_foreign_text_is_never_markup(api):
    hostile = record(99, botId=MARKUP, notes=MARKUP, status=MARKUP[:60], configuration={MARKUP: MARKUP})
    sid = SessionId.parse(f"{MARKUP.replace('{', '(').replace('}', ')')}:1h:1:2")
    BotRegistry().put_many(sid, [RunWrite.parse(hostile | {"trades": [{"type": MARKUP, "reason": MARKUP}]})])
    run = path_of("bots", "run-099", sid=str(sid))
    for path in (
        "/api/sessions",
        path_of(sid=str(sid)),
        path_of("bots", sid=str(sid)),
        run,
        f"{run}/trades",
        f"{run}/config",
    ):
        text = browse(api, path).content.decode()
        assert "<script>alert(" not in text
        assert "<img src=x" not in text
    assert body_of(api.get(run))["configuration"] == {MARKUP: MARKUP}


def test_a_huge_answer_is_cut_in_the_page_only(api):
    BotRegistry().put_many(SessionId.parse("BIG:1h:1:2"), [RunWrite.parse(record(1, notes="x" * 2_000_000))])
    run = path_of("bots", "run-001", sid="BIG:1h:1:2")
    text = browse(api, run).content.decode()
    assert len(text) < 1_100_000
    assert "Only the beginning is shown" in text
    assert len(body_of(api.get(run))["notes"]) == 2_000_000


def test_a_visitor_is_shown_the_way_in(client_of, runs):
    page = client_of("anonymous", Accept=BROWSER).get(f"{path_of('bots')}?limit=5&status=a")
    assert page.status_code == 401
    assert "%3Flimit%3D5%26status%3Da" in page.content.decode()
    assert "run-0" not in page.content.decode()
