"""Event streams of a real server: two workers, hundreds of listeners, restarts of the server and of Redis."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import selectors
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.api import streams
from dashboard.errors import StoreUnavailable
from dashboard.store import embedded, events
from dashboard.store.client import StoreClient, override
from dashboard.store.keys import SessionKeys
from sessions_app.records import SessionId
from tests.integration.test_serve import Server, manage

SID = "BTC:1h:1700000000000:1703600000000"
USER, PASSWORD = "ana", "ana's long password"
MAKE_USER = (
    f"from django.contrib.auth.models import User; User.objects.create_superuser({USER!r}, password={PASSWORD!r})"
)
#: Seconds within which anything here must happen.
LIMIT_S = 20
#: Milliseconds of a page at most, half of the time, while streams are open; without a load it takes two.
PAGE_MS = 100
LISTENERS = 200
EVENT = re.compile(rb"(?:id: (\S+)\n)?event: (\w+)\ndata: (.*)\n\n")


class Redis:
    """A server of the test's own that can be ended and started again."""

    def __init__(self, binary: Path) -> None:
        self.binary = binary
        self.folder = Path(tempfile.mkdtemp(prefix="dashboard-events-"))
        self.path = self.folder / "redis.sock"
        self.url = f"unix://{self.path}?db=0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, is_durable: bool = True) -> None:
        kept = ["--appendonly", "yes", "--appendfsync", "always"] if is_durable else ["--appendonly", "no"]
        command = [self.binary, "--port", "0", "--unixsocket", self.path, "--save", "", "--dir", self.folder, *kept]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(lambda: embedded.ping(self.path) == "PONG")

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()


class Listener:
    """An open stream."""

    def __init__(self, site: Site, since: str | None = None, sid: str = SID) -> None:
        self.socket = socket.create_connection(("127.0.0.1", site.port), LIMIT_S)
        lines = [f"GET /api/sessions/{sid}/events HTTP/1.1", "Host: 127.0.0.1", "Accept: text/event-stream"]
        lines += [f"Authorization: Bearer {site.token}"] + ([f"Last-Event-ID: {since}"] if since else [])
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())
        self.received = b""
        self.is_over = False

    def receive(self) -> None:
        """Take what has come."""
        data = self.socket.recv(1 << 18)
        self.received += data
        self.is_over = not data or data.endswith(b"0\r\n\r\n")

    def is_open(self) -> bool:
        return b"\nretry: " in self.received

    def events(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Return id, name and data of every event received."""
        return [(one[0].decode(), one[1].decode(), json.loads(one[2])) for one in EVENT.findall(self.received)]

    def hashes(self) -> list[str]:
        return [data["configHash"] for _, name, data in self.events() if name == "run"]

    def until(self, condition: Callable[[], object]) -> None:
        """Receive until something holds."""
        deadline = time.monotonic() + LIMIT_S
        while not condition():
            assert time.monotonic() < deadline and not self.is_over, self.received[-2000:]
            self.socket.settimeout(max(0.1, deadline - time.monotonic()))
            self.receive()


class Site:
    """A dashboard on a Redis of its own."""

    def __init__(self, server: Server, redis: Redis) -> None:
        self.server = server
        self.redis = redis
        self.port = int(server.env["PORT"])
        self.token = ""

    def log_in(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_S)
        body = json.dumps({"username": USER, "password": PASSWORD})
        connection.request("POST", "/api/token", body, {"Content-Type": "application/json"})
        self.token = json.loads(connection.getresponse().read())["access"]
        connection.close()

    def page_times(self, count: int) -> list[float]:
        """Return the milliseconds that each of some pages of runs took."""
        connection, times = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_S), []
        for _ in range(count):
            start = time.perf_counter()
            connection.request("GET", f"/api/sessions/{SID}/bots", headers={"Authorization": f"Bearer {self.token}"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200
            times.append(1000 * (time.perf_counter() - start))
        connection.close()
        return times


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Users and static files, made once."""
    folder = tmp_path_factory.mktemp("events")
    assert manage(folder / "var", "migrate", "--verbosity", "0").returncode == 0
    made = manage(folder / "var", "shell", "-c", MAKE_USER)
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture
def redis(redis_binary: Path) -> Iterator[Redis]:
    server = Redis(redis_binary)
    server.start()
    client = StoreClient.from_url(server.url, protocol=2, socket_timeout=10)
    with override(client):
        put(0)
        yield server
    client.close()
    server.kill()
    shutil.rmtree(server.folder)


@pytest.fixture
def start(folder: Path, redis: Redis, tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Start servers on the same port and users, one after another."""
    sites: list[Site] = []

    def run(**given: str) -> Site:
        given |= {"PORT": str(sites[0].port)} if sites else {}
        server = Server(folder / "var", tmp_path / f"log{len(sites)}", REDIS_URL=redis.url, **given)
        sites.append(Site(server, redis))
        server.wait_until_up()
        sites[-1].log_in()
        return sites[-1]

    yield run
    for site in sites:
        site.server.process.kill()
        site.server.process.wait()
        assert "Traceback" not in site.server.log.read_text()


def put(*numbers: int) -> None:
    records = [
        {
            "configHash": f"run-{number:05}",
            "status": "completed",
            "lastUpdated": 1_700_000_000_000 + number,
            "resultsMetadata": {"performance": {"totalProfit": float(number)}},
        }
        for number in numbers
    ]
    BotRegistry().put_many(SessionId.parse(SID), [RunWrite.parse(record) for record in records])


def names(first: int, last: int) -> list[str]:
    return [f"run-{number:05}" for number in range(first, last + 1)]


def newest() -> str:
    return str(events.newest_id(SessionKeys(SID)))


def wait_for(condition: Callable[[], object], limit_s: float = LIMIT_S) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def stop(site: Site) -> float:
    """Stop the server as an operator does; return the seconds it took."""
    start = time.monotonic()
    site.server.process.send_signal(signal.SIGTERM)
    site.server.process.wait(LIMIT_S)
    return time.monotonic() - start


@pytest.mark.alone
def test_hundreds_of_listeners_get_everything_once_in_order_while_pages_answer(start):
    site = start(WORKERS="2", RATELIMIT_API="100000/m")
    listeners, selector = [], selectors.DefaultSelector()
    for _ in range(LISTENERS):
        listeners.append(Listener(site))
        selector.register(listeners[-1].socket, selectors.EVENT_READ, listeners[-1])

    def receive_until(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + LIMIT_S
        while not condition():
            assert time.monotonic() < deadline
            for key, _ in selector.select(0.2):
                key.data.receive()

    receive_until(lambda: all(one.is_open() for one in listeners))
    quiet = site.page_times(50)
    times: list[float] = []
    pages = threading.Thread(target=lambda: times.extend(site.page_times(50)))
    writer = threading.Thread(target=lambda: [(put(number), time.sleep(0.01)) for number in range(1, 101)])
    for thread in (pages, writer):
        thread.start()
    receive_until(lambda: all(one.received.count(b"event: run") >= 100 for one in listeners))
    for thread in (pages, writer):
        thread.join(LIMIT_S)
    assert all(one.hashes() == names(1, 100) for one in listeners)
    ids = [ident for ident, _, _ in listeners[0].events()]
    assert len(set(ids)) == 100
    assert all([ident for ident, _, _ in one.events()] == ids for one in listeners)
    assert statistics.median(quiet) < PAGE_MS
    assert len(times) == 50
    assert statistics.median(times) < PAGE_MS
    assert stop(site) < 10
    receive_until(lambda: all(one.is_over for one in listeners))


def test_a_restart_of_the_server_is_bridged_by_the_last_id(start):
    first = start(WORKERS="1")
    listener = Listener(first)
    listener.until(listener.is_open)
    put(1)
    listener.until(lambda: listener.hashes() == names(1, 1))
    last, _, _ = listener.events()[-1]
    stop(first)
    put(2, 3)
    again = Listener(start(WORKERS="1"), last)
    again.until(lambda: len(again.hashes()) == 2)
    put(4)
    again.until(lambda: again.hashes() == names(2, 4))
    assert "gap" not in [name for _, name, _ in again.events()]


def test_a_restart_of_redis_that_keeps_its_data_goes_unnoticed(start, redis):
    site = start(WORKERS="1")
    listener = Listener(site)
    listener.until(listener.is_open)
    put(1)
    listener.until(lambda: listener.hashes() == names(1, 1))
    redis.kill()
    time.sleep(1)
    with pytest.raises(StoreUnavailable):
        put(2)
    refused = Listener(site)
    refused.until(lambda: b"HTTP/1.1 503" in refused.received and b"retry-after: " in refused.received)
    redis.start()
    put(2)
    listener.until(lambda: listener.hashes() == names(1, 2))
    assert [name for _, name, _ in listener.events()] == ["run", "run"]


def test_a_restart_of_redis_that_loses_its_data_is_told(start, redis):
    site = start(WORKERS="1")
    listener = Listener(site)
    listener.until(listener.is_open)
    put(1)
    listener.until(lambda: listener.hashes() == names(1, 1))
    last = newest()
    redis.kill()
    redis.start(is_durable=False)
    listener.until(lambda: {name for _, name, _ in listener.events()} & {"deleted", "gap"})
    put(2)
    again = Listener(site, last)
    again.until(lambda: again.hashes())
    assert [name for _, name, _ in again.events()] == ["gap", "run"]
    assert again.events()[0][2]["reason"] == "lost"
    put(3)
    again.until(lambda: again.hashes() == names(2, 3))


def test_a_session_that_another_process_deletes_ends_its_streams(start, redis, folder):
    site = start(WORKERS="1")
    listener, gone = Listener(site), Listener(site, sid="NO:1h:1:2")
    gone.until(lambda: b"HTTP/1.1 404" in gone.received)
    listener.until(listener.is_open)
    assert manage(folder / "var", "delete_session", SID, REDIS_URL=redis.url).returncode == 0
    with contextlib.suppress(AssertionError):
        listener.until(lambda: listener.is_over)
    nothing = {"configHash": None, "status": None, "profit": None, "revision": None}
    assert listener.events() == [("", "deleted", nothing)]
    assert listener.is_over


def test_streams_of_clients_that_have_gone_are_let_go(start):
    site = start(WORKERS="1", RATELIMIT_API="100000/m")
    count = settings.USER_STREAMS // 2 + 10
    for pause in (streams.PROBE_S + 2, 0):
        listeners = [Listener(site) for _ in range(count)]
        for one in listeners:
            one.until(one.is_open)
        for one in listeners:
            one.socket.close()
        time.sleep(pause)
