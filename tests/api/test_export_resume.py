"""A file that broke off goes on behind any of its runs, with what cursors promise, whatever is written meanwhile."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from sessions_app.records import SessionId
from tests.api.conftest import SID, path_of, record
from tests.api.test_export import EXPORT, QUERIES, content_of, lines_of, many  # noqa: F401 - a fixture
from tests.api.test_lists import links_of

BOTS = path_of("bots")
FIELDS = "profit,nextCursor,status"


def rest_of(api: Any, parameters: dict[str, str], cursor: str) -> list[dict[str, Any]]:
    return lines_of(api.get(EXPORT, {"format": "ndjson", "fields": FIELDS, **parameters, "cursor": cursor}))


@pytest.mark.parametrize("parameters", QUERIES, ids=str)
def test_behind_any_run_comes_the_rest(many, parameters):  # noqa: F811 - a fixture
    whole = lines_of(many.get(EXPORT, {"format": "ndjson", "fields": FIELDS, **parameters}))
    assert [row["nextCursor"] is None for row in whole[-1:]] == [True] * bool(whole)
    for place in range(0, len(whole) - 1, 9):
        assert rest_of(many, parameters, whole[place]["nextCursor"]) == whole[place + 1 :]


def test_the_last_run_of_a_part_says_what_its_header_says(many):  # noqa: F811 - a fixture
    response = many.get(EXPORT, {"format": "ndjson", "fields": "nextCursor", "limit": 5})
    last = lines_of(response)[-1]["nextCursor"]
    assert f"cursor={last}" in links_of(response)["next"]
    page = many.get(BOTS, {"cursor": last, "where": "profit > -1e9 or profit is missing", "limit": 5})
    assert page.status_code == 400, "a cursor is bound to its filters"


def test_a_cursor_is_taken_as_a_table_for_spreadsheets_has_it(many):  # noqa: F811 - a fixture
    text = content_of(many.get(EXPORT, {"fields": "nextCursor"})).decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert rows[-1]["nextCursor"] == ""
    for cursor in (rows[3]["nextCursor"], f"'{rows[3]['nextCursor'].removeprefix(chr(39))}"):
        again = content_of(many.get(EXPORT, {"fields": "nextCursor", "cursor": cursor})).decode().splitlines()
        assert again[1:] == text.splitlines()[5:]


@pytest.mark.parametrize("ordering", ["-profit", "config.name,-profit", "-config.odd", "lastUpdated"])
def test_what_stays_in_its_place_comes_once_whatever_is_written_meanwhile(many, ordering):  # noqa: F811 - a fixture
    registry, sid, parameters = BotRegistry(), SessionId.parse(SID), {"ordering": ordering}
    received = lines_of(many.get(EXPORT, {"format": "ndjson", "fields": FIELDS, "ordering": ordering}))
    everything, received = {row["configHash"] for row in received}, received[:20]
    touched: set[str] = set()
    for step in range(1, 6):
        broken_at = received[-1]
        new = [record(1000 + 10 * step + number, configuration={"name": "m", "odd": number}) for number in range(3)]
        moved = record(int(min(everything - touched)[4:]), lastUpdated=1_800_000_000_000 + step, configuration={})
        moved["resultsMetadata"]["performance"]["totalProfit"] = -1000.0 * step
        registry.put_many(sid, [RunWrite.parse(one) for one in (*new, moved)])
        touched.add(moved["configHash"])
        if broken_at["configHash"] in everything:
            registry.delete(sid, broken_at["configHash"])
            everything.remove(broken_at["configHash"])
        received += rest_of(many, parameters, broken_at["nextCursor"])[:4]
    received += rest_of(many, parameters, received[-1]["nextCursor"])
    hashes = [row["configHash"] for row in received]
    assert all(hashes.count(one) == 1 for one in everything - touched)
    assert all(hashes.count(one) <= 2 for one in touched)
