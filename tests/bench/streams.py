"""Open event streams: what they take of the server, and what they cost the pages that are asked for beside them."""

from __future__ import annotations

import os
import selectors
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from rest_framework_simplejwt.tokens import AccessToken

from bots_app.registry import BotRegistry
from bots_app.synthetic import records
from bots_app.writing import RunWrite
from tests.bench.data import Sessions, session
from tests.bench.environment import free_port, running
from tests.bench.floor_app import COMMAND, URL
from tests.bench.http_client import LIMIT_S, HttpConnection, get
from tests.bench.over_http import answers
from tests.bench.pages import Floors
from tests.bench.raw import RawConnection
from tests.bench.report import Report, at_most
from tests.bench.timing import Samples, Way, interleave

BESIDE, MOST = 200, 500
#: At 600 requests a minute each, the usual limit.
USERS = 64
#: Runs written a second while all streams listen, and for how long.
WRITES_PER_S, WRITING_S = 20, 5.0
SID = session("STREAMS")
#: Where Linux says what a process takes.
PROC = Path("/proc")


class Streams:
    """Open streams of one session."""

    def __init__(self, port: int, bearers: list[str], count: int) -> None:
        path = f"/api/sessions/{quote(str(SID), safe='')}/events"
        self.selector = selectors.DefaultSelector()
        self.received: dict[socket.socket, bytearray] = {}
        for _, bearer in zip(range(count), cycle(bearers), strict=False):
            one = socket.create_connection(("127.0.0.1", port), LIMIT_S)
            one.sendall(get(path, Accept="text/event-stream", Authorization=bearer))
            self.received[one] = bytearray()
            self.selector.register(one, selectors.EVENT_READ)
        self.until(b"\nretry: ", 1)

    def take(self, seconds: float) -> None:
        """Take what comes within some time."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            for key, _ in self.selector.select(left):
                one: socket.socket = key.fileobj  # type: ignore[assignment]
                data = one.recv(1 << 18)
                if not data:
                    raise AssertionError(f"the server ended a stream: {bytes(self.received[one][-500:])!r}")
                self.received[one] += data

    def until(self, text: bytes, times: int) -> None:
        """Wait until every stream has brought a text so often."""
        deadline = time.monotonic() + LIMIT_S
        while any(found.count(text) < times for found in self.received.values()):
            if time.monotonic() > deadline:
                raise AssertionError(f"not every stream has brought {text!r} {times} times")
            self.take(0.05)

    def close(self) -> None:
        self.selector.close()
        for one in self.received:
            one.close()


def measure(report: Report, sessions: Sessions, raw: RawConnection, folder: Path, *, rounds: int) -> None:
    """Measure pages beside streams, then what as many streams as are asked for take."""
    call_command("migrate", verbosity=0, interactive=False)
    BotRegistry().put_many(SID, [RunWrite.parse(text) for text in records(SID, 1)])
    report.begin("Event streams")
    bearers = [f"Bearer {AccessToken.for_user(user)}" for user in users()]
    floor_command = Floors(raw, sessions.main).page_command()
    with floor_server(folder, floor_command) as floor, product_server(folder, settings.WORKERS) as (_, port):
        pages_beside(report, port, floor, sessions, bearers, rounds)
    with product_server(folder, 1) as (pid, port):
        takes(report, pid, port, bearers)


def users() -> list[object]:
    """Return users whose requests take turns."""
    model = get_user_model()
    return list(model.objects.bulk_create(model(username=f"stream{n}", password="!") for n in range(USERS)))


@contextmanager
def floor_server(folder: Path, command: bytes) -> Iterator[int]:
    """Run the floor of a page; give its port."""
    port = free_port()
    words = [sys.executable, "-m", "tests.bench.floor_server", str(port), str(settings.WORKERS), "usual"]
    environ = {URL: settings.REDIS_URL or "", COMMAND: command.hex()}
    with running(words, folder / "streams-floor.log", is_up=lambda: answers(port, "/"), environ=environ):
        yield port


@contextmanager
def product_server(folder: Path, workers: int) -> Iterator[tuple[int, int]]:
    """Run the product; give its process and port."""
    port = free_port()
    words, environ = [sys.executable, "manage.py", "serve"], {"PORT": str(port), "WORKERS": str(workers)}
    log = folder / "streams.log"
    with running(words, log, is_up=lambda: answers(port, "/healthz"), environ=environ) as process:
        yield process.pid, port


def pages_beside(
    report: Report, port: int, floor_port: int, sessions: Sessions, bearers: list[str], rounds: int
) -> None:
    """Measure pages and their floor, in turns without streams and with them."""
    path = f"/api/sessions/{quote(str(sessions.main), safe='')}/bots"
    asked = cycle([get(path, Authorization=bearer, Accept="*/*") for bearer in bearers])
    product, floor = HttpConnection(port), HttpConnection(floor_port)
    ways: dict[str, Way] = {"page": lambda: product.call(next(asked)), "floor": lambda: floor.call(get("/"))}
    found: dict[str, list[float]] = {"quiet": [], "page": [], "floor": []}
    try:
        for _ in range(2):
            found["quiet"] += interleave(ways, rounds=-(-rounds // 2))["page"].seconds
            streams = Streams(port, bearers, BESIDE)
            beside = interleave(ways, rounds=-(-rounds // 2))
            streams.close()
            for name in ("page", "floor"):
                found[name] += beside[name].seconds
    finally:
        product.close()
        floor.close()
    samples = {name: Samples(seconds) for name, seconds in found.items()}
    name = f"page by profit beside {BESIDE} streams"
    report.compare(name, samples["page"], against="beside none", reference=samples["quiet"])
    report.compare("", samples["page"], against="bare server", reference=samples["floor"], goal=at_most(2))


def takes(report: Report, pid: int, port: int, bearers: list[str]) -> None:
    """Measure memory and processor time of the server while many streams hear of every write."""
    if not PROC.exists():
        return
    streams = Streams(port, bearers, 1)
    before = memory_mib(pid)
    streams.close()
    streams = Streams(port, bearers, MOST)
    writes = [RunWrite.parse(text) for text in records(SID, int(WRITES_PER_S * WRITING_S) + 1)][1:]
    start, spent = time.monotonic(), cpu_seconds(pid)
    for number, write in enumerate(writes, 1):
        BotRegistry().put(SID, write)
        streams.take(max(0.001, start + number / WRITES_PER_S - time.monotonic()))
    streams.until(b"event: run", len(writes))
    cores = (cpu_seconds(pid) - spent) / (time.monotonic() - start)
    after = memory_mib(pid)
    streams.close()
    name = f"{MOST} streams of one worker, {WRITES_PER_S} changes a second"
    report.value(f"{name}: the server's cores", cores, "cores", goal=at_most(1))
    report.value(f"{name}: the server's memory", after, "MiB", goal=at_most(300))
    report.value("the same server's memory with one stream", before, "MiB")


def processes(pid: int) -> list[int]:
    """Return a process and all that it started."""
    found = [pid]
    for one in found:
        for task in (PROC / str(one) / "task").glob("*/children"):
            found += [int(child) for child in task.read_text().split()]
    return found


def memory_mib(pid: int) -> float:
    """Return what the processes hold, what they share with others counted in part."""
    total = 0
    for one in processes(pid):
        lines = (PROC / str(one) / "smaps_rollup").read_text().splitlines()
        total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def cpu_seconds(pid: int) -> float:
    """Return the processor time that the processes have taken."""
    fields = [(PROC / str(one) / "stat").read_text().rpartition(")")[2].split() for one in processes(pid)]
    return sum(int(stat[11]) + int(stat[12]) for stat in fields) / os.sysconf("SC_CLK_TCK")
