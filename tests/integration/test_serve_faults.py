"""The production server while Redis is frozen, killed and started again: told in time, and over by itself."""

from __future__ import annotations

import http.cookiejar
import json
import re
import signal
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from dashboard.store.client import ANSWER_TIMEOUT_S
from tests.integration import test_events as live
from tests.integration.surface import assert_unavailable
from tests.integration.test_events import Redis, Site, folder, redis, start  # noqa: F401 - fixtures

PAGE = f"/sessions/{live.SID}/"
LIST = f"/api/sessions/{live.SID}/bots"


class Answer:
    """What the server answered, in the form that the test client has it."""

    def __init__(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.status_code, self.content = status, content
        self.headers = {name.lower(): value for name, value in headers.items()}

    def __getitem__(self, name: str) -> str:
        return self.headers[name.lower()]


class Person:
    """A browser of somebody who is logged in."""

    def __init__(self, site: Site) -> None:
        self.site, self.address = site, f"http://127.0.0.1:{site.port}"
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get("/login/").content.decode())
        assert token
        form = {"csrfmiddlewaretoken": token[1], "username": live.USER, "password": live.PASSWORD, "next": PAGE}
        assert self.get("/login/", body=urllib.parse.urlencode(form).encode()).status_code == 200

    def get(self, path: str, *, body: bytes | None = None, **headers: str) -> Answer:
        request = urllib.request.Request(self.address + path, body, headers)
        try:
            with self.opener.open(request, timeout=3 * ANSWER_TIMEOUT_S) as answer:
                return Answer(answer.status, dict(answer.headers), answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, dict(error.headers), error.read())

    def list(self, body: object = None) -> Answer:
        """Ask for the runs as a program does, or post some."""
        more = {"Content-Type": "application/json"} if body else {}
        text = json.dumps(body).encode() if body else None
        return self.get(LIST, body=text, Authorization=f"Bearer {self.site.token}", **more)

    def assert_no_answers(self, *, limit_s: float) -> None:
        """Pages, lists and writes say in time that the store is away."""

        def timed(ask: Callable[[], Answer]) -> tuple[Answer, float]:
            began = time.monotonic()
            return ask(), time.monotonic() - began

        asked = (lambda: self.get(PAGE), self.list, lambda: self.list([{"configHash": "new", "status": "failed"}]))
        with ThreadPoolExecutor(len(asked)) as pool:
            for answer, took_s in pool.map(timed, asked):
                assert_unavailable(answer, answer.content.decode()[:200])
                assert took_s < limit_s

    def assert_answers(self) -> None:
        """Everything is back, without anything having been done to the server."""
        live.wait_for(lambda: self.list().status_code == 200)
        assert self.get(PAGE).status_code == 200
        assert json.loads(self.list().content)["count"] >= 1


@pytest.mark.slow
def test_frozen_killed_and_started_again(start: Callable[..., Site], redis: Redis) -> None:  # noqa: F811 - fixtures
    site = start(WORKERS="1")
    person, listener = Person(site), live.Listener(site)
    listener.until(listener.is_open)
    person.assert_answers()
    assert redis.process is not None
    redis.process.send_signal(signal.SIGSTOP)
    person.assert_no_answers(limit_s=ANSWER_TIMEOUT_S + 1.5)
    redis.process.send_signal(signal.SIGCONT)
    person.assert_answers()
    live.put(1)
    listener.until(lambda: live.names(1, 1)[0] in listener.hashes())
    redis.kill()
    person.assert_no_answers(limit_s=2.0)
    redis.start()
    person.assert_answers()
    live.put(2)
    listener.until(lambda: live.names(2, 2)[0] in listener.hashes())
    assert listener.hashes()[-2:] == live.names(1, 2)
