"""The list of sessions."""

from __future__ import annotations

import pytest

from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry
from tests.pages import data

pytestmark = pytest.mark.django_db


def add_session(symbol: str, timeframe: str = "1d", profit: float = 1.0) -> SessionId:
    sid = SessionId.parse(f"{symbol}:{timeframe}:{data.START_MS}:{data.END_MS}")
    BotRegistry().put_many(sid, [RunWrite.parse(data.run(1, profit))])
    return sid


def shown(response) -> list[str]:
    return [one.symbol for one, _ in response.context["rows"]]


def test_the_start_leads_to_the_sessions(page):
    assert page.get("/").url == "/sessions/"


def test_it_shows_each_session_with_its_numbers_and_a_link_that_works(page, sweep):
    response = page.get("/sessions/")
    text = response.content.decode()
    assert response.status_code == 200
    assert "1 session, 130 runs" in text
    assert "+1,000" in text
    assert 'max="100" value="88.4"' in text
    href = f"/sessions/BTC%2FUSDT:USDT:1h:{data.START_MS}:{data.END_MS}/"
    assert f'href="{href}"' in text
    assert page.get(href).status_code == 200


def test_without_sessions_it_says_how_they_come(page, real_store):
    assert "There are no sessions yet" in page.get("/sessions/").content.decode()


def test_filters_search_and_order_are_in_the_address(page, real_store):
    for symbol, timeframe, profit in (("ETH", "1h", 5.0), ("BTC", "1d", 9.0), ("EUR.USD", "1h", -3.0)):
        add_session(symbol, timeframe, profit)
    assert shown(page.get("/sessions/", {"symbol": "ETH"})) == ["ETH"]
    assert sorted(shown(page.get("/sessions/", {"timeframe": "1h"}))) == ["ETH", "EUR.USD"]
    assert shown(page.get("/sessions/", {"search": "eur 1h"})) == ["EUR.USD"]
    assert shown(page.get("/sessions/", {"ordering": "-bestProfit"})) == ["BTC", "ETH", "EUR.USD"]
    assert shown(page.get("/sessions/", {"ordering": "bestProfit"})) == ["EUR.USD", "ETH", "BTC"]
    assert shown(page.get("/sessions/", {"active": "true"})) == []


def test_headers_sort_best_first_and_say_what_is_sorted(page, sweep):
    text = page.get("/sessions/").content.decode()
    assert 'aria-sort="descending"' in text
    assert 'href="?ordering=-bestProfit"' in text
    turned = page.get("/sessions/", {"ordering": "-bestProfit"}).content.decode()
    assert 'href="?ordering=bestProfit"' in turned


def test_an_empty_list_says_which_filter_empties_it(page, sweep):
    text = page.get("/sessions/", {"search": "USDT", "timeframe": "1m"}).content.decode()
    assert "No session matches" in text
    assert "Without <b>timeframe 1m</b> there would be" in text
    assert "Without <b>search USDT</b>" not in text


@pytest.mark.parametrize("params", [{"serch": "x"}, {"ordering": ["symbol", "runCount"]}])
def test_what_is_not_understood_is_refused(page, sweep, params):
    response = page.get("/sessions/", params)
    assert response.status_code == 400
    assert next(iter(params)) in response.content.decode()


def test_a_bad_value_is_named(page, sweep):
    response = page.get("/sessions/", {"ordering": "sharpness"})
    assert response.status_code == 400
    assert "<b>ordering</b>: Choose one of symbol" in response.content.decode()


def test_many_sessions_are_cut_into_pages(page, real_store, monkeypatch):
    monkeypatch.setattr("sessions_app.pages.PAGE_SIZE", 2)
    for number in range(5):
        add_session(f"S{number}")
    response = page.get("/sessions/", {"ordering": "symbol", "page": 2})
    assert shown(response) == ["S2", "S3"]
    assert "<b>3 to 4</b> of 5" in response.content.decode()
    assert 'href="?ordering=symbol&amp;page=3" rel="next"' in response.content.decode()


def test_the_values_of_a_filter_are_counted_under_the_others(page, real_store):
    for symbol, timeframe in (("ETH", "1h"), ("BTC", "1d"), ("BTC", "1h"), ("XRP", "1h")):
        add_session(symbol, timeframe)
    facets = page.get("/sessions/", {"timeframe": "1h", "active": "false"}).context["facets"]
    assert {one["value"]: one["count"] for one in facets["symbol"]["shown"]} == {"ETH": 1, "BTC": 1, "XRP": 1}
    assert {one["value"]: one["count"] for one in facets["timeframe"]["shown"]} == {"1h": 3, "1d": 1}
    assert {one["value"]: one["count"] for one in facets["active"]["shown"]} == {"true": 0, "false": 3}
    assert (facets["symbol"]["all"]["count"], facets["timeframe"]["all"]["count"]) == (3, 4)


def test_a_filter_shows_no_more_values_than_a_page_can_hold(page, real_store, monkeypatch):
    monkeypatch.setattr("sessions_app.page_lists.MOST_VALUES", 12)
    for number in range(15):
        add_session(f"S{number:02}")
    response = page.get("/sessions/", {"symbol": "S14"})
    facet = response.context["facets"]["symbol"]
    assert (len(facet["shown"]), len(facet["more"]), facet["left_out"]) == (10, 2, 3)
    assert facet["shown"][0]["value"] == "S14"
    assert "3 others: search for them" in response.content.decode()


def test_operators_edit_notes_and_state(desk, sweep):
    form = desk.get(f"/sessions/{data.SWEEP}/").context["notes_form"]
    answer = desk.post(
        f"/sessions/{data.SWEEP}/edit/", {"notes": "Second pass", "active": "on", "version": form["version"].value()}
    )
    assert answer.status_code == 302
    session = SessionRegistry().get(data.SWEEP)
    assert (session.notes, session.active) == ("Second pass", True)


def test_an_edit_never_overwrites_somebody_elses(desk, sweep):
    form = desk.get(f"/sessions/{data.SWEEP}/").context["notes_form"]
    SessionRegistry().annotate(data.SWEEP, notes="Theirs")
    posted = {"notes": "Mine", "version": form["version"].value()}
    answer = desk.post(f"/sessions/{data.SWEEP}/edit/", posted)
    assert answer.status_code == 412
    assert "Theirs" in answer.content.decode()
    assert "Mine" in answer.content.decode()
    assert SessionRegistry().get(data.SWEEP).notes == "Theirs"
    desk.post(f"/sessions/{data.SWEEP}/edit/", posted | {"version": answer.context["fresh"]})
    assert SessionRegistry().get(data.SWEEP).notes == "Mine"


def test_new_runs_do_not_stand_in_the_way_of_an_edit(desk, sweep):
    form = desk.get(f"/sessions/{data.SWEEP}/").context["notes_form"]
    BotRegistry().put_many(data.SWEEP, [RunWrite.parse(data.run(900, 5.0))])
    answer = desk.post(f"/sessions/{data.SWEEP}/edit/", {"notes": "Mine", "version": form["version"].value()})
    assert answer.status_code == 302


def test_analysts_see_notes_and_cannot_edit_them(page, sweep):
    SessionRegistry().annotate(data.SWEEP, notes="Read me")
    text = page.get(f"/sessions/{data.SWEEP}/").content.decode()
    assert "Read me" in text
    assert "/edit/" not in text
    assert page.post(f"/sessions/{data.SWEEP}/edit/", {"notes": "x", "version": "y"}).status_code == 403
