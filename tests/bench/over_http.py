"""The API over HTTP, with login by token and the rate limit counted, over a bare server that does the least."""

from __future__ import annotations

import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from statistics import median
from urllib.parse import quote, urlencode

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from rest_framework_simplejwt.tokens import AccessToken

from bots_app.query import RunQuery
from dashboard.store.client import client
from tests.bench.data import Sessions
from tests.bench.environment import free_port, running
from tests.bench.floor_app import COMMAND, URL
from tests.bench.http_client import HttpConnection, get, throughput
from tests.bench.pages import HIGH, LIMIT, LOW, Floors, cursor_at
from tests.bench.raw import RawConnection
from tests.bench.report import Report, at_least, at_most
from tests.bench.timing import Way, interleave

CONNECTIONS = 16
#: Seconds each server is loaded at a time, in turns.
TURN_S = 1.0


@dataclass(frozen=True)
class Servers:
    """Ports of the product and of its floor."""

    product: int
    floor: int


@contextmanager
def servers(folder: Path, floor_command: bytes) -> Iterator[Servers]:
    """Run both servers for a while."""
    call_command("migrate", verbosity=0, interactive=False)
    product, floor = free_port(), free_port()
    floor_environ = {URL: settings.REDIS_URL, COMMAND: floor_command.hex()}
    workers = str(settings.WORKERS)
    with ExitStack() as stack:
        command = [sys.executable, "-m", "tests.bench.floor_server", str(floor), workers]
        stack.enter_context(
            running(command, folder / "floor.log", is_up=lambda: answers(floor, "/"), environ=floor_environ)
        )
        command = [sys.executable, "manage.py", "serve"]
        environ = {"PORT": str(product), "WORKERS": workers}
        stack.enter_context(
            running(command, folder / "serve.log", is_up=lambda: answers(product, "/healthz"), environ=environ)
        )
        yield Servers(product, floor)


def answers(port: int, path: str) -> bool:
    """Tell whether a server answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
            return response.status == HTTPStatus.OK
    except (urllib.error.URLError, ConnectionError):
        return False


def measure(report: Report, sessions: Sessions, raw: RawConnection, folder: Path, *, rounds: int, turns: int) -> None:
    """Measure the list, its filters, its depth and the aggregate over HTTP."""
    floor_command = Floors(raw, sessions.main).page_command()
    with servers(folder, floor_command) as ports:
        requests = requests_for(sessions)
        one_by_one(report, ports, requests, rounds)
        at_once(report, ports, requests["page by profit"], turns)


def requests_for(sessions: Sessions) -> dict[str, bytes]:
    """Return what is asked of the product."""
    user = get_user_model().objects.create_user("bench", password=os.urandom(16).hex())
    token = f"Bearer {AccessToken.for_user(user)}"
    path = f"/api/sessions/{quote(str(sessions.main), safe='')}/bots"
    query = RunQuery()
    deepest, _ = cursor_at(sessions.main, query, client().zcard(f"session:{sessions.main}:bots:profit") - LIMIT - 1)
    asked = {
        "page by profit": "",
        "status and profit range": urlencode({"status": "completed", "minProfit": LOW, "maxProfit": HIGH}),
        "deepest page": urlencode({"cursor": deepest}),
    }
    found = {
        name: get(f"{path}?{query}" if query else path, Authorization=token, Accept="*/*")
        for name, query in asked.items()
    }
    found["aggregate"] = get(f"{path}/aggregate", Authorization=token, Accept="*/*")
    return found


def one_by_one(report: Report, ports: Servers, requests: dict[str, bytes], rounds: int) -> None:
    """Measure one client that waits for each answer, on one kept connection to each server."""
    report.begin(f"Over HTTP, one request at a time ({settings.WORKERS} workers, login and rate limit on)")
    product, floor = HttpConnection(ports.product), HttpConnection(ports.floor)
    health = get("/healthz")
    ways: dict[str, Way] = {"floor": lambda: floor.call(get("/")), "health": lambda: product.call(health)}
    ways |= {name: (lambda request=request: product.call(request)) for name, request in requests.items()}
    unchanged = etag_of(product, requests["page by profit"])
    ways["page unchanged (304)"] = lambda: product.call(unchanged, status=304)
    try:
        size, least = (len(way()) for way in (ways["page by profit"], ways["floor"]))  # type: ignore[arg-type]
        if not 0 <= size - least < 1000:
            raise AssertionError(f"the floor answers {least} bytes, the product {size}")
        found = interleave(ways, rounds=rounds)
    finally:
        product.close()
        floor.close()
    for name in (*requests, "page unchanged (304)"):
        goal = at_most(2.5) if name in ("page by profit", "status and profit range", "deepest page") else None
        report.compare(name, found[name], against="bare server", reference=found["floor"], goal=goal)
    report.compare("no page at all (/healthz)", found["health"], against="bare server", reference=found["floor"])


def etag_of(connection: HttpConnection, request: bytes) -> bytes:
    """Return the request as a client repeats it that already has the page."""
    connection.socket.sendall(request)
    while b"\r\n\r\n" not in connection.buffer:
        connection.read()
    found = re.search(rb"\r\netag: *([^\r]+)", connection.buffer, re.IGNORECASE)
    while connection.take() is None:
        connection.read()
    if not found:
        raise AssertionError("the page has no ETag")
    return request.removesuffix(b"\r\n") + b"If-None-Match: %b\r\n\r\n" % found[1]


def at_once(report: Report, ports: Servers, request: bytes, turns: int) -> None:
    """Measure many clients at once, the servers in turns."""
    report.begin(f"Over HTTP, {CONNECTIONS} connections at once")
    asked = {ports.product: request, ports.floor: get("/")}
    found: dict[int, list[float]] = {port: [] for port in asked}
    for turn in range(turns + 1):
        for port, one in asked.items():
            rate = throughput(port, one, connections=CONNECTIONS, seconds=TURN_S if turn else TURN_S / 2)
            if turn:  # the first one opens the workers' own connections
                found[port].append(rate)
    product, floor = (median(found[port]) for port in (ports.product, ports.floor))
    report.rate("pages a second", product, against="bare server", reference=floor, goal=at_least(0.5))
