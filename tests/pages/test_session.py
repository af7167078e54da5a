"""The page of a session: figures, filters, order, cursors, states."""

from __future__ import annotations

import pytest

from bots_app.performance import PerformanceRegistry
from dashboard.errors import IndexBuilding
from tests.pages import data

pytestmark = pytest.mark.django_db

URL = f"/sessions/{data.SWEEP}/"


def hashes(response) -> list[str]:
    return [row["configHash"] for row in response.context["rows"]]


def walk(page, address: str, step: str) -> list[str]:
    """Follow the pager from an address; return every hash shown."""
    found, place = [], address
    while place:
        response = page.get(place)
        found += hashes(response)
        place = response.context["page_links"][step]
        place = place and URL + place
        assert len(found) <= 1000
    return found


def test_it_shows_figures_counts_and_the_first_page(page, sweep):
    response = page.get(URL)
    text = response.content.decode()
    assert response.status_code == 200
    assert "<b>130</b> of 130 runs match" in text
    assert "<b>1 to 50</b> of 130" in text
    assert hashes(response)[:2] == [data.config_hash(0), data.config_hash(1)]
    for word in ("Best profit", "Median profit", "Average profit", "115 completed", "Failed <b>10</b>"):
        assert word in text.replace('<span class="cut">', "").replace("</span>", ""), word
    assert 'aria-sort="descending"' in text


def test_a_list_narrowed_by_an_expression_shows_its_fields_and_can_be_exported(page, sweep):
    params = {"where": "profit > 0 and sharpe is not missing", "ordering": "-sharpe,profit", "min.profit": "1"}
    response = page.get(URL, params)
    text = response.content.decode()
    listed = page.get(f"/api/sessions/{data.SWEEP}/bots", params)
    assert response.context["page"].count == listed.json()["count"] > 0
    assert hashes(response) == [row["configHash"] for row in listed.json()["bots"]]
    assert "by sharpe, highest first, then profit, lowest first" in text and "sweep table" in text
    exported = page.get(response.context["export_href"])
    lines = b"".join(exported.streaming_content).decode().splitlines()
    assert len(lines) == 1 + response.context["page"].count
    assert [line.partition(",")[0] for line in lines[1:]][: len(hashes(response))] == hashes(response)


def test_paging_forward_and_back_shows_every_run_once(page, sweep):
    forward = walk(page, URL, "next")
    assert len(forward) == len(set(forward)) == data.RUNS
    last = page.get(URL + page.get(URL).context["page_links"]["last"])
    backward = hashes(last)
    place = last.context["page_links"]["previous"]
    while place:
        response = page.get(URL + place)
        backward = hashes(response) + backward
        place = response.context["page_links"]["previous"]
    assert backward == forward


def test_filters_and_order_hold_on_the_next_page(page, sweep):
    response = page.get(URL, {"status": "completed", "minProfit": "100", "ordering": "lastUpdated"})
    assert response.context["page"].count == 91
    assert hashes(response)[0] == data.config_hash(0)
    again = page.get(URL + response.context["page_links"]["next"])
    assert again.context["page"].count == 91
    assert "status=completed&amp;minProfit=100&amp;ordering=lastUpdated" in again.content.decode()


def test_one_can_go_to_a_rank_or_a_percentile(page, sweep):
    everything = hashes(page.get(URL, {"limit": "500"}))
    response = page.get(URL, {"start": "11", "status": "completed", "limit": "50"})
    shown = hashes(page.get(URL, {"status": "completed", "limit": "500"}))
    assert hashes(response) == shown[10:60]
    assert response.context["rows"][0]["rank"] == 11
    assert response.context["goto_fields"] == [("status", "completed"), ("limit", "50")]
    again = page.get(URL + response.context["page_links"]["previous"])
    assert hashes(again) == shown[:10]
    assert "start=" not in response.context["page_links"]["first"]
    assert hashes(page.get(URL, {"start": "90%"})) == everything[len(everything) // 10 :][:50]
    beyond = page.get(URL, {"start": "1,000,000"})
    assert beyond.status_code == 200
    assert "The list ends before that rank" in beyond.content.decode()
    assert hashes(page.get(URL + beyond.context["page_links"]["previous"])) == everything[-50:]


def test_statuses_may_be_repeated_or_separated_by_commas(page, sweep):
    assert page.get(URL, {"status": ["failed", "running"]}).context["page"].count == 15
    assert page.get(URL, {"status": "failed,running"}).context["page"].count == 15


def test_a_status_can_be_left_out(page, sweep):
    response = page.get(URL + "?status=!completed")
    text = response.content.decode().replace('<span class="cut">', "").replace("</span>", "")
    assert "<b>15</b> of 130 runs match" in text and "Not completed <b>15</b>" in text
    assert {row["status"] for row in response.context["rows"]}.isdisjoint({"completed"})
    refused = page.get(URL + "?status=completed&status=!failed")
    assert refused.status_code == 400 and "give one kind only" in refused.content.decode()


def test_active_ranges_are_chips_that_remove_themselves(page, sweep):
    response = page.get(URL, {"minProfit": "100", "maxProfit": "500", "status": "completed"})
    assert [chip["text"] for chip in response.context["ranges"]] == ["Profit ≥ 100", "Profit ≤ 500"]
    assert response.context["ranges"][0]["href"] == "?maxProfit=500&status=completed"


def test_numbers_may_be_written_as_the_page_writes_them(page, sweep):
    assert page.get(URL, {"minProfit": "−150", "maxProfit": "1,000"}).status_code == 200


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"minProfit": "much"}, "Enter a number"),
        ({"minProfit": "nan"}, "Enter a number"),
        ({"minProfit": "5", "maxProfit": "1"}, "5 lies above maxProfit, 1"),
        ({"limit": "7"}, "limit"),
        ({"ordering": "--sharpe"}, "names no field"),
        ({"ordering": "-sharp"}, "Did you mean sharpe"),
        ({"where": "sharpe >"}, "At character 9"),
        ({"where": "sharp > 1"}, "Did you mean sharpe"),
        ({"min.sharpe": "much"}, "Enter a number"),
        ({"min.sharp": "1"}, "Did you mean sharpe"),
        ({"statsu": "failed"}, "statsu"),
        ({"cursor": "forged"}, "cursor"),
        ({"start": "top"}, "neither a rank"),
        ({"start": "3", "cursor": "forged"}, "leave one of them out"),
    ],
)
def test_what_is_not_understood_is_refused_and_named(page, sweep, params, words):
    response = page.get(URL, params)
    assert response.status_code == 400
    assert words in response.content.decode()


def test_what_is_wrong_with_an_expression_is_said_once_at_its_box(page, sweep):
    for where, words in (("sharpe >", "At character 9"), ("sharp > 1", "Did you mean sharpe")):
        text = page.get(URL, {"where": where}).content.decode()
        assert text.count(words) == 1
        assert words in text.partition('id="where-error"')[2].partition("</p>")[0]
    text = page.get(URL, {"where": "sharpe >", "limit": "7"}).content.decode()
    assert "<b>limit</b>" in text and "<b>where</b>" not in text


def test_a_list_leads_to_the_same_list_by_plateau_scores(page, sweep):
    records = [data.run(1000 + fast, 10.0 * fast, configuration={"fast": fast}) for fast in range(5)]
    data.BotRegistry().put_many(data.SWEEP, map(data.RunWrite.parse, records))
    response = page.get(URL, {"where": "config.fast >= 0"})
    assert "one step away" in response.context["plateau"]["title"]
    scored = page.get(URL + response.context["plateau"]["href"])
    tips = {header["column"].name: header["column"].tip for header in scored.context["columns"]}
    assert tips["plateau.profit"] == response.context["plateau"]["title"]
    assert scored.context["plan"].uses == "sweep table"
    assert [row["further"][0] for row in scored.context["rows"]] == [30.0, 30.0, 20.0, 10.0, 10.0]
    assert page.get(URL, {"ordering": "-sharpe"}).context["plateau"]["metric"] == "sharpe"


def test_fields_without_a_column_are_told(page, sweep):
    assert "cannot be filtered or ordered by" not in page.get(URL).content.decode()
    many = data.run(2000, 1.0, configuration={f"p{number}": number for number in range(520)})
    data.BotRegistry().put(data.SWEEP, data.RunWrite.parse(many))
    text = page.get(URL).content.decode()
    assert "fields of these runs cannot be filtered or ordered by" in text
    assert "/bots/fields" in text


def test_an_empty_list_says_which_filter_empties_it(page, sweep):
    text = page.get(URL, {"status": "failed", "minProfit": "100"}).content.decode()
    assert "No run matches" in text
    assert "Without <b>status failed</b> there would be" in text
    assert "Without <b>profit ≥ 100</b> there would be" in text


def test_an_empty_parameter_counts_as_absent(page, sweep):
    response = page.get(URL, {"status": "", "minProfit": "", "maxProfit": ""})
    assert response.context["page"].count == data.RUNS


def test_an_unreadable_run_is_marked_and_leads_to_its_raw_text(page, real_store):
    sid = f"ELSE:1h:{data.START_MS}:{data.END_MS}"
    real_store.set(f"bot_registry:run:{sid}:broken", f"{data.MARKUP} is no JSON")
    real_store.sadd(f"session:{sid}:bots", "broken", "gone")
    text = page.get(f"/sessions/{sid}/").content.decode()
    assert "not JSON" in text
    assert "no record is stored" in text
    assert text.count('class="st unreadable" role="img" aria-label="Unreadable"></span> <a') == 2
    assert f'href="/sessions/{sid}/runs/broken/raw/"' in text
    assert data.MARKUP not in text
    for name in ("broken", "gone"):
        assert page.get(f"/sessions/{sid}/runs/{name}/raw/").status_code == 200


def test_it_says_when_the_indexes_lag_behind(page, sweep):
    sweep.sadd(f"session:{data.SWEEP}:bots", "written-by-another-program")
    assert "The list may lag behind" in page.get(URL).content.decode()


def test_runs_are_listed_while_the_indexes_are_being_built(page, sweep, monkeypatch):
    def building(*args):
        raise IndexBuilding("later")

    monkeypatch.setattr(PerformanceRegistry, "aggregate", building)
    response = page.get(URL)
    assert response.status_code == 200
    assert "indexes of this session are being built" in response.content.decode()
    assert len(hashes(response)) == 50


@pytest.mark.parametrize("sid", [f"NONE:1h:{data.START_MS}:{data.END_MS}", "nonsense"])
def test_an_unknown_session_is_a_page_of_its_own(page, sweep, sid):
    response = page.get(f"/sessions/{sid}/")
    assert response.status_code == 404
    assert "Log out" in response.content.decode()
