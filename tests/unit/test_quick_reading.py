"""What is read fast says the same as what is read leaf by leaf, whatever the records of a session look like."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bots_app.quick_reading import QuickReader
from bots_app.records import read_run
from bots_app.run_values import LoadedRun, values_of
from bots_app.synthetic import records as synthetic_records
from bots_app.table.fields import fields_of
from bots_app.table.new_table import NewTable
from bots_app.table.quick_rows import QuickRow
from bots_app.table.values import MISSING, bits_of
from dashboard.store.keys import SEGMENT_ROWS, TableKeys
from sessions_app.records import SessionId

KEYS = TableKeys("t:g:")
Texts = list[bytes]

NUMBERS = st.one_of(
    st.integers(-3, 3), st.floats(allow_nan=False, allow_infinity=False), st.integers(2**53, 2**65),
    st.sampled_from([-0.0, 1e300, 10**299, 10**301, 10**308, -(2**63), 2**64]),
)  # fmt: skip
TEXTS = st.sampled_from(["ema", "sma", "12.5", "", "nan", "Infinity", " 7", "1e3", "ü", "x" * 250])
LEAVES = st.one_of(NUMBERS, TEXTS, st.booleans(), st.none(), st.just([]), st.just({}), st.just([1, "a"]))
PLAIN_KEYS = ["a", "b", "ü x", "profit", "sharpe", "status", "notes", "trades", ""]
ODD_KEYS = ["a.b", "x" * 198, 'a"b', "a\\b", "\x01", "\U0001f600", "__init__", "class"]
KEYS_MET = [*PLAIN_KEYS, *PLAIN_KEYS, *ODD_KEYS]


def trees(leaves: Any) -> Any:
    below = st.dictionaries(st.sampled_from(KEYS_MET), leaves, max_size=3)
    return st.dictionaries(st.sampled_from(KEYS_MET), st.one_of(leaves, below), max_size=4)


@st.composite
def sessions(draw: Any) -> Texts:
    """Some records, most of which have what others have, with other values of the same kinds or of any."""
    found = []
    for _ in range(draw(st.integers(1, 3))):
        performance = draw(trees(LEAVES))
        record = {
            "status": draw(st.sampled_from(["completed", "failed", None, 7, ""])),
            "lastUpdated": draw(st.sampled_from([1_700_000_000_000, 1_700_000_000, "2024-01-01", None, 1e30])),
            "resultsMetadata": {**draw(trees(LEAVES)), "performance": performance, "marketHistory": {"low": 1.5}},
            "configuration": draw(trees(LEAVES)),
        }
        for name in draw(st.sets(st.sampled_from(["resultsMetadata", "configuration", "status"]), max_size=1)):
            record[name] = draw(LEAVES)
        for _ in range(draw(st.integers(1, 4))):
            found.append(json.dumps(_varied(draw, record)).encode())
    return draw(st.permutations(found))


def _varied(draw: Any, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _varied(draw, below) for key, below in value.items() if draw(st.integers(0, 15)) != 0}
    if isinstance(value, bool) or value is None or not isinstance(value, int | float):
        return value
    return draw(st.one_of(NUMBERS, st.none())) if draw(st.booleans()) else value


def read(texts: Texts) -> list[LoadedRun]:
    reader = QuickReader()
    return [reader.read(f"run-{number}", text) for number, text in enumerate(texts)]


def made(runs: list[LoadedRun], *, batch: int = 3) -> dict[str, dict[str, int]]:
    """Return what a table made of runs says of each."""
    table, commands = NewTable(KEYS), []
    for first in range(0, len(runs), batch):
        some = runs[first : first + batch]
        table.add([run.values.config_hash for run in some], [run.fields for run in some])
        commands += table.due()
    for some_commands in table.rest():
        commands += some_commands
    strings = {key: text for name, key, text in (one for one in commands if one[0] == "SET")}
    pairs = [one[2:] for one in commands if one[:2] == ("HSET", KEYS.name("places"))]
    places = {name.decode(): place for flat in pairs for name, place in zip(flat[::2], flat[1::2], strict=True)}
    shapes = [one[2:] for one in commands if one[:2] == ("HSET", KEYS.name("shapes"))]
    names = {key: set(json.loads(text)) for flat in shapes for key, text in zip(flat[::2], flat[1::2], strict=True)}
    columns = {name for one in commands if one[:2] == ("SADD", KEYS.name("columns")) for name in one[2:]}
    found: dict[str, dict[str, int]] = {}
    for name, place in places.items():
        number, digest = place.split()
        segment, row = divmod(int(number), SEGMENT_ROWS)
        found[name] = {}
        for column in columns:
            bits = strings.get(KEYS.values(segment, column), b"")[8 * row : 8 * row + 8]
            if bits.strip(b"\0"):
                found[name][column] = int.from_bytes(bits, "little") ^ MISSING
        assert found[name].keys() == names[digest]
        width = table.width
        assert strings[KEYS.hashes(segment)][width * row : width * (row + 1)].rstrip(b"\0") == name.encode()
    return found


@given(sessions())
@example([b'{"resultsMetadata":{"a":2,"performance":{"a":%b}}}' % text for text in (b"[1]", b"[]", b"null", b"3")])
@example([b'{"resultsMetadata":{"a":2,"performance":{"a":%b}}}' % text for text in (b"3", b"null", b"true", b"{}")])
@example([b'{"configuration":{"a":1,"a":{"b":2}}}', b'{"configuration":{"a":{"b":2},"a":1}}'])
def test_it_says_what_a_slow_reading_says(texts: Texts) -> None:
    texts = texts * 2
    runs = read(texts)
    slow = {f"run-{number}": read_run(f"run-{number}", text) for number, text in enumerate(texts)}
    assert [run.values for run in runs] == [values_of(run) for run in slow.values()]
    wanted = {name: {field: bits_of(value) for field, value in fields_of(run).items()} for name, run in slow.items()}
    assert made(runs) == wanted


def test_usual_records_are_read_fast() -> None:
    texts = list(synthetic_records(SessionId.parse("X:1h:1:2"), 300))
    runs = read(texts)
    quick = [run for run in runs if isinstance(run.fields, QuickRow)]
    # All but one of each make, and one of them is looked at twice.
    assert len(quick) >= 297
    layouts = {run.fields.layout for run in quick if isinstance(run.fields, QuickRow)}
    wanted = {
        run.values.config_hash: {
            field: bits_of(value) for field, value in fields_of(read_run(run.values.config_hash, text)).items()
        }
        for run, text in zip(runs, texts, strict=True)
    }
    assert made(runs, batch=100) == wanted
    assert not any(layout.is_wrong for layout in layouts)


def test_a_reader_that_is_found_wrong_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = list(synthetic_records(SessionId.parse("X:1h:1:2"), 20))
    runs = read(texts)
    wrong = next(run.fields.layout for run in runs if isinstance(run.fields, QuickRow))
    monkeypatch.setattr(wrong, "names", [f"{name}!" for name in wrong.names])
    found = made(runs)
    assert wrong.is_wrong
    assert all("profit" in fields for fields in found.values())
