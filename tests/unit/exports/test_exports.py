"""Files of runs: what is in them reads back as what was put in."""

from __future__ import annotations

import csv
import io
import json
import random

import pyarrow
import pytest
from pyarrow import parquet

from bots_app.exports import FORMATS, ExportField, FormatMissing, Kind, Piece
from bots_app.exports import parquet as parquet_format
from bots_app.exports.delimited import FORMULA

FIELDS = [
    ExportField("profit", Kind.NUMBER), ExportField("config.fast", Kind.WHOLE), ExportField("config.type", Kind.TEXT),
    ExportField("config.trailing", Kind.BOOLEAN), ExportField("config.odd", Kind.MIXED),
]  # fmt: skip
PIECES = [
    Piece(["a", "b"], {
        "profit": [1.5, None], "config.fast": [5, 8], "config.type": ['say "hi", é', None],
        "config.trailing": [True, None], "config.odd": [1.5, "x"],
    }),
    Piece(["=c"], {
        "profit": [-1e-7], "config.fast": [None], "config.type": ["=HYPERLINK(1)"], "config.trailing": [False],
        "config.odd": [True],
    }),
]  # fmt: skip
ROWS = [
    {"configHash": "a", "profit": 1.5, "config.fast": 5, "config.type": 'say "hi", é', "config.trailing": True,
     "config.odd": 1.5},
    {"configHash": "b", "profit": None, "config.fast": 8, "config.type": None, "config.trailing": None,
     "config.odd": "x"},
    {"configHash": "=c", "profit": -1e-7, "config.fast": None, "config.type": "=HYPERLINK(1)", "config.trailing": False,
     "config.odd": True},
]  # fmt: skip
FACTS = {"rows": "3", "filter": "sharpe > 1"}


def content(name: str) -> bytes:
    return b"".join(FORMATS[name].write(FIELDS, PIECES, FACTS))


def test_lines_of_json_hold_every_value():
    assert [json.loads(line) for line in content("ndjson").splitlines()] == ROWS


def test_a_table_for_spreadsheets_holds_no_formula():
    header, *rows = csv.reader(io.StringIO(content("csv").decode(), newline=""))
    assert header == list(ROWS[0])
    assert rows[0] == ["a", "1.5", "5", 'say "hi", é', "true", "1.5"]
    assert rows[1] == ["b", "", "8", "", "", "x"]
    assert rows[2] == ["'=c", "-1e-7", "", "'=HYPERLINK(1)", "false", "true"]


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx", "\rx", "\nx", "\0=x", "＝1", "＋1", "－1", "＠x"])
def test_whatever_begins_a_formula_is_made_a_text(text):
    fields, piece = [ExportField(text, Kind.MIXED)], Piece(["h"], {text: [text]})
    rows = list(csv.reader(io.StringIO(b"".join(FORMATS["csv"].write(fields, [piece], {})).decode(), newline="")))
    assert rows == [["configHash", f"'{text}"], ["h", f"'{text}"]]


def test_a_negative_number_stays_a_number_in_a_spreadsheet():
    fields, piece = [ExportField("odd", Kind.MIXED)], Piece(["h", "i"], {"odd": [-1.5, "-1.5"]})
    assert b"".join(FORMATS["csv"].write(fields, [piece], {})).decode().split("\r\n")[1:3] == ["h,-1.5", "i,'-1.5"]


@pytest.mark.parametrize("seed", range(20))
def test_what_a_spreadsheet_reads_is_what_was_written(seed):
    chance = random.Random(seed)
    texts = ["".join(chance.choices("a,\"\r\n=;\t \0é'-+@＝", k=chance.randint(0, 6))) for _ in range(100)]
    numbers = [chance.choice([None, chance.uniform(-1e9, 1e9), -0.0, 1e300, 5e-324]) for _ in texts]
    mixed = [chance.choice([text, None, [text], -3, 2**70, 1.5]) for text in texts]
    fields = [ExportField("text", Kind.TEXT), ExportField("number", Kind.NUMBER), ExportField("mixed", Kind.MIXED)]
    piece = Piece([f"h{n}" for n in range(100)], {"text": texts, "number": numbers, "mixed": mixed})
    made = b"".join(FORMATS["csv"].write(fields, [piece], {})).decode()
    _, *rows = csv.reader(io.StringIO(made, newline=""))
    assert [row[1] for row in rows] == [f"'{text}" if text.startswith(FORMULA) else text for text in texts]
    assert [float(row[2]) if row[2] else None for row in rows] == numbers
    plain = [(one, row[3]) for one, row in zip(mixed, rows, strict=True) if isinstance(one, list | int | float)]
    assert [json.loads(cell) for _, cell in plain] == [one for one, _ in plain]
    assert not [cell for row in rows for cell in (row[1], row[3]) if cell.startswith(FORMULA) and cell != "-3"]


def test_parquet_holds_every_value_and_what_it_is_about(monkeypatch):
    monkeypatch.setattr(parquet_format, "GROUP_ROWS", 2)
    file = parquet.ParquetFile(io.BytesIO(content("parquet")))
    assert [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)] == [2, 1]
    table = file.read()
    assert table.schema.field("config.fast").type == pyarrow.int64()
    assert {name: table.schema.metadata[name.encode()].decode() for name in FACTS} == FACTS
    mixed = {1.5: "1.5", "x": '"x"', True: "true"}
    assert table.to_pylist() == [row | {"config.odd": mixed[row["config.odd"]]} for row in ROWS]


def test_a_format_that_is_not_installed_says_so(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(FormatMissing, match="package pyarrow"):
        parquet_format.write(FIELDS, PIECES, FACTS)


@pytest.mark.parametrize("name", FORMATS)
def test_no_run_makes_a_file_all_the_same(name):
    made = b"".join(FORMATS[name].write(FIELDS, [], FACTS))
    assert bool(made) == (name != "ndjson")
