"""The pages of a run."""

from __future__ import annotations

import re
from bisect import bisect_right

import pytest

from bots_app.page_trades import SPANS_S, span_words
from bots_app.registry import BotRegistry
from tests.pages import data

pytestmark = pytest.mark.django_db

BEST = f"/sessions/{data.SWEEP}/runs/{data.config_hash(0)}/"


def url(number: int, part: str = "") -> str:
    return f"/sessions/{data.SWEEP}/runs/{data.config_hash(number)}/{part}"


def test_the_tear_sheet_shows_figures_chart_and_tables(page, sweep):
    response = page.get(BEST)
    text = response.content.decode()
    assert response.status_code == 200
    assert f">{data.config_hash(0)}</h1>" in text
    assert re.search(r">rank</a> 1 of 130 by profit, .*>top</a> 0.87 %", text)
    assert ">+1,000</span>" in text
    assert f'data-src="/api/sessions/BTC%2FUSDT:USDT:1h:{data.START_MS}:{data.END_MS}/bots/' in text
    for heading in (
        "Equity and drawdown",
        "Returns by month",
        "Trades, long and short",
        "Is it fragile?",
        "deepest drawdowns",
    ):
        assert heading in text
    assert "The same numbers as a table" in text


def test_trades_are_drawn_by_duration_with_their_table(page, sweep):
    response = page.get(BEST)
    points = response.context["durations"]
    assert len(points["ms"]) == len(points["result"]) == len(points["number"]) == 40
    assert set(points["ms"]) == {5 * data.HOUR_MS}
    assert set(points["side"]) == {-1, 1}
    [row] = response.context["duration_rows"]
    assert (row["span"], row["trades"], round(row["won"], 3)) == ("4 h to under 12 h", 40, 0.675)
    assert row["worst"] < row["mean"] < row["best"]
    text = response.content.decode()
    assert 'data-chart="durations"' in text
    assert "The same numbers as a table, by time held" in text


def test_trades_are_grouped_by_time_of_exit(page, sweep):
    groups = dict(page.get(BEST).context["exit_groups"])
    assert list(groups) == ["Exit weekday", "Exit month", "Exit hour"]
    assert sum(row.trades for row in groups["Exit hour"]) == 40
    assert all(row.trades for row in groups["Exit hour"])
    assert len(groups["Exit month"]) == 12


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "under 1 min"), (60, "1 min to under 5 min"), (86_400, "24 h to under 48 h"), (4e7, "365 days and more")],
)
def test_spans_hold_their_lower_end(seconds, words):
    assert span_words(bisect_right(SPANS_S, seconds)) == words


def test_the_script_of_charts_is_loaded_only_where_there_is_one(page, sweep):
    assert "plotly.min.js" in page.get(BEST).content.decode()
    for address in (url(2), f"{BEST}trades/", f"/sessions/{data.SWEEP}/", "/sessions/"):
        assert "plotly" not in page.get(address).content.decode()


def test_without_trades_it_shows_what_the_record_reports(page, sweep):
    text = page.get(url(2)).content.decode()
    assert "This run has no trades" in text
    assert "as reported" in text
    assert "+980.00" in text


def test_numbers_that_disagree_stand_side_by_side(page, sweep):
    text = page.get(url(1)).content.decode()
    assert "Reported and recomputed differ" in text
    assert "990.00" in text
    assert "500.00" in text


def test_a_failed_run_says_why(page, sweep):
    text = page.get(url(115)).content.decode()
    assert "This run failed." in text
    assert "fast (55) must be shorter than slow (55)" in text
    assert "by profit, <progress" not in text


def test_trades_are_paged_and_sorted(page, sweep):
    first = page.get(f"{BEST}trades/", {"ordering": "-profit"})
    profits = [trade.profit for trade in first.context["page"].trades]
    assert profits == sorted(profits, reverse=True)
    assert "<b>1 to 40</b> of 40" in first.content.decode()
    second = page.get(f"{BEST}trades/", {"limit": "7"})
    assert second.status_code == 400
    assert "<b>limit</b>" in second.content.decode()
    assert "has no trades" in page.get(url(2, "trades/")).content.decode()


def test_configuration_and_raw_record(page, sweep):
    config = page.get(f"{BEST}config/").content.decode()
    assert "strategy.params.fast" in config
    assert "riskManagement.stopLoss" in config
    raw = page.get(f"{BEST}raw/").content.decode()
    assert "&quot;initialBalance&quot;: 10000.0" in raw


def test_an_unreadable_record_says_why_and_is_shown_as_text(page, sweep):
    name = data.write_unreadable(sweep)
    for part in ("", "trades/", "config/", "raw/"):
        response = page.get(f"/sessions/{data.SWEEP}/runs/{name}/{part}")
        text = response.content.decode()
        assert response.status_code == 200
        assert "cannot be read" in text
        assert "is no JSON" in text
        assert data.MARKUP not in text


def test_unreadable_trades_leave_the_rest_of_the_page(page, sweep):
    sweep.set(f"bot_registry:trades:{data.SWEEP}:{data.config_hash(0)}", b"not JSON")
    text = page.get(BEST).content.decode()
    assert "The trades of this run cannot be read" in text
    assert "as reported" in text
    assert "cannot be read" in page.get(f"{BEST}trades/").content.decode()


def test_an_unknown_run_is_not_found(page, sweep):
    assert page.get(f"/sessions/{data.SWEEP}/runs/none/").status_code == 404


def test_operators_edit_notes_and_tags(desk, sweep):
    version = desk.get(BEST).context["notes_form"]["version"].value()
    answer = desk.post(f"{BEST}edit/", {"notes": "Check costs", "tags": "candidate, plateau ,", "version": version})
    assert answer.status_code == 302
    record = BotRegistry().get(data.SWEEP, data.config_hash(0))
    assert (record.notes, record.tags) == ("Check costs", ["candidate", "plateau"])
    assert desk.post(f"{BEST}edit/", {"notes": "Late", "tags": "", "version": version}).status_code == 412


def test_analysts_cannot_edit(page, sweep):
    assert page.post(f"{BEST}edit/", {"notes": "x", "tags": "", "version": "y"}).status_code == 403
