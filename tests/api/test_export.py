"""Exports: each format holds exactly the runs of the list, in its order, in one file or in parts."""

from __future__ import annotations

import csv
import errno
import io
import json
import tempfile
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from bots_app import exporting
from bots_app.export_viewset import slots
from bots_app.exporting import Export, Wanted
from bots_app.exports import parquet as parquet_format
from bots_app.query import RunQuery
from bots_app.registry import BotRegistry
from bots_app.table.memory import memory
from bots_app.writing import RunWrite
from dashboard.errors import StoreUnavailable
from sessions_app.records import SessionId
from tests.api.conftest import SID, assert_error, body_of, path_of, record
from tests.api.test_lists import links_of

BOTS, EXPORT = path_of("bots"), path_of("bots", "export")
FIELDS = "profit,status,config.fast,config.ratio,config.name,config.is_on,config.odd,numTrades,tags,notes,botId"
QUERIES = [
    {},
    {"ordering": "config.name,-config.fast"},
    {"ordering": "-config.odd"},
    {"status": "!failed", "min.config.fast": "5", "ordering": "lastUpdated"},
    {"where": "config.is_on = true or profit > 100", "ordering": "status,profit"},
    {"where": "profit > 1e9"},
]
FORMULA = "=HYPERLINK(1)"


@pytest.fixture
def many(api, monkeypatch) -> Any:
    """The twelve runs and forty more of all kinds of values; files are made seven runs at a time."""
    monkeypatch.setattr(exporting, "PIECE_ROWS", 7)
    monkeypatch.setattr(parquet_format, "GROUP_ROWS", 14)
    records = []
    for number in range(20, 60):
        config = {"fast": number % 7, "ratio": number / 3, "name": [FORMULA, 'é, "q"', "z"][number % 3]}
        config |= {"is_on": number % 2 == 0} if number % 5 else {}
        config |= {"odd": [number, "text", True, None][number % 4], "big": 2**60 + number}
        more = {"configuration": config, "tags": ["a", "b"] if number % 2 else [], "notes": "n" * (number % 3)}
        records.append(record(number, **more))
    BotRegistry().put_many(SessionId.parse(SID), [RunWrite.parse(one) for one in records])
    return api


def content_of(response: Any) -> bytes:
    assert response.status_code == 200, response.content
    content = b"".join(response.streaming_content)
    response.close()
    return content


def lines_of(response: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content_of(response).splitlines()]


def listed(api: Any, parameters: dict[str, str]) -> list[dict[str, Any]]:
    """Return the rows of the list, walked page by page."""
    page = body_of(api.get(BOTS, {"limit": 11, "fields": FIELDS, **parameters}))
    rows = page["bots"]
    while page["nextCursor"]:
        page = body_of(api.get(BOTS, {"limit": 11, "fields": FIELDS, **parameters, "cursor": page["nextCursor"]}))
        rows += page["bots"]
    return rows


@pytest.mark.parametrize("parameters", QUERIES, ids=str)
def test_a_file_equals_the_list_walked_page_by_page(many, parameters):
    wanted = {"fields": FIELDS, **parameters}
    rows = listed(many, parameters)
    response = many.get(EXPORT, {"format": "ndjson", **wanted})
    assert (response["X-Row-Count"], response["X-Total-Count"]) == (str(len(rows)),) * 2
    assert lines_of(response) == rows

    table = parquet.read_table(io.BytesIO(content_of(many.get(EXPORT, {"format": "parquet", **wanted}))))
    assert table.schema.metadata[b"rows"] == str(len(rows)).encode()
    mixed = {name for name in ("config.odd", "tags") if name in table.column_names}
    plain = [
        {name: json.loads(cell) if name in mixed and cell is not None else cell for name, cell in row.items()}
        for row in table.to_pylist()
    ]
    assert plain == rows

    text = content_of(many.get(EXPORT, wanted)).decode()
    cells = list(csv.DictReader(io.StringIO(text, newline="")))
    assert cells == [{name: cell(value) for name, value in row.items()} for row in rows]


def cell(value: Any) -> str:
    """Return the text of a value in CSV, as the documentation has it."""
    if value is None:
        return ""
    if isinstance(value, bool | list):
        return json.dumps(value, separators=(",", ":"))
    if isinstance(value, float):
        return repr(value).replace("e-0", "e-").replace("e+", "e")
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@" and value else str(value)


def test_columns_have_types(many):
    table = parquet.read_table(io.BytesIO(content_of(many.get(EXPORT, {"format": "parquet", "fields": FIELDS}))))
    types = {name: table.schema.field(name).type for name in ("config.fast", "config.ratio", "config.is_on", "status")}
    assert list(types.values()) == [pyarrow.int64(), pyarrow.float64(), pyarrow.bool_(), pyarrow.string()]


def test_the_usual_columns_are_those_of_the_list(many):
    rows, page = lines_of(many.get(EXPORT, {"format": "ndjson"})), body_of(many.get(BOTS, {"limit": 500}))
    assert rows == page["bots"]


def test_numbers_and_texts_that_no_column_tells_exactly_come_from_the_records(many):
    records = [record(number, configuration={"long": "x" * 300 + str(number)}) for number in range(60, 63)]
    BotRegistry().put_many(SessionId.parse(SID), [RunWrite.parse(one) for one in records])
    rows = lines_of(many.get(EXPORT, {"format": "ndjson", "fields": "config.big,config.long"}))
    found = {row["configHash"]: (row["config.big"], row["config.long"]) for row in rows}
    assert found["run-059"] == (2**60 + 59, None)
    assert found["run-061"] == (None, "x" * 300 + "61")


@pytest.mark.parametrize("parameters", QUERIES[:4], ids=str)
def test_parts_make_the_whole_exactly_once(many, parameters):
    wanted = {"format": "ndjson", "fields": "profit", **parameters}
    whole, parts = lines_of(many.get(EXPORT, wanted)), []
    response = many.get(EXPORT, {**wanted, "limit": 13})
    while True:
        assert response["X-Total-Count"] == str(len(whole))
        part = lines_of(response)
        assert response["X-Row-Count"] == str(len(part))
        parts += part
        if "next" not in links_of(response):
            break
        assert len(part) == 13
        response = many.get(links_of(response)["next"])
    assert parts == whole


def test_a_file_begins_at_a_rank(many):
    whole = lines_of(many.get(EXPORT, {"format": "ndjson", "where": "profit > 0"}))
    assert lines_of(many.get(EXPORT, {"format": "ndjson", "where": "profit > 0", "start": "4"})) == whole[3:]
    assert lines_of(many.get(EXPORT, {"format": "ndjson", "where": "profit > 0", "start": "999"})) == []


def test_headers_say_what_the_file_is(many):
    response = many.get(EXPORT, {"where": "config.name = 'é'", "min.profit": "-5", "limit": 1})
    content_of(response)
    name = 'attachment; filename="BTC_USDT_USDT_1h_1700000000000_1703600000000.csv"'
    assert response["Content-Disposition"] == name
    assert response["X-Filter"] == "where=config.name%20%3D%20%27%C3%A9%27&min.profit=-5&ordering=-profit"
    assert response["Content-Type"] == "text/csv; charset=utf-8; header=present"


@pytest.mark.parametrize(
    "parameters, name",
    [
        ({"fields": "config.fsat"}, "fields"), ({"format": "xlsx"}, "format"), ({"where": "config.nix > 1"}, "where"),
        ({"cursor": "abc"}, "cursor"), ({"ordering": "nix"}, "ordering"), ({"explain": "1"}, "explain"),
        ({"limit": "0"}, "limit"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused(many, parameters, name):
    response = many.get(EXPORT, parameters, headers={"Accept": "text/csv"})
    assert response.status_code == 400
    assert name in body_of(response)
    assert slots._users.total() == 0


@pytest.mark.parametrize(
    "field, meant", [("config.fsat", "config.fast"), ("tgas", "tags"), ("botid", "botId"), ("nextcursor", "nextCursor")]
)
def test_a_misspelt_field_is_told_what_may_have_been_meant(many, field, meant):
    assert f"Did you mean {meant}" in body_of(many.get(EXPORT, {"fields": f"profit,{field}"}))["fields"][0]


def test_cursors_of_other_lists_are_refused(many):
    of_sorted_sets = body_of(many.get(BOTS, {"limit": 5}))["nextCursor"]
    assert "another way" in many.get(EXPORT, {"cursor": of_sorted_sets}).content.decode()
    second = many.get(BOTS, {"limit": 5, "ordering": "config.fast", "start": "20"})
    backward = body_of(second)["previousCursor"]
    assert "backward" in many.get(EXPORT, {"cursor": backward, "ordering": "config.fast"}).content.decode()


def test_a_cursor_of_the_list_goes_on_behind_its_page(many):
    page = body_of(many.get(BOTS, {"limit": 5, "ordering": "config.fast"}))
    wanted = {"format": "ndjson", "fields": "profit", "ordering": "config.fast"}
    whole = lines_of(many.get(EXPORT, wanted))
    assert lines_of(many.get(EXPORT, {**wanted, "cursor": page["nextCursor"]})) == whole[5:]


def test_parquet_that_is_not_installed_is_said(many, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    assert "pyarrow" in body_of(many.get(EXPORT, {"format": "parquet"}))["format"][0]


def test_strangers_and_strange_sessions_are_refused(api, client_of):
    assert_error(client_of("anonymous").get(EXPORT), 401)
    assert_error(api.get(path_of("bots", "export", sid="NO:1h:1:2")), 404)


@pytest.fixture
def on_disk(monkeypatch) -> Any:
    """Return what tells how many files are open that columns are put in."""
    make, made = tempfile.TemporaryFile, []

    def recorded(**options: Any) -> Any:
        made.append(make(**options))
        return made[-1]

    monkeypatch.setattr(tempfile, "TemporaryFile", recorded)
    return lambda: (len(made), sum(not one.closed for one in made))


def test_the_disk_is_let_go_whatever_becomes_of_the_file(many, on_disk):
    response = many.get(EXPORT, {"fields": "profit,config.fast"})
    assert on_disk() == (2, 1)
    next(iter(response.streaming_content))
    response.close()
    assert (on_disk()[1], slots._users.total()) == (0, 0)
    many.get(EXPORT, {"fields": "profit"}).close()
    content_of(many.get(EXPORT, {"fields": "profit"}))
    head = many.head(EXPORT, {"fields": "profit"})
    assert (head["X-Row-Count"], head.content) == ("52", b"")
    assert many.get(EXPORT, {"fields": "profi"}).status_code == 400
    assert (on_disk(), slots._users.total()) == ((10, 0), 0)


def test_columns_of_an_export_do_not_stay_in_memory(many):
    held = memory().nbytes
    content_of(many.get(EXPORT, {"fields": "profit,config.fast,config.ratio"}))
    assert memory().nbytes == held


def test_a_full_disk_is_said_before_the_file_begins(many, monkeypatch):
    def fail(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("bots_app.table.on_disk.os.pwrite", fail)
    assert "No space left" in assert_error(many.get(EXPORT), 503)["detail"]
    assert slots._users.total() == 0


def test_the_file_is_of_one_moment(many):
    response = many.get(EXPORT, {"format": "ndjson", "fields": "profit,config.fast"})
    before = listed(many, {})
    BotRegistry().delete(SessionId.parse(SID), before[-1]["configHash"])
    BotRegistry().put_many(SessionId.parse(SID), [RunWrite.parse(record(11, configuration={"fast": -1}))])
    rows = lines_of(response)
    assert [row["configHash"] for row in rows] == [row["configHash"] for row in before]
    assert rows[0]["config.fast"] == before[0]["config.fast"]


@pytest.mark.parametrize(
    "name, mark", [("csv", b"incomplete: The data store"), ("ndjson", b'{"incomplete":'), ("parquet", b"")]
)
def test_a_file_that_cannot_be_finished_is_not_taken_for_whole(many, monkeypatch, on_disk, name, mark):
    export = Export(SessionId.parse(SID), RunQuery(), Wanted(name, ("profit", "notes")), facts={})
    found = [next(export)]

    def fail(*_: Any) -> None:
        raise StoreUnavailable()

    monkeypatch.setattr(BotRegistry, "rows", fail)
    found.extend(export)
    assert mark in found[-1]
    assert on_disk()[1] == 0
    if name == "parquet":
        with pytest.raises(pyarrow.ArrowInvalid):
            parquet.read_table(io.BytesIO(b"".join(found)))


def test_only_some_exports_are_under_way_at_a_time(many):
    first, second = many.get(EXPORT), many.get(EXPORT)
    assert_error(many.get(EXPORT), 429)
    first.close()
    content_of(second)
    content_of(many.get(EXPORT))
