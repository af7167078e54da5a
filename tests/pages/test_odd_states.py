"""Sessions and runs as they should not be, and still are: each page stands, says what is wrong and stays readable."""

from __future__ import annotations

import json

import pytest

from bots_app.registry import BotRegistry
from bots_app.run_pages import LONGEST_FAILURE
from bots_app.writing import RunWrite
from sessions_app.records import SessionId
from tests.pages import data

pytestmark = pytest.mark.django_db

SID = SessionId.parse(f"ODD:1h:{data.START_MS}:{data.END_MS}")
URL = f"/sessions/{SID}/"


def write(*records: dict) -> None:
    BotRegistry().put_many(SID, [RunWrite.parse(record) for record in records])


def run_url(number: int) -> str:
    return f"{URL}runs/{data.config_hash(number)}/"


def test_many_statuses_leave_room_for_the_runs(page, real_store):
    write(*(data.run(number, 1.0, status=f"phase {number}") for number in range(20)), data.run(99, 2.0))
    response = page.get(URL)
    text = response.content.decode()
    shown = [chip["status"] for chip in response.context["shown_chips"]]
    assert len(shown) == 8
    assert shown[0] == "completed"
    assert "and 13 more under Filters" in text
    assert text.count('type="checkbox" name="status"') == 21
    chosen = page.get(URL, {"status": "phase 19"}).context["shown_chips"]
    assert chosen[1]["status"] == "phase 19"


def test_a_session_without_runs_offers_nothing_to_filter(page, real_store):
    summary = {"symbol": "ODD", "timeframe": "1h", "runCount": 0}
    real_store.set(f"bot_registry:session_current:{SID}", json.dumps(summary))
    text = page.get(URL).content.decode()
    assert "This session has no runs yet" in text
    assert 'id="changelist-filter"' not in text
    assert "of all runs" not in text
    assert 'id="changelist-filter"' in page.get(URL, {"status": "failed"}).content.decode()


def test_runs_of_other_programs_are_never_more_than_all(page, real_store):
    write(data.run(1, 1.0))
    foreign = data.run(2, 2.0)
    real_store.set(f"bot_registry:run:{SID}:{foreign['configHash']}", json.dumps(foreign))
    real_store.sadd(f"session:{SID}:bots", foreign["configHash"])
    real_store.zadd(f"session:{SID}:bots:profit", {foreign["configHash"]: 2.0})
    text = page.get(URL).content.decode()
    assert "The list may lag behind." in text
    assert "<b>2</b> of 2 runs match" in text


def test_a_long_reason_for_a_failure_is_cut(page, real_store):
    write(data.run(1, None, status="failed", resultsMetadata={"error": "no " * 5_000}))
    response = page.get(run_url(1))
    assert len(response.context["failure"]) == LONGEST_FAILURE
    assert response.context["failure"].endswith("…")


def test_huge_profits_are_short(page, real_store):
    write(data.run(1, 1.7e308), data.run(2, -1e15))
    text = page.get(URL).content.decode()
    assert "+1.7e308" in text
    assert "−1e15" in text
    assert "000,000,000,000" not in text
    assert "+1.7e308" in page.get(run_url(1)).content.decode()


def test_a_large_record_is_shown_in_part(page, real_store):
    write(data.run(1, 1.0, blob="q" * 3_000_000))
    raw = page.get(f"{run_url(1)}raw/")
    assert raw.status_code == 200
    assert len(raw.content) < 300_000
    assert "the first 200,000 characters are shown" in raw.content.decode()
    assert page.get(run_url(1)).status_code == 200


@pytest.mark.parametrize("count", [1, 2, 3_000])
def test_few_and_many_trades_are_shown(page, real_store, count):
    write(data.run(1, 10.0) | {"trades": data.trades(10.0, count) if count > 2 else data.trades(10.0, 1) * count})
    response = page.get(run_url(1))
    text = response.content.decode()
    assert response.status_code == 200
    assert ("Fewer than 30 trades" in text) == (count < 30)
    assert len(response.context["durations"]["ms"]) == min(count, len(response.context["durations"]["ms"])) <= 2_000
    assert ("of 3,000 trades, evenly by exit" in text) == (count == 3_000)
