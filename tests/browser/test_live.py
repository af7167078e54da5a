"""New runs while a list is open: they are counted, announced, and wait until they are asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.store.client import StoreClient, override
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry
from tests.browser.conftest import Complaints, Site
from tests.pages import data

pytestmark = pytest.mark.browser

SID = SessionId.parse(f"ETH/USDT:1h:{data.START_MS}:{data.END_MS}")
PATH = f"/sessions/ETH%2FUSDT:1h:{data.START_MS}:{data.END_MS}/"


@pytest.fixture(autouse=True)
def session(site: Site, redis_server: str) -> Iterator[Any]:
    """The store that the server reads, with a session of three runs for each test."""
    client = StoreClient.from_url(redis_server, protocol=2, socket_timeout=10)
    with override(client):
        write(0, 1, 2)
        yield client
        if SessionRegistry().exists(SID):
            SessionRegistry().delete(SID)
    client.close()


def write(*numbers: int, profit: float = 10.0) -> None:
    runs = [data.run(number, profit + number) for number in numbers]
    BotRegistry().put_many(SID, [RunWrite.parse(run) for run in runs])


def pill(page: Page) -> Any:
    return page.locator("[data-new-runs]")


def open_list(page: Page, query: str = "") -> None:
    """Open the list and wait until its events are followed."""
    with page.expect_response(lambda response: response.url.endswith("/events")):
        page.goto(PATH + query)
    expect(pill(page)).to_be_hidden()


def test_new_runs_are_counted_and_wait_to_be_asked_for(page: Page):
    open_list(page)
    rows = page.locator("#result_list tbody tr")
    top = page.locator("#result_list").bounding_box()
    write(3)
    expect(pill(page)).to_have_text("↑ 1 new run")
    write(3, 4, 5, profit=20.0)
    expect(pill(page)).to_have_text("↑ 3 new runs")
    expect(rows).to_have_count(3)
    assert page.locator("#result_list").bounding_box() == top
    page.evaluate("window.isSamePage = true")
    pill(page).click()
    expect(rows).to_have_count(6)
    expect(pill(page)).to_be_hidden()
    assert page.evaluate("window.isSamePage") is True
    write(6)
    expect(pill(page)).to_have_text("↑ 1 new run")
    page.keyboard.press("r")
    expect(rows).to_have_count(7)
    page.go_back()
    expect(page).not_to_have_url(PATH)


def test_the_count_is_announced_at_most_every_few_seconds(page: Page):
    open_list(page)
    page.evaluate("""() => {
        window.said = [];
        new MutationObserver(() => window.said.push(document.querySelector("[data-new-runs-said]").textContent))
            .observe(document.querySelector("[data-new-runs-said]"), {childList: true});
    }""")
    for number in range(3, 9):
        write(number)
        page.wait_for_timeout(400)
    expect(pill(page)).to_have_text("↑ 6 new runs")
    assert page.evaluate("window.said") == ["1 new run"]
    expect(page.locator("[data-new-runs-said]")).to_have_text("6 new runs", timeout=8000)
    assert page.evaluate("window.said") == ["1 new run", "6 new runs"]


def test_filters_and_order_stay_when_new_runs_are_shown(page: Page):
    open_list(page, "?minProfit=11&ordering=profit")
    write(3)
    expect(pill(page)).to_have_text("↑ 1 new run")
    pill(page).click()
    expect(page.locator(".result-meta")).to_contain_text("3 of 4 runs match")
    assert page.url.endswith("?minProfit=11&ordering=profit")


def test_what_was_written_before_the_list_was_followed_is_counted(page: Page):
    page.route("**/events", lambda route: (write(3), route.continue_()))
    page.goto(PATH)
    expect(pill(page)).to_have_text("↑ 1 new run")


def test_a_hidden_tab_lets_go_and_misses_nothing(page: Page):
    open_list(page)
    hide(page, "hidden")
    write(3)
    page.wait_for_timeout(800)
    expect(pill(page)).to_be_hidden()
    hide(page, "visible")
    expect(pill(page)).to_have_text("↑ 1 new run")


def hide(page: Page, state: str) -> None:
    page.evaluate(f"""() => {{
        Object.defineProperty(document, "hidden", {{configurable: true, value: {json.dumps(state == "hidden")}}});
        document.dispatchEvent(new Event("visibilitychange"));
    }}""")


def test_a_deleted_run_and_a_deleted_session_are_told(page: Page, complaints: Complaints):
    open_list(page)
    BotRegistry().delete(SID, data.config_hash(0))
    expect(pill(page)).to_have_text("↑ Changes")
    SessionRegistry().delete(SID)
    expect(pill(page)).to_have_text("This session was deleted")
    pill(page).click()
    expect(page.locator("h1")).to_contain_text("Nothing is here")
    complaints.errors = [error for error in complaints.errors if "404" not in error]


def test_a_stream_that_cannot_be_had_is_asked_for_again(page: Page, complaints: Complaints):
    failures = iter([503, 429])

    def refuse(route: Any) -> None:
        status = next(failures, None)
        if status is None:
            route.continue_()
        else:
            route.fulfill(status=status, headers={"Retry-After": "0"}, body="{}")

    page.clock.install()
    page.route("**/events", refuse)
    page.goto(PATH)
    write(3)
    for _ in range(30):
        page.clock.run_for(1000)
    expect(pill(page)).to_have_text("↑ 1 new run")
    complaints.errors = [error for error in complaints.errors if "503" not in error and "429" not in error]
