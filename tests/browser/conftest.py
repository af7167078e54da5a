"""A running dashboard with a small sweep in it, and the system's Chromium before it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from dashboard import env
from dashboard.store.client import StoreClient, override
from tests.browser.chromium import executable, launch
from tests.conftest import missing
from tests.pages import data

ROOT = Path(__file__).resolve().parents[2]
#: Seconds for imports, static files and workers on a busy machine.
START_LIMIT_S = 60
USER, PASSWORD = "ana", "ana's long password"
MAKE_USER = f"from django.contrib.auth.models import User; User.objects.create_user({USER!r}, password={PASSWORD!r})"
#: Plotly's sheet for maps, which are not used, is not let in; nothing else may complain.
ALLOWED = "style-src"


@dataclass
class Site:
    """Where the dashboard under test answers, and what its server printed."""

    url: str
    log: Path


@dataclass
class Complaints:
    """What a browser had to say: errors on the console, and requests to anywhere but the dashboard."""

    url: str
    errors: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self._request(request.url))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not (ALLOWED in message.text and "Content Security Policy" in message.text):
            self.errors.append(message.text)

    def _request(self, address: str) -> None:
        if not address.startswith((self.url, "data:", "blob:")):
            self.strangers.append(address)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_up(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Return when the server answers; fail with what it printed when it does not."""
    deadline = time.monotonic() + START_LIMIT_S
    while True:
        try:
            urllib.request.urlopen(f"{url}/healthz", timeout=5).close()
            return
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the server does not start:\n{log.read_text()}")
            time.sleep(0.1)


@pytest.fixture(scope="module")
def site(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Serve as an operator would, on a store that holds the sweep."""
    folder = tmp_path_factory.mktemp("site")
    port, log = free_port(), folder / "server.log"
    kept = {k: v for k, v in os.environ.items() if k not in env.NAMES and k != "DJANGO_SETTINGS_MODULE"}
    settings = kept | {"VAR_DIR": str(folder), "PORT": str(port), "WORKERS": "1", "REDIS_URL": redis_server}
    # Each test logs in anew, more often than a person would.
    settings["RATELIMIT_LOGIN"] = "1000/m"
    client = StoreClient.from_url(redis_server, protocol=2, socket_timeout=10)
    client.flushall()
    with override(client):
        data.write_sweep()
    for command in (["migrate", "--verbosity", "0"], ["shell", "-c", MAKE_USER]):
        done = subprocess.run(
            [sys.executable, "manage.py", *command], cwd=ROOT, env=settings, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "manage.py", "serve"], cwd=ROOT, env=settings, stdout=output, stderr=output
        )
    try:
        wait_until_up(f"http://127.0.0.1:{port}", server, log)
        yield Site(f"http://127.0.0.1:{port}", log)
    finally:
        server.terminate()
        server.wait(timeout=20)
        client.flushall()
        client.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser, for this module alone: Playwright's event loop must be gone before other tests ask the data base."""
    if executable() is None:
        missing("there is no Chromium on the PATH")
    with sync_playwright() as playwright, launch(playwright) as browser:
        yield browser


@pytest.fixture
def context(chromium: Browser, site: Site) -> Iterator[BrowserContext]:
    """A browser of one's own, wide as a desk's."""
    with chromium.new_context(
        base_url=site.url, viewport={"width": 1440, "height": 900}, reduced_motion="reduce"
    ) as context:
        context.set_default_timeout(15_000)
        yield context


@pytest.fixture
def complaints(site: Site) -> Iterator[Complaints]:
    """What browsers listened to complained of; nothing, when the test ends."""
    found = Complaints(site.url)
    yield found
    assert found.errors == []
    assert found.strangers == []
    assert "Traceback" not in site.log.read_text()


@pytest.fixture
def page(context: BrowserContext, complaints: Complaints) -> Page:
    """A page that is listened to, with the analyst logged in."""
    page = context.new_page()
    complaints.listen(page)
    log_in(page)
    return page


def log_in(page: Page) -> None:
    """Log in by the form, as a person does."""
    page.goto("/")
    page.fill("#id_username", USER)
    page.fill("#id_password", PASSWORD)
    page.click("[type=submit]")
    page.wait_for_url("**/sessions/")
