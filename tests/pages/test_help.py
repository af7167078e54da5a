"""The page of definitions, and the names of numbers that lead to it."""

from __future__ import annotations

import re

import pytest

from bots_app.analysis.definitions import DEFINITIONS
from bots_app.page_help import FORMULAS, GROUPS, TERMS, entries
from dashboard.web.links import anchor, definition_path
from tests.pages import data

pytestmark = pytest.mark.django_db

SESSION = f"/sessions/{data.SWEEP}/"


def test_every_definition_stands_on_it_once_under_a_heading(page):
    text = page.get("/help/metrics/").content.decode()
    found = re.findall(r'<div id="([\w-]+)"><dt>', text)
    assert sorted(found) == sorted(anchor(key) for key in TERMS | DEFINITIONS)
    assert not TERMS.keys() & DEFINITIONS.keys()
    assert set(FORMULAS) <= DEFINITIONS.keys()
    for heading in GROUPS:
        assert f">{heading}</h2>" in text


def test_a_number_that_no_heading_names_is_not_left_out(monkeypatch):
    monkeypatch.setitem(GROUPS, "Words beside numbers", ())
    assert [entry.anchor for entry in entries()["More"]] == ["reported", "missing", "few", "fragile"]


@pytest.mark.parametrize("address", [SESSION, f"{SESSION}runs/{data.config_hash(0)}/"])
def test_every_name_with_a_definition_leads_to_one(page, sweep, address):
    text = page.get(address).content.decode()
    known = {definition_path(key) for key in TERMS | DEFINITIONS}
    names = re.findall(r'<[^>]*class="def"[^>]*>', text)
    assert len(names) >= 6
    for name in names:
        assert re.search(r'href="([^"]+)"', name)[1] in known
        assert re.search(r'data-tip="[^"]{10,}"', name), name


def test_numbers_that_disagree_lead_to_their_definitions(page, sweep):
    text = page.get(f"{SESSION}runs/{data.config_hash(1)}/").content.decode()
    table = text[text.index("Reported and recomputed differ") :]
    assert 'href="/help/metrics/#net-profit"' in table[: table.index("</section>")]


@pytest.mark.parametrize("address", ["/sessions/", SESSION, "/help/metrics/"])
def test_every_page_leads_to_it(page, sweep, address):
    text = page.get(address).content.decode()
    footer = text[text.index('<footer id="footer">') :]
    assert 'href="/help/metrics/"' in footer


def test_it_needs_a_log_in(client, db):
    assert client.get("/help/metrics/").url.startswith("/login/")
