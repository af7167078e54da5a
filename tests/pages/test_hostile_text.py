"""Text from outside is text on every page, never markup, and never breaks an address."""

from __future__ import annotations

import pytest

from sessions_app.registry import SessionRegistry
from tests.pages import data

pytestmark = pytest.mark.django_db


def test_every_page_escapes_it(page, desk, hostile):
    SessionRegistry().annotate(data.HOSTILE, notes=data.MARKUP)
    session = page.get("/sessions/").context["rows"][0][1]
    runs = [row["href"] for row in page.get(session).context["rows"]]
    addresses = [
        "/sessions/",
        session,
        *runs,
        *(f"{run}{part}/" for run in runs for part in ("trades", "config", "raw")),
    ]
    assert len(addresses) == 14
    for client in (page, desk):
        for address in addresses:
            response = client.get(address)
            assert response.status_code == 200, address
            text = response.content.decode()
            assert "<script>alert" not in text, address
            assert "<img src=x" not in text, address
            assert ">49<" not in text, address


@pytest.mark.parametrize(
    "params", [{data.MARKUP: "1"}, {"cursor": data.MARKUP}, {"minProfit": data.MARKUP}, {"status": data.MARKUP}]
)
def test_refusals_escape_it(page, sweep, params):
    text = page.get(f"/sessions/{data.SWEEP}/", params).content.decode()
    assert "<script>alert" not in text


def test_search_and_unknown_addresses_escape_it(page, sweep):
    assert "<script>alert" not in page.get("/sessions/", {"search": data.MARKUP}).content.decode()
    assert "<script>alert" not in page.get(f"/sessions/{data.MARKUP}/").content.decode()
