"""A page of the sweep table: warm and cold, in this process and over HTTP, and beside a program that writes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count, cycle
from pathlib import Path
from urllib.parse import quote, urlencode

import msgspec
from django.conf import settings
from django.core.management import call_command

from bots_app.filters import expression_of
from bots_app.query import RunQuery
from bots_app.registry import BotRegistry
from bots_app.table.memory import memory
from tests.bench.http_client import HttpConnection, get
from tests.bench.over_http import tokens
from tests.bench.pages import LIMIT, Floors
from tests.bench.raw import RawConnection
from tests.bench.report import Report, at_most
from tests.bench.streams import floor_server, product_server
from tests.bench.sweep.data import NARROW, SID, WIDE, Limits, all_moved, moved, parameters, query
from tests.bench.sweep.plain import PlainRuns
from tests.bench.timing import WARM_UP, Samples, Way, interleave, timed

Move = Callable[[Limits, int], Limits]

#: What changes from one page to the next, and what it is called here.
MOVES = {"another threshold each time": "moved", "three other thresholds each time": "all moved"}
#: How many times what numpy alone takes a warm page may take.
TIMES = 3
#: Milliseconds of a page for which no column is held.
COLD_MS = 400
#: Rounds of what takes tens of milliseconds.
SLOW_SHARE = 15
#: Requests of one user, of whom enough take turns: the usual limit is 600 a minute.
REQUESTS_EACH = 400


def page(asked: RunQuery) -> Callable[[], bytes]:
    """Return the call of a page, ready to send."""
    registry = BotRegistry()
    return lambda: registry.page(SID, asked, limit=LIMIT).body()


def moving_page(limits: Limits, move: Move = moved) -> Callable[[], bytes]:
    """Return the call of a page that asks for another threshold each time."""
    registry, numbers = BotRegistry(), count(1)
    return lambda: registry.page(SID, query(move(limits, next(numbers))), limit=LIMIT).body()


def moving_floor(plain: PlainRuns, limits: Limits) -> Way:
    """Return the call of numpy alone with other thresholds each time."""
    numbers = count(1)
    return lambda: plain.page(all_moved(limits, next(numbers)), LIMIT)


def same_answer(plain: PlainRuns, limits: Limits, body: bytes) -> int:
    """Make sure that numpy alone answers what the product answers; return how many runs match."""
    answer = msgspec.json.decode(body)
    hashes, matches = plain.page(limits, LIMIT)
    found = [row["configHash"].encode() for row in answer["bots"]]
    if not found or found != hashes or answer["count"] != matches:
        raise AssertionError(f"numpy finds {matches} runs and the product {answer['count']}, or other ones")
    return matches


def measure_warm(report: Report, plain: PlainRuns, *, rounds: int) -> None:
    """Measure the query in this process, which holds the columns, over numpy alone."""
    for told, limits in (("few", NARROW), ("half", WIDE)):
        report.begin(f"Three fields filtered, by a fourth, page of {LIMIT}: {told} match")
        matches = same_answer(plain, limits, page(query(limits))())
        report.value("runs that match", matches / len(plain.hashes) * 100, "%")
        sharpe, drawdown, trades = limits
        where = f"sharpe >= {sharpe!r} and maxDrawdown <= {drawdown!r} and numTrades >= {trades}"
        worded = RunQuery(where=expression_of(where), ordering=query(limits).ordering)
        found = interleave(
            {
                "again": page(query(limits)), "moved": moving_page(limits), "where": page(worded),
                "all moved": moving_page(limits, all_moved),
                "plain": lambda limits=limits: plain.page(limits, LIMIT), "moved plain": moving_floor(plain, limits),
            },
            rounds=rounds,
        )  # fmt: skip
        for name, key in MOVES.items():
            report.compare(name, found[key], against="numpy alone", reference=found["moved plain"])
        for name, key in (("the same again", "again"), ("the same again, as `where`", "where")):
            report.compare(name, found[key], against="numpy alone", reference=found["plain"])


def measure_cold(report: Report, *, rounds: int) -> None:
    """Measure the query in this process after it has let go of every column."""
    report.begin("Three fields filtered, by a fourth, no column held")
    found = []
    for _ in range(max(3, rounds // SLOW_SHARE)):
        memory.cache_clear()
        found.append(timed(page(query(NARROW))))
    report.time("the first page of a process", Samples(found), goal=at_most(COLD_MS))


def measure_http(report: Report, plain: PlainRuns, raw: RawConnection, folder: Path, *, rounds: int) -> None:
    """Measure the query over HTTP: over numpy alone and a bare server that answers a page of the same size."""
    report.begin(f"Three fields filtered, by a fourth, over HTTP ({settings.WORKERS} workers, login and rate limit on)")
    call_command("migrate", verbosity=0, interactive=False)
    users = 1 + 6 * (rounds + WARM_UP) // REQUESTS_EACH
    bearers = cycle([f"Bearer {token}" for token in tokens(users, name="sweep")])
    path = f"/api/sessions/{quote(str(SID), safe='')}/bots"

    def request(limits: Limits) -> bytes:
        return get(f"{path}?{urlencode(parameters(limits))}", Authorization=next(bearers), Accept="*/*")

    command = Floors(raw, SID).page_command()
    with floor_server(folder, command) as floor_port, product_server(folder, settings.WORKERS) as (_, port):
        product, floor = HttpConnection(port), HttpConnection(floor_port)
        numbers = count(1)
        ways: dict[str, Way] = {"floor": lambda: floor.call(get("/"))}
        for name, limits in (("narrow", NARROW), ("wide", WIDE)):
            same_answer(plain, limits, product.call(request(limits)))
            ways |= {
                f"{name} moved": lambda limits=limits: product.call(request(moved(limits, next(numbers)))),
                f"{name} all moved": lambda limits=limits: product.call(request(all_moved(limits, next(numbers)))),
                f"{name} again": lambda limits=limits: product.call(request(limits)),
                f"{name} plain": moving_floor(plain, limits),
            }
        try:
            found = interleave(ways, rounds=rounds)
        finally:
            product.close()
            floor.close()
    for name, told in (("narrow", "few match"), ("wide", "half match")):
        bound = bound_of(found[f"{name} plain"], found["floor"])
        for which, key in {**MOVES, "the same again": "again"}.items():
            report.compare(
                f"{told}, {which}", found[f"{name} {key}"], against=f"{TIMES} x numpy + bare server", reference=bound,
                goal=at_most(1),
            )  # fmt: skip


def bound_of(plain: Samples, floor: Samples) -> Samples:
    """Return what a page over HTTP may take, round by round: some times what numpy takes, and what the server takes."""
    return Samples([TIMES * one + other for one, other in zip(plain.seconds, floor.seconds, strict=True)])
