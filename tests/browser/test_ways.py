"""Ways through the pages: to a definition and back, from run to run of a list, to a run by its hash."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from dashboard.web.links import run_path, session_path
from tests.pages import data

pytestmark = pytest.mark.browser

SESSION = session_path(data.SWEEP)
BEST = run_path(data.SWEEP, data.config_hash(0))


def press(page: Page, key: str) -> None:
    """Press a key when the page's scripts listen."""
    page.wait_for_load_state("load")
    page.keyboard.press(key)


def test_a_definition_shows_on_hover_and_stays_under_the_pointer(page: Page):
    page.goto(BEST)
    page.hover(".kpis >> text=Sharpe")
    tip = page.locator("#tip")
    expect(tip).to_be_visible()
    expect(tip).to_contain_text("Mean over standard deviation")
    tip.hover()
    page.wait_for_timeout(300)
    expect(tip).to_be_visible()
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    page.hover(".kpis >> text=Sortino")
    expect(tip).to_contain_text("mean square of the losses")
    page.hover("h1")
    expect(tip).to_be_hidden()


def test_a_definition_shows_on_focus_and_is_read_with_its_name(page: Page):
    page.goto(BEST)
    page.locator("h1").evaluate("h1 => { h1.tabIndex = -1; h1.focus(); }")
    name = page.locator(".kpis .def", has_text="Net profit")
    for _ in range(8):
        page.keyboard.press("Tab")
        if name.evaluate("name => name === document.activeElement"):
            break
    expect(page.locator("#tip")).to_contain_text("Sum of the profits")
    expect(name).to_have_attribute("aria-describedby", "tip")
    page.keyboard.press("Escape")
    expect(page.locator("#tip")).to_be_hidden()
    assert name.get_attribute("aria-describedby") is None


@pytest.mark.parametrize(("address", "name"), [(BEST, "Sharpe"), (SESSION, "Failed")])
def test_its_name_leads_to_its_place_among_all(page: Page, address: str, name: str):
    page.goto(address)
    page.click(f"a.def >> text={name}")
    anchor = name.lower().replace(" ", "-")
    expect(page).to_have_url(re.compile(f"/help/metrics/#{anchor}$"))
    expect(page.locator(f"#{anchor}")).to_be_in_viewport()
    expect(page.locator(f"#{anchor}")).to_have_css("box-shadow", re.compile("inset"))
    page.go_back()
    expect(page.locator("h1")).to_be_visible()


def test_from_run_to_run_of_the_list_one_came_from(page: Page):
    page.goto(f"{SESSION}?status=completed&ordering=profit")
    page.click("#result_list tbody tr:nth-child(2) th a")
    expect(page.locator(".breadcrumbs")).to_contain_text("2 of 115, completed; by profit, lowest first")
    press(page, "n")
    expect(page.locator("h1")).to_have_text(data.config_hash(112))
    press(page, "p")
    expect(page.locator("h1")).to_have_text(data.config_hash(113))
    page.click(".breadcrumbs >> text=‹ Previous")
    expect(page.locator("h1")).to_have_text(data.config_hash(114))
    assert page.locator(".breadcrumbs [rel=prev]").count() == 0
    page.click(".tabs >> text=Configuration")
    press(page, "n")
    expect(page).to_have_url(re.compile(f"{data.config_hash(113)}/config/"))
    page.click(".breadcrumbs >> text=BTC/USDT:USDT")
    expect(page.locator(".result-meta")).to_contain_text("115 of 130 runs match")
    expect(page.locator(".result-meta")).to_contain_text("lowest first")


@pytest.mark.parametrize(("width", "field"), [(1440, "#q"), (390, "#find-text")])
def test_a_run_is_found_by_its_hash(page: Page, width: int, field: str):
    page.set_viewport_size({"width": width, "height": 844})
    page.goto("/sessions/")
    page.fill(field, data.config_hash(0))
    page.press(field, "Enter")
    expect(page).to_have_url(re.compile(f"/runs/{data.config_hash(0)}/$"))
    expect(page.locator(".chart .scatterlayer path.js-line").first).to_be_visible()


def test_trades_are_drawn_by_how_long_they_were_held(page: Page):
    page.goto(BEST)
    chart = page.locator("[data-chart=durations]")
    chart.scroll_into_view_if_needed()
    expect(chart.locator(".points path").first).to_be_visible()
    assert chart.locator(".points path").count() == 40
    expect(chart.locator(".legend")).to_contain_text("short")
    page.click("text=The same numbers as a table, by time held")
    expect(page.locator("text=4 h to under 12 h")).to_be_visible()


@pytest.mark.parametrize("width", [1440, 1024])
def test_the_header_of_a_long_table_stays_in_view(page: Page, width: int):
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(SESSION)
    region = page.locator(".results")
    region.evaluate("region => { region.scrollTop = 600; }")
    region_box, head_box = region.bounding_box(), page.locator("#result_list thead").bounding_box()
    assert region_box is not None
    assert head_box is not None
    assert abs(head_box["y"] - region_box["y"]) <= 2
    expect(page.locator("#result_list tbody tr").first).not_to_be_in_viewport()


def test_the_first_column_stays_in_view_on_a_phone(page: Page):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(SESSION)
    region = page.locator(".results")
    before = page.locator("#result_list tbody th").first.bounding_box()
    region.evaluate("region => { region.scrollLeft = 200; }")
    assert region.evaluate("region => region.scrollLeft") > 100
    after = page.locator("#result_list tbody th").first.bounding_box()
    assert before is not None
    assert after is not None
    assert abs(before["x"] - after["x"]) <= 1


def test_what_has_the_focus_has_an_outline_and_is_not_hidden(page: Page):
    page.goto(SESSION)
    for _ in range(40):
        page.keyboard.press("j")
    focused = page.locator("#result_list tbody tr:nth-child(40) th a")
    expect(focused).to_be_focused()
    expect(focused).to_be_in_viewport(ratio=1)
    for _ in range(39):
        page.keyboard.press("k")
    first, head = page.locator("#result_list tbody tr:nth-child(1) th a"), page.locator("#result_list thead")
    expect(first).to_be_focused()
    assert first.bounding_box()["y"] >= head.bounding_box()["y"] + head.bounding_box()["height"] - 1
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineWidth") == "2px"


def test_the_list_of_keys_is_in_the_footer(page: Page):
    page.goto("/help/metrics/")
    page.click("#footer >> text=Keyboard")
    expect(page.locator("#keys")).to_be_visible()
    expect(page.locator("#keys")).to_contain_text("run on a run page")
