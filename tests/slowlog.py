"""What a server says took it long: no command of the product may hold it for more than 20 ms.

A server measures by the clock on the wall, so that on a busy machine it blames a command for what others did. How long
it had to wait for a core is told by the system: that much of the very seconds is taken off what it says.
"""

from __future__ import annotations

import multiprocessing
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import redis

from dashboard.store.scripts import FOLDER, script

#: Microseconds that a command may take.
LIMIT_US = 20_000
#: Entries that the server keeps.
KEPT = 2048
#: What only tests send: emptying a server, looking at everything in it, settings.
OF_TESTS = {
    "FLUSHALL",
    "FLUSHDB",
    "CONFIG",
    "DEBUG",
    "SAVE",
    "KEYS",
    "SMEMBERS",
    "DUMP",
    "RESTORE",
    "SCRIPT",
    "SLOWLOG",
}
#: Seconds between two looks at how long the server has waited for a core.
LOOK_EVERY_S = 0.02


def names() -> dict[bytes, str]:
    """Return the name of each script by its digest."""
    return {script(path.stem).sha.encode(): path.stem for path in FOLDER.glob("*.lua")}


def entries(client: redis.Redis, *, waited: Mapping[int, int] = MappingProxyType({})) -> list[str]:
    """Return the commands of the product that took the server longer than LIMIT_US, in words.

    `waited` are the microseconds that the server waited for a core in a second of the clock.
    """
    known, found = names(), []
    for entry in client.slowlog_get(KEPT):
        words = entry["command"].split(b" ")
        command = words[0].decode(errors="replace").upper()
        ended = entry["start_time"]
        took = entry["duration"] - sum(waited.get(second, 0) for second in (ended - 1, ended, ended + 1))
        if command in OF_TESTS or took < LIMIT_US:
            continue
        name = known.get(words[1], "") if len(words) > 1 else ""
        what = f"{command} {name}" if name else b" ".join(words[:3]).decode(errors="replace")[:120]
        found.append(f"{what}: {entry['duration'] / 1000:.1f} ms")
    return found


@contextmanager
def watched(client: redis.Redis) -> Iterator[list[str]]:
    """Have the server put down slow commands; when it is over, those of the product are there."""
    found: list[str] = []
    client.config_set("slowlog-max-len", KEPT)
    client.config_set("slowlog-log-slower-than", LIMIT_US)
    client.slowlog_reset()
    context = multiprocessing.get_context("spawn")
    waited, is_over = context.Queue(), context.Event()
    looker = context.Process(target=look, args=(client.info("server")["process_id"], waited, is_over), daemon=True)
    looker.start()
    try:
        yield found
    finally:
        is_over.set()
        found += entries(client, waited=waited.get(timeout=30))
        looker.join()


def look(process_id: int, waited: Any, is_over: Any) -> None:
    """Tell in the end how many microseconds a process has waited for a core in each second, where the system tells."""
    told = Path(f"/proc/{process_id}/schedstat")
    seconds: dict[int, int] = defaultdict(int)
    before: int | None = None
    while not is_over.wait(LOOK_EVERY_S):
        try:
            now = int(told.read_text().split()[1]) // 1000
        except OSError:
            continue
        seconds[int(time.time())] += now - (now if before is None else before)
        before = now
    waited.put(dict(seconds))
