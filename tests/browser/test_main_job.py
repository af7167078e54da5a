"""The main job in a real browser: find a session, filter, page, open a run, see its curve; with and without scripts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Complaints, Site, log_in
from tests.pages import data

pytestmark = pytest.mark.browser


def open_session(page: Page) -> None:
    page.click("#result_list tbody th a")
    expect(page.locator("h1")).to_have_text("BTC/USDT:USDT")


def test_from_logging_in_to_the_curve_and_out_again(page: Page):
    page.fill("#q", "btc 1h")
    page.press("#q", "Enter")
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    open_session(page)
    page.click(".chips >> text=Completed")
    expect(page).to_have_url(re.compile("status=completed"))
    page.fill("[name=minProfit]", "100")
    page.click("text=/^Show /")
    expect(page.locator(".result-meta")).to_contain_text("91 of 130 runs match")
    assert "maxProfit" not in page.url
    page.click("[rel=next]")
    expect(page.locator(".pager")).to_contain_text("51 to 91 of 91")
    page.click("[rel=prev]")
    expect(page.locator(".pager")).to_contain_text("1 to 50 of 91")
    page.click("#result_list tbody th a")
    expect(page.locator("h1")).to_have_text(data.config_hash(0))
    expect(page.locator(".chart .scatterlayer path.js-line").first).to_be_visible()
    assert page.locator(".chart .scatterlayer path.js-line").count() == 2
    page.locator("[data-chart=trades]").scroll_into_view_if_needed()
    expect(page.locator("[data-chart=trades] .bars path").first).to_be_visible()
    page.click(".tabs >> text=Trades")
    expect(page.locator("#result_list tbody tr")).to_have_count(40)
    page.click("text=Log out")
    expect(page).to_have_url(re.compile("/login/"))


def test_lists_are_replaced_in_place_and_back_leads_back(page: Page):
    open_session(page)
    page.evaluate("window.isSamePage = true")
    page.click("#result_list thead >> text=Updated")
    expect(page.locator(".result-meta")).to_contain_text("latest first")
    page.click("[rel=next]")
    expect(page.locator(".pager")).to_contain_text("51 to 100 of 130")
    assert page.evaluate("window.isSamePage") is True
    page.go_back()
    expect(page.locator(".pager")).to_contain_text("1 to 50 of 130")
    expect(page.locator(".result-meta")).to_contain_text("latest first")


def test_a_filter_that_is_not_understood_is_said_beside_its_field(page: Page, complaints: Complaints):
    open_session(page)
    page.fill("[name=minProfit]", "much")
    page.click("text=/^Show /")
    expect(page.locator(".fielderror")).to_contain_text("Enter a number")
    expect(page.locator("[name=minProfit]")).to_have_value("much")
    # The browser notes the status 400 by itself.
    complaints.errors = [error for error in complaints.errors if "400" not in error]


def test_the_keyboard_moves_searches_and_shows_its_keys(page: Page):
    open_session(page)
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("#result_list tbody tr:nth-child(2) th a")).to_be_focused()
    page.keyboard.press("n")
    expect(page.locator(".pager")).to_contain_text("51 to 100 of 130")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    # Keys pressed in an open dialog are its own, and the browser takes its time to close one.
    expect(page.locator("#keys")).to_be_hidden()
    # What had the focus before gets it back once the dialog is out of the picture.
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()


def test_the_curve_is_drawn_again_when_the_theme_changes(page: Page):
    page.goto(f"/sessions/{data.SWEEP}/runs/{data.config_hash(0)}/".replace("/USDT:", "%2FUSDT:"))
    line = page.locator(".chart .scatterlayer path.js-line").first
    expect(line).to_be_visible()
    light = line.evaluate("line => line.style.stroke")
    page.keyboard.press("t")
    expect(line).not_to_have_css("stroke", light)


@pytest.mark.parametrize("width", [1440, 1024, 390, 320])
def test_no_page_scrolls_sideways(page: Page, width: int):
    page.set_viewport_size({"width": width, "height": 844})
    run = f"/sessions/BTC%2FUSDT:USDT:1h:{data.START_MS}:{data.END_MS}/runs/{data.config_hash(0)}/"
    session = run.partition("runs/")[0]
    for address in (
        "/sessions/",
        session,
        run,
        f"{run}trades/",
        f"{run}config/",
        f"{run}raw/",
        "/password_change/",
        "/help/metrics/",
    ):
        page.goto(address)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{address} is {wide} px wide at {width}"


def test_the_first_runs_are_in_view(page: Page):
    open_session(page)
    box = page.locator("#result_list tbody tr").first.bounding_box()
    assert box is not None
    assert box["y"] <= 440
    assert sum(1 for row in page.locator("#result_list tbody tr").all() if row.bounding_box()["y"] + 20 < 900) >= 16


def test_everything_works_without_javascript(chromium: Browser, site: Site, complaints: Complaints):
    with chromium.new_context(base_url=site.url, java_script_enabled=False) as context:
        page = context.new_page()
        complaints.listen(page)
        log_in(page)
        open_session(page)
        page.fill("[name=minProfit]", "100")
        page.check("[name=status][value=completed]")
        page.click("text=/^Show /")
        expect(page.locator(".result-meta")).to_contain_text("91 of 130 runs match")
        page.click("[rel=next]")
        expect(page.locator(".pager")).to_contain_text("51 to 91 of 91")
        page.click("[rel=prev]")
        page.click("#result_list tbody th a")
        page.click("text=The same numbers as a table")
        expect(page.locator(".astable tbody tr").first).to_be_visible()
        page.click("text=Log out")
        expect(page).to_have_url(re.compile("/login/"))
