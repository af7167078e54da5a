"""Reading one run: as written, in part, and when it cannot be read."""

from __future__ import annotations

import json

import pytest

from dashboard.store.client import client as store
from tests.api.conftest import SID, assert_error, body_of, path_of


def write_raw(config_hash: str, text: bytes) -> None:
    """Write a record as a foreign program may."""
    store().set(f"bot_registry:run:{SID}:{config_hash}", text)
    store().sadd(f"session:{SID}:bots", config_hash)


def test_a_run_is_answered_as_it_was_written(api, runs):
    answer = body_of(api.get(path_of("bots", "run-004")))
    assert runs[4].items() <= answer.items()


def test_the_configuration_is_answered_alone(api, runs):
    assert body_of(api.get(path_of("bots", "run-004", "config"))) == runs[4]["configuration"]


@pytest.mark.parametrize("points", [2, 10, 1000])
def test_a_curve_has_three_arrays_of_one_length(api, points):
    curve = body_of(api.get(path_of("bots", "run-000", "equity"), {"points": points}))
    assert curve.keys() == {"time", "equity", "drawdown"}
    [length] = {len(values) for values in curve.values()}
    assert 2 <= length <= points
    assert curve["time"] == sorted(curve["time"])


def test_a_run_without_trades_has_an_empty_array_and_no_error(api):
    assert body_of(api.get(path_of("bots", "run-004", "trades"))) == []
    assert api.get(path_of("bots", "run-004", "equity")).status_code == 200


@pytest.mark.parametrize(
    "text", [b"this is not JSON", b"", b"[1]", b"42", b"\xff\xfe", b"[" * 100_000, b'{"status": "compl']
)
def test_an_unreadable_run_says_so_and_shows_its_text(api, text):
    write_raw("broken", text)
    for below in ((), ("config",)):
        assert_error(api.get(path_of("bots", "broken", *below)), 422, "unreadable")
    raw = api.get(path_of("bots", "broken", "raw"))
    assert (raw.status_code, raw.content) == (200, text)
    assert raw.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert raw.headers["X-Content-Type-Options"] == "nosniff"


def test_the_raw_text_of_markup_is_no_page_in_any_browser(api):
    write_raw("markup", b"<script>alert(1)</script>")
    raw = api.get(path_of("bots", "markup", "raw"), headers={"Accept": "text/html"})
    assert raw.headers["Content-Type"].startswith("text/plain")


def test_an_index_entry_without_a_record_is_unreadable_not_missing(api):
    store().sadd(f"session:{SID}:bots", "gone")
    assert_error(api.get(path_of("bots", "gone")), 422, "unreadable")
    assert_error(api.get(path_of("bots", "never")), 404, "not_found")


def test_garbled_trades_are_unreadable(api):
    store().set(f"bot_registry:trades:{SID}:run-004", b"not JSON")
    assert_error(api.get(path_of("bots", "run-004", "trades")), 422, "unreadable")
    assert_error(api.get(path_of("bots", "run-004", "equity")), 422, "unreadable")


def test_text_that_utf8_cannot_hold_is_answered_all_the_same(api):
    write_raw("odd", b'{"configHash": "odd", "status": "completed", "notes": "\\ud800", "resultsMetadata": {"x": NaN}}')
    assert body_of(api.get(path_of("bots", "odd")))["resultsMetadata"] == {"x": None}


def test_a_foreign_hash_with_slashes_has_an_address(api):
    write_raw("a/b c", json.dumps({"status": "completed", "configuration": {"x": 1}}).encode())
    assert body_of(api.get(path_of("bots", "a/b c")))["configHash"] == "a/b c"
    assert body_of(api.get(path_of("bots", "a/b c", "config"))) == {"x": 1}
