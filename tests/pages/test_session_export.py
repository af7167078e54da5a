"""The link of the session page to a file: exactly the runs listed, all of them, in the order of the page."""

from __future__ import annotations

import csv
import io
from urllib.parse import urlencode

import pytest

from tests.pages.test_session import URL, walk

LISTS = [
    {},
    {"ordering": "profit", "limit": "50"},
    {"status": ["failed", "running"], "ordering": "lastUpdated"},
    {"status": "!completed", "ordering": "status,-config.strategy.params.fast"},
    {"where": "profit > 0 and sharpe is not missing", "ordering": "-sharpe,profit", "min.profit": "1"},
    {"minProfit": "−150", "maxProfit": "1,000", "min.profit": "1,0", "limit": "200"},
]


@pytest.mark.parametrize("params", LISTS, ids=str)
def test_the_file_holds_what_the_page_lists_from_any_of_its_pages(page, sweep, params):
    address = f"{URL}?{urlencode(params, doseq=True)}"
    first = page.get(address)
    listed = walk(page, address, "next")
    places = [first.context["page_links"][step] for step in ("next", "last")]
    links = [page.get(URL + place).context["export_href"] for place in places if place]
    assert {*links} <= {first.context["export_href"]}
    exported = page.get(first.context["export_href"])
    assert exported.status_code == 200, exported.content
    rows = csv.DictReader(io.StringIO(b"".join(exported.streaming_content).decode(), newline=""))
    assert [row["configHash"] for row in rows] == listed
    assert exported["X-Row-Count"] == exported["X-Total-Count"] == str(first.context["page"].count)
