"""Where a run stands: in the list one came from, carried through its pages, and in its session."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from django.http import QueryDict

from bots_app.page_place import asked_list, list_suffix, list_words
from bots_app.query import RunQuery
from dashboard.errors import InvalidParameter
from dashboard.web import numbers
from tests.pages import data

pytestmark = pytest.mark.django_db

SESSION = f"/sessions/{data.SWEEP}/"
LIST = "status=completed&minProfit=100&ordering=profit&limit=100"


def url(number: int, part: str = "", listed: str = "") -> str:
    end = f"?list={quote(listed, safe='')}" if listed else ""
    return f"{SESSION}runs/{data.config_hash(number)}/{part}{end}"


def steps(response) -> list[str | None]:
    """Return the hashes that Previous and Next lead to."""
    found = [response.context[name] for name in ("previous_run", "next_run")]
    return [re.search(r"/runs/(\w+)/", href)[1] if href else None for href in found]


def test_a_list_that_says_something_is_carried_by_the_links_of_its_runs(page, sweep):
    plain = page.get(SESSION).context["rows"][0]
    assert plain["suffix"] == ""
    response = page.get(f"{SESSION}?{LIST}&cursor=")
    row = response.context["rows"][0]
    assert row["suffix"] == f"?list={quote(LIST, safe='')}"
    assert f'href="{row["href"]}{row["suffix"]}"' in response.content.decode()


def test_neighbours_are_those_of_the_list(page, sweep):
    assert steps(page.get(url(5))) == [data.config_hash(4), data.config_hash(6)]
    assert steps(page.get(url(0))) == [None, data.config_hash(1)]
    lowest_first = page.get(url(5, listed=LIST))
    assert steps(lowest_first) == [data.config_hash(6), data.config_hash(4)]
    text = lowest_first.content.decode()
    assert "<b>86</b> of 91" in text
    assert "completed; profit ≥ 100; by profit, lowest first" in text
    assert 'rel="prev"' in text
    assert 'rel="next"' in text


def test_walking_by_next_meets_every_run_of_the_list(page, sweep):
    rows = page.get(f"{SESSION}?status=failed,running&ordering=-lastUpdated").context["rows"]
    wanted, met = [row["configHash"] for row in rows], []
    place = rows[0]["href"] + rows[0]["suffix"]
    while place:
        response = page.get(place)
        met.append(response.context["config_hash"])
        place = response.context["next_run"]
        assert len(met) <= len(wanted)
    assert met == wanted


@pytest.mark.parametrize("part", ["", "trades/", "config/", "raw/"])
def test_every_part_keeps_the_list_and_stays_the_part(page, sweep, part):
    response = page.get(url(5, part, LIST))
    suffix = f"?list={quote(LIST, safe='')}"
    assert response.context["next_run"].endswith(f"{data.config_hash(4)}/{part}{suffix}")
    assert all(href.endswith(suffix) for href, _, _ in response.context["tabs"])
    assert f'href="{response.context["list_href"]}"'.replace("&", "&amp;") in response.content.decode()
    assert response.context["list_href"].endswith(f"?{LIST}")


def test_sorting_trades_keeps_the_list(page, sweep):
    response = page.get(url(0, "trades/", LIST) + "&ordering=-profit")
    assert response.status_code == 200
    assert f"list={quote(LIST, safe='')}" in response.context["columns"][0]["href"]


def test_a_run_that_left_the_list_says_so(page, sweep):
    response = page.get(url(115, listed="status=completed"))
    assert steps(response) == [None, None]
    assert "not among the 115" in response.content.decode()


def test_an_unreadable_run_has_neighbours_too(page, sweep):
    data.write_unreadable(sweep)
    assert steps(page.get(url(3))) == [data.config_hash(2), data.config_hash(4)]


def test_saving_notes_leads_back_to_the_same_list(desk, sweep):
    response = desk.get(url(0, listed=LIST))
    assert f'action="{response.context["run_href"]}edit/?list=' in response.content.decode()
    version = response.context["notes_form"]["version"].value()
    answer = desk.post(url(0, "edit/", LIST), {"notes": "x", "tags": "", "version": version})
    assert answer.url.endswith(f"?list={quote(LIST, safe='')}")


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ("list=statsu%3Dx", "statsu"),
        ("list=minProfit%3Dmuch", "minProfit: Enter a number"),
        ("list=ordering%3D--sharpe", "ordering"),
        ("list=ordering%3D-sharp", "Did you mean sharpe"),
        ("lst=x", "lst"),
        ("list=a%3D1&list=b%3D1", "list"),
    ],
)
def test_what_is_not_understood_is_refused_and_named(page, sweep, params, words):
    response = page.get(f"{url(0)}?{params}")
    assert response.status_code == 400
    assert words in response.content.decode()


def test_rank_and_share_from_the_top_are_those_of_the_session(page, sweep):
    context = page.get(url(22)).context
    assert (context["rank"], context["ranked"], context["at_least"], context["with_profit"]) == (23, 130, 23, 115)
    assert context["top"] == "20 %"
    assert page.get(url(115)).context["rank"] is None


def test_a_place_in_the_address_is_kept_apart_from_the_list():
    assert list_suffix(QueryDict("cursor=abc")) == ""
    assert list_suffix(QueryDict("status=a&cursor=abc&status=b")) == "?list=status%3Da%26status%3Db"
    asked, named = asked_list(QueryDict("list=status%3Da%26status%3Db%26minProfit%3D1"))
    assert asked == RunQuery(("a", "b"), 1.0)
    assert named.getlist("status") == ["a", "b"]
    with pytest.raises(InvalidParameter, match="list: "):
        asked_list(QueryDict("list=x%3D1"))


def test_a_list_in_words():
    assert list_words(RunQuery()) == "by profit, highest first"
    assert (
        list_words(RunQuery(("a", "b"), -1.5, 2000.0))
        == "a, b; profit ≥ −1.5; profit ≤ 2,000; by profit, highest first"
    )


@pytest.mark.parametrize(
    ("at_least", "total", "text"),
    [(1, 10_678, "< 0.01 %"), (8, 10_678, "0.07 %"), (1, 2, "50 %"), (2, 2, "100 %"), (0, 0, "n/a")],
)
def test_a_share_from_the_top(at_least, total, text):
    assert numbers.top_share(at_least, total) == text
