"""Finding a run by its hash from the search of every page."""

from __future__ import annotations

import pytest

from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.store import keys as store_keys
from sessions_app import run_search
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry
from tests.pages import data

pytestmark = pytest.mark.django_db

HASH = data.config_hash(7)


def add_run(symbol: str, config_hash: str) -> SessionId:
    sid = SessionId.parse(f"{symbol}:1h:{data.START_MS}:{data.END_MS}")
    BotRegistry().put_many(sid, [RunWrite.parse(data.run(1, 5.0) | {"configHash": config_hash})])
    return sid


def test_one_hit_leads_to_the_run(page, sweep):
    answer = page.get("/sessions/", {"search": f" {HASH} "})
    assert answer.status_code == 302
    assert page.get(answer.url).context["config_hash"] == HASH


def test_htmx_is_led_there_as_a_whole(page, sweep):
    answer = page.get("/sessions/", {"search": HASH}, headers={"HX-Request": "true"})
    assert answer.status_code == 204
    assert answer["HX-Redirect"].endswith(f"/runs/{HASH}/")


def test_several_hits_are_listed(page, sweep):
    other = add_run("ETH", HASH)
    response = page.get("/sessions/", {"search": HASH})
    assert response.status_code == 200
    assert {str(sid) for sid, _ in response.context["hit_rows"]} == {str(data.SWEEP), str(other)}
    text = response.content.decode()
    assert "2 sessions hold a run of this hash" in text
    assert "No session matches" not in text
    assert all(page.get(href).context["config_hash"] == HASH for _, href in response.context["hit_rows"])


def test_a_hit_beside_sessions_of_that_text_is_listed_too(page, sweep):
    SessionRegistry().annotate(data.SWEEP, notes=f"see {HASH}")
    response = page.get("/sessions/", {"search": HASH})
    assert len(response.context["rows"]) == len(response.context["hit_rows"]) == 1
    assert "1 session holds a run of this hash" in response.content.decode()


def test_a_part_of_a_hash_is_not_found_and_that_is_said(page, sweep):
    response = page.get("/sessions/", {"search": HASH[:8]})
    assert "hit_rows" not in response.context or not response.context["hit_rows"]
    assert "a run is found by its whole hash" in response.content.decode()


def test_texts_of_several_words_are_no_hash(page, sweep):
    response = page.get("/sessions/", {"search": "no hash"})
    assert "whole hash" not in response.content.decode()


def test_a_key_of_another_type_hides_no_hit(page, sweep):
    sweep.set(f"session:ETH:1h:{data.START_MS}:{data.END_MS}:bots", b"no set")
    sweep.zadd(store_keys.SESSIONS, {f"ETH:1h:{data.START_MS}:{data.END_MS}": 1})
    assert [str(sid) for sid in run_search.sessions_with_run(HASH).sids] == [str(data.SWEEP)]


def test_a_search_that_stops_says_so(page, sweep, monkeypatch):
    monkeypatch.setattr(run_search, "MOST_SESSIONS", 2)
    monkeypatch.setattr(run_search, "CHUNK", 1)
    for symbol in ("A", "B", "C"):
        add_run(symbol, "other")
    hits = run_search.sessions_with_run("other")
    assert (len(hits.sids), hits.searched, hits.total, hits.is_cut) == (1, 2, 4, True)
    assert "<b>2</b> sessions updated last, of 4" in page.get("/sessions/", {"search": "nothing"}).content.decode()
