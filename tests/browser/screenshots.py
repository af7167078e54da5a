"""Take a picture of every page of a running dashboard, light and dark, at the width of a desk, a tablet and a phone.

python -m tests.browser.screenshots URL USER PASSWORD FOLDER [WORD...]

Words pick pages by name. The session shown is the one with most runs, the run its best.
"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.chromium import launch

WIDTHS = {"1440": (1440, 900), "1024": (1024, 768), "390": (390, 844)}
THEMES = ("light", "dark")
#: Time for a chart to be drawn, in ms.
DRAWN_WITHIN_MS = 15_000


def log_in(page: Page, url: str, user: str, password: str) -> None:
    """Log in with the form."""
    page.goto(f"{url}/login/")
    page.fill("#id_username", user)
    page.fill("#id_password", password)
    page.click("[type=submit]")
    page.wait_for_url("**/sessions/")


def addresses(page: Page, url: str) -> dict[str, str]:
    """Return the address of each page to take, by name."""
    page.goto(f"{url}/sessions/?ordering=-runCount")
    session = page.get_attribute("#result_list tbody th a", "href")
    page.goto(f"{url}{session}?status=completed")
    run = page.get_attribute("#result_list tbody th a", "href").partition("?")[0]
    page.goto(f"{url}{session}?status=failed")
    failed = run
    if page.query_selector("#result_list"):
        failed = page.get_attribute("#result_list tbody th a", "href")
    return {
        "sessions": "/sessions/",
        "sessions-empty": "/sessions/?search=nothing+is+called+this",
        "session": session,
        "session-filtered": f"{session}?status=completed&minProfit=100&maxProfit=5000",
        "session-empty": f"{session}?status=failed&minProfit=100",
        "session-refused": f"{session}?minProfit=much",
        "run": run,
        "run-failed": failed,
        "run-trades": f"{run}trades/",
        "run-config": f"{run}config/",
        "run-raw": f"{run}raw/",
        "search-hash": "/sessions/?search=" + run.rstrip("/").rpartition("/")[2][:8],
        "help": "/help/metrics/",
        "password": "/password_change/",
        "error-404": "/sessions/nothing/",
        "error-400": f"{session}?limt=5",
    }


def take(page: Page, url: str, name: str, folder: Path) -> None:
    """Take what is in view, and the whole page where there is more."""
    for theme in THEMES:
        page.evaluate("theme => localStorage.setItem('theme', theme)", theme)
        page.goto(url)
        for chart in page.locator(".chart").all():
            # A chart is drawn when it comes near.
            chart.scroll_into_view_if_needed()
            chart.locator(".main-svg").first.wait_for(timeout=DRAWN_WITHIN_MS)
        page.evaluate("scrollTo(0, 0)")
        for width, (wide, high) in WIDTHS.items():
            page.set_viewport_size({"width": wide, "height": high})
            page.wait_for_timeout(250)
            page.screenshot(path=folder / f"{name}-{width}-{theme}.png")
            if page.evaluate("document.documentElement.scrollHeight") > high * 1.3:
                page.screenshot(path=folder / f"{name}-{width}-{theme}-full.png", full_page=True)


def main(url: str, user: str, password: str, folder: str, *words: str) -> None:
    """Log in and take every page."""
    url, target = url.rstrip("/"), Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, launch(playwright) as browser:
        page = browser.new_page(reduced_motion="reduce")
        page.goto(f"{url}/login/")
        if not words or "login" in words:
            take(page, f"{url}/login/", "login", target)
        log_in(page, url, user, password)
        for name, address in addresses(page, url).items():
            if not words or name in words:
                take(page, f"{url}{address}", name, target)


if __name__ == "__main__":
    main(*sys.argv[1:])
