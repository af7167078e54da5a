"""How long any one command of the product holds Redis up, in everything that is done with a large session.

The server's slow log goes by the clock on the wall: a command that had to wait for a core looks long. So the server is
favoured while this is measured, where this process may do that (Linux, as root); elsewhere the figures mean something
on an idle machine only. What a virtual machine keeps from a server no clock of its own tells: so a process that does
nothing but read memory is favoured and timed as well.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from dashboard.store.client import client
from dashboard.store.scripts import FOLDER, script
from sessions_app.records import SessionId
from tests.bench.longest_stages import stages
from tests.bench.report import Report, at_most

#: Commands that take this long, in microseconds, are written down by the server: so long that it writes down few. It
#: frees them when a stage begins, and the next command would wait until the memory of a million words is gathered up.
NOTED_US = 10_000
#: Commands that only the benchmark makes.
OURS = ("SLOWLOG", "CONFIG", "INFO", "SCRIPT", "FLUSHALL")
#: The longest a command may hold up every other client, in ms.
LONGEST_MS = 20
#: Kinds of commands that get a line each, the longest ones.
MOST_TOLD = 12
#: Letters that a script sent whole is told by: the server writes down no more than the beginning of it.
TOLD_BY = 60
#: Niceness of the server.
FAVOURED = -15
#: Bytes that are read from, places read in one go (some tenths of a millisecond), and seconds of it a million runs.
READ_FROM, PLACES, READING_S = 1 << 30, 5_000, 20.0


def measure(report: Report, sid: SessionId, runs: int) -> None:
    """Measure everything there is to do with a session of so many synthetic runs; the store is empty to begin with."""
    report.begin("Longest single command of Redis, by kind")
    client().flushall()
    longest: dict[str, tuple[float, str]] = {}
    with favoured():
        for stage, do in stages(sid, runs).items():
            start_slowlog()
            do()
            for name, milliseconds in slowest().items():
                longest[name] = max(longest.get(name, (0.0, "")), (milliseconds, stage))
    report.value(f"the machine alone: {PLACES:,} reads of memory", pause_of_machine(READING_S * runs / 1e6), "ms")
    told = [(name, *found) for name, found in sorted(longest.items(), key=lambda item: item[1], reverse=True)]
    others = told[MOST_TOLD:]
    told[MOST_TOLD:] = [("every other command", others[0][1] if others else NOTED_US / 1e3, "each stage")]
    for name, milliseconds, stage in told:
        report.value(f"{name} ({stage})", milliseconds, "ms", goal=at_most(LONGEST_MS))


def pause_of_machine(seconds: float) -> float:
    """Return the most ms that a favoured process took for PLACES reads of memory at random in so many seconds."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(read_memory, [seconds])


def read_memory(seconds: float) -> float:
    """Read for so long; return the most ms that it took in one go."""
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, FAVOURED)
    memory = np.ones(READ_FROM // 8)
    draw, longest, end = np.random.default_rng(1), 0.0, time.monotonic() + seconds
    while time.monotonic() < end:
        places = draw.integers(0, len(memory), PLACES)
        start = time.perf_counter()
        memory[places].sum()
        longest = max(longest, time.perf_counter() - start)
    return longest * 1e3


@contextmanager
def favoured() -> Iterator[None]:
    """Have every thread of the server go before all others for a while, where that is allowed."""
    tasks = Path(f"/proc/{client().info('server')['process_id']}/task")
    try:
        threads = {int(task.name): os.getpriority(os.PRIO_PROCESS, int(task.name)) for task in tasks.iterdir()}
        for thread in threads:
            os.setpriority(os.PRIO_PROCESS, thread, FAVOURED)
    except (FileNotFoundError, PermissionError):
        yield
        return
    yield
    for thread, niceness in threads.items():
        os.setpriority(os.PRIO_PROCESS, thread, niceness)


def start_slowlog() -> None:
    """Have the server write down every command of some length from now on."""
    client().config_set("slowlog-log-slower-than", NOTED_US)
    client().slowlog_reset()


def slowest() -> dict[str, float]:
    """Return the ms of the longest of each kind of command since `start_slowlog`; a script is told by its name."""
    scripts = [script(path.stem) for path in FOLDER.glob("*.lua")]
    names = {one.sha: one.name for one in scripts} | {one.text[:TOLD_BY]: one.name for one in scripts}
    found: dict[str, float] = {}
    for entry in client().slowlog_get(100_000):
        command, _, rest = entry["command"].decode(errors="replace").partition(" ")
        name = names.get(rest.partition(" ")[0]) or names.get(rest[:TOLD_BY]) or command
        if name not in OURS:
            found[name] = max(found.get(name, 0.0), entry["duration"] / 1e3)
    return found
