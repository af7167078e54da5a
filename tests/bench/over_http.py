"""The API over HTTP, with login by token and the rate limit counted, over bare servers that do the least."""

from __future__ import annotations

import re
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from itertools import cycle
from pathlib import Path
from urllib.parse import quote, urlencode

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from rest_framework_simplejwt.tokens import AccessToken

from bots_app.query import RunQuery
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from tests.bench.data import Sessions
from tests.bench.environment import free_port, running
from tests.bench.floor_app import COMMAND, URL
from tests.bench.http_client import HttpConnection, get, throughput, with_header
from tests.bench.pages import HIGH, LIMIT, LOW, Floors, cursor_at
from tests.bench.raw import RawConnection
from tests.bench.report import Report, at_least, at_most
from tests.bench.timing import Samples, Way, interleave

CONNECTIONS = 16
#: Users whose requests take turns, for each second with many connections: at 600 a minute each, the usual limit, that
#: is 9,600 requests. Of more users, most requests would be somebody's first, which draws on the limit.
USERS_A_TURN = 16
#: Seconds each server is loaded at a time, in turns.
TURN_S = 1.0


@dataclass(frozen=True)
class Servers:
    """Ports of the product and of its floors.

    `floor` is the same server with the same call by the usual client; `least` makes that call over a raw socket;
    `usual` is the floor under another server.
    """

    product: int
    floor: int
    least: int
    usual: int


@contextmanager
def servers(folder: Path, floor_command: bytes) -> Iterator[Servers]:
    """Run both servers for a while."""
    call_command("migrate", verbosity=0, interactive=False)
    product, floor, least, usual = (free_port() for _ in range(4))
    floor_environ = {URL: settings.REDIS_URL, COMMAND: floor_command.hex()}
    workers = str(settings.WORKERS)
    with ExitStack() as stack:
        for port, name in ((floor, "usual"), (least, "least")):
            command = [sys.executable, "-m", "tests.bench.floor_server", str(port), workers, name]
            stack.enter_context(
                running(command, folder / f"{name}.log", is_up=_is_up(port, "/"), environ=floor_environ)
            )
        command = [
            sys.executable, "-m", "gunicorn", "--worker-class", "gthread", "--workers", workers, "--threads", "8",
            "--bind", f"127.0.0.1:{usual}", "--keep-alive", "60", "--log-level", "error", "tests.bench.floor_app:usual",
        ]  # fmt: skip
        stack.enter_context(running(command, folder / "gunicorn.log", is_up=_is_up(usual, "/"), environ=floor_environ))
        command = [sys.executable, "manage.py", "serve"]
        environ = {"PORT": str(product), "WORKERS": workers}
        stack.enter_context(running(command, folder / "serve.log", is_up=_is_up(product, "/healthz"), environ=environ))
        yield Servers(product, floor, least, usual)


def _is_up(port: int, path: str) -> Callable[[], bool]:
    return lambda: answers(port, path)


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
        requests = requests_for(sessions, users=USERS_A_TURN * (turns + 1))
        one_by_one(report, ports, requests, rounds)
        at_once(report, ports, requests["page by profit"], turns)


def tokens(users: int, *, name: str = "bench") -> list[str]:
    """Return the tokens of that many users, new ones of that name."""
    model = get_user_model()
    made = model.objects.bulk_create(model(username=f"{name}{number}", password="!") for number in range(users))
    return [str(AccessToken.for_user(user)) for user in made]


def requests_for(sessions: Sessions, *, users: int) -> dict[str, list[bytes]]:
    """Return what is asked of the product, by each of enough users that none meets the rate limit, the usual one."""
    path = f"/api/sessions/{quote(str(sessions.main), safe='')}/bots"
    runs = client().zcard(SessionKeys(str(sessions.main)).profit)
    deepest, _ = cursor_at(sessions.main, RunQuery(), runs - LIMIT - 1)
    asked = {
        "page by profit": path,
        "status and profit range": f"{path}?{urlencode({'status': 'completed', 'minProfit': LOW, 'maxProfit': HIGH})}",
        "deepest page": f"{path}?{urlencode({'cursor': deepest})}",
        "aggregate": f"{path}/aggregate",
    }
    bearers = [f"Bearer {token}" for token in tokens(users)]
    return {
        name: [get(address, Authorization=bearer, Accept="*/*") for bearer in bearers]
        for name, address in asked.items()
    }


def one_by_one(report: Report, ports: Servers, requests: dict[str, list[bytes]], rounds: int) -> None:
    """Measure one client that waits for each answer, on one kept connection to each server."""
    report.begin(f"Over HTTP, one request at a time ({settings.WORKERS} workers, login and rate limit on)")
    bare = {name: HttpConnection(getattr(ports, name)) for name in ("floor", "least", "usual")}
    product = HttpConnection(ports.product)

    def asking(asked: list[bytes], status: int = 200) -> Way:
        following = cycle(asked)
        return lambda: product.call(next(following), status=status)

    page = requests["page by profit"]
    unchanged = etag_of(product, page[0])
    ways: dict[str, Way] = {name: lambda one=one: one.call(get("/")) for name, one in bare.items()}
    ways["health"] = asking([get("/healthz")])
    ways |= {name: asking(asked) for name, asked in requests.items()}
    ways["page unchanged (304)"] = asking([with_header(one, "If-None-Match", unchanged) for one in page], 304)
    try:
        size, least = (len(way()) for way in (ways["page by profit"], ways["floor"]))  # type: ignore[arg-type]
        if not 0 <= size - least < 1000:
            raise AssertionError(f"the floor answers {least} bytes, the product {size}")
        found = interleave(ways, rounds=rounds)
    finally:
        for one in (product, *bare.values()):
            one.close()
    for name in ("page by profit", "status and profit range", "deepest page"):
        report.compare(name, found[name], against="gunicorn floor", reference=found["usual"], goal=at_most(2.5))
    for name in (*requests, "page unchanged (304)"):
        goal = at_most(2) if name == "page by profit" else None
        report.compare(f"{name}, same server", found[name], against="bare server", reference=found["floor"], goal=goal)
    page_name = "page by profit, same server"
    report.compare(page_name, found["page by profit"], against="bare, raw socket", reference=found["least"])
    report.compare("no page at all (/healthz)", found["health"], against="bare server", reference=found["floor"])


def etag_of(connection: HttpConnection, request: bytes) -> str:
    """Return the ETag of an answer."""
    connection.socket.sendall(request)
    while b"\r\n\r\n" not in connection.buffer:
        connection.read()
    found = re.search(rb"\r\netag: *([^\r]+)", connection.buffer, re.IGNORECASE)
    while connection.take() is None:
        connection.read()
    if not found:
        raise AssertionError("the page has no ETag")
    return found[1].decode()


def at_once(report: Report, ports: Servers, requests: list[bytes], turns: int) -> None:
    """Measure many clients at once, the servers in turns."""
    report.begin(f"Over HTTP, {CONNECTIONS} connections at once")
    asked = {ports.product: requests, ports.floor: [get("/")], ports.least: [get("/")]}
    found: dict[int, list[float]] = {port: [] for port in asked}
    for turn in range(turns + 1):
        for port, some in asked.items():
            rate = throughput(port, some, connections=CONNECTIONS, seconds=TURN_S if turn else TURN_S / 2)
            if turn:  # the first one opens the workers' own connections
                found[port].append(rate)
    product, floor, least = (
        Samples([1 / rate for rate in found[port]]) for port in (ports.product, ports.floor, ports.least)
    )
    report.rates("pages a second", product, things=1, against="bare server", reference=floor, goal=at_least(0.5))
    report.rates("pages a second", product, things=1, against="bare, raw socket", reference=least)
