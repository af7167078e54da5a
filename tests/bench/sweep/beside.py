"""A page of the sweep table while another program writes: in turns with pages beside none."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from tests.bench.environment import running
from tests.bench.report import Report, at_most
from tests.bench.sweep.data import NARROW, SID, WIDE, query
from tests.bench.sweep.pages import moving_page, page
from tests.bench.timing import Samples, Way, interleave, timed

#: What the other program writes a second.
PER_SECOND = 100
#: Turns of either kind.
TURNS = 3
#: How many times the idle figure a page may take.
TIMES = 2
#: Pages of a turn that are asked for with a pause before each, in seconds: what was written meanwhile is to be fetched.
PAUSED, PAUSE_S = 3, 1.0


@contextmanager
def writer(folder: Path) -> Iterator[None]:
    """Have a process write for a while."""
    begun = folder / "writer-begun"
    begun.unlink(missing_ok=True)
    command = [sys.executable, "-m", "tests.bench.sweep.writer", str(SID), str(PER_SECOND), str(begun)]
    with running(command, folder / "writer.log", is_up=begun.exists):
        yield


def revision() -> int:
    """Return how often the session has been changed, from some number on."""
    return int(client().hget(SessionKeys(str(SID)).index("stats"), "revision"))


def measure(report: Report, folder: Path, *, rounds: int) -> None:
    """Measure pages in turns beside the writer and beside none: one after another, and with pauses."""
    report.begin(f"Three fields filtered, by a fourth, beside {PER_SECOND} writes a second")
    ways: dict[str, Way] = {
        "few match, another threshold each time": moving_page(NARROW),
        "half match, another threshold each time": moving_page(WIDE),
        "few match, the same again": page(query(NARROW)),
        "half match, the same again": page(query(WIDE)),
    }
    idle: dict[str, list[float]] = {}
    beside: dict[str, list[float]] = {}
    written, seconds = 0, 0.0
    turns = min(TURNS, rounds)
    for _ in range(turns):
        gather(idle, ways, rounds // turns)
        with writer(folder):
            began, first = time.monotonic(), revision()
            gather(beside, ways, rounds // turns)
            seconds += time.monotonic() - began
            written += revision() - first
    report.value("written a second, meanwhile", written / seconds, "/s")
    for name in beside:
        report.compare(
            name, Samples(beside[name]), against="beside none", reference=Samples(idle[name]), goal=at_most(TIMES)
        )


def gather(found: dict[str, list[float]], ways: Mapping[str, Way], rounds: int) -> None:
    """Add samples of pages one after another, and of some before which nothing is asked for a while."""
    for name, samples in interleave(ways, rounds=rounds, warm_up=3).items():
        found.setdefault(name, []).extend(samples.seconds)
    name, way = next(iter(ways.items()))
    name = f"{name}, once a second"
    for _ in range(min(PAUSED, rounds)):
        time.sleep(PAUSE_S)
        found.setdefault(name, []).append(timed(way))
