"""How long any one command of the product holds Redis up, in everything that is done with a large session.

The server's slow log goes by the clock on the wall: a command that had to wait for a core looks long. So the server is
favoured while this is measured, where this process may do that (Linux, as root); elsewhere the figures mean something
on an idle machine only. What the machine keeps from a server no clock of its own tells: see `machine_pauses`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from dashboard.store.client import client
from dashboard.store.scripts import FOLDER, script
from sessions_app.records import SessionId
from tests.bench.longest_stages import stages
from tests.bench.machine_pauses import PART, PLACES, pauses, slow_memory
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
#: Seconds of reading memory for a million runs.
READING_S = 20.0
#: Bytes touched a run, of texts of TEXT bytes, so many in one go.
TOUCHED, TEXT, PIPELINE = 7_000, 1 << 16, 100
#: Ms from which on a pause of the machine is told beside a command of the same second.
TOLD_MS = 3.0


class Found(NamedTuple):
    """The longest command of a kind: ms, the second of the clock when it began, the stage."""

    milliseconds: float
    second: int
    stage: str = ""


def measure(report: Report, sid: SessionId, runs: int, *, is_warm: bool = False) -> None:
    """Measure everything there is to do with a session of so many synthetic runs; the store is empty to begin with.

    `is_warm` has the server touch its memory first, which it then keeps.
    """
    report.begin(
        "Longest single command of Redis, by kind" + (", in memory that was touched before" if is_warm else "")
    )
    client().flushall()
    if is_warm:
        touch_memory(runs)
    longest: dict[str, Found] = {}
    with favoured(), pauses() as late:
        for stage, do in stages(sid, runs).items():
            start_slowlog()
            do()
            for name, found in slowest().items():
                longest[name] = max(longest.get(name, found), found._replace(stage=stage))
    touched, read = slow_memory(READING_S * runs / 1e6)
    report.value(f"the machine alone: {PART >> 20} MiB touched first", touched, "ms")
    report.value(f"the machine alone: {PLACES:,} reads of memory", read, "ms")
    if late:
        report.value("the machine beside all of it: woken late by", max(late.values()), "ms")
    told = sorted(longest.items(), key=lambda item: item[1], reverse=True)
    for name, found in told[:MOST_TOLD]:
        report.value(f"{name} ({described(found, late)})", found.milliseconds, "ms", goal=at_most(LONGEST_MS))
    rest = told[MOST_TOLD:]
    report.value(
        "every other command (each stage)", rest[0][1].milliseconds if rest else NOTED_US / 1e3, "ms",
        goal=at_most(LONGEST_MS),
    )  # fmt: skip


def touch_memory(runs: int) -> None:
    """Have the server take as much memory as so many runs ever need, and empty the store.

    It keeps the memory if it was started with KEEP_MEMORY in its environment.
    """
    for first in range(0, runs * TOUCHED // TEXT, PIPELINE):
        pipe = client().pipeline()
        for number in range(first, first + PIPELINE):
            pipe.setrange(f"touched:{number}", TEXT - 1, "x")
        pipe.execute()
    client().flushall(asynchronous=False)


def described(found: Found, late: dict[int, float]) -> str:
    """Return the stage, and the longest pause of the machine about then."""
    pause = max(late.get(found.second + after, 0.0) for after in (-1, 0, 1))
    return f"{found.stage}; the machine paused for {pause:.0f} ms" if pause > TOLD_MS else found.stage


@contextmanager
def favoured() -> Iterator[None]:
    """Have the server go before all others for a while, where that is allowed.

    By the niceness of its terminal session, which has to be its own. Real-time scheduling would not do: the kernel
    stops whoever uses a core for more than 95 % of a second, and a server in a load does.
    """
    pid = client().info("server")["process_id"]
    group = Path(f"/proc/{pid}/autogroup")
    try:
        if os.getsid(pid) != pid:
            raise PermissionError
        group.write_text("-20")
    except (FileNotFoundError, PermissionError):
        yield
        return
    yield
    group.write_text("0")


def start_slowlog() -> None:
    """Have the server write down every command of some length from now on."""
    client().config_set("slowlog-log-slower-than", NOTED_US)
    client().slowlog_reset()


def slowest() -> dict[str, Found]:
    """Return the longest of each kind of command since `start_slowlog`; a script is told by its name."""
    scripts = [script(path.stem) for path in FOLDER.glob("*.lua")]
    names = {one.sha: one.name for one in scripts} | {one.text[:TOLD_BY]: one.name for one in scripts}
    found: dict[str, Found] = {}
    for entry in client().slowlog_get(100_000):
        command, _, rest = entry["command"].decode(errors="replace").partition(" ")
        name = names.get(rest.partition(" ")[0]) or names.get(rest[:TOLD_BY]) or command
        if name not in OURS:
            one = Found(entry["duration"] / 1e3, entry["start_time"])
            found[name] = max(found.get(name, one), one)
    return found
