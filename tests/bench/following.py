"""`follow_writes`: how long it takes until what another program wrote is in the indexes."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bots_app.synthetic import records
from bots_app.writing import RunWrite
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.store.lease import current_follower
from tests.bench.data import session
from tests.bench.environment import running
from tests.bench.report import Report, at_most
from tests.bench.timing import Samples

#: What the other program writes a second, in bursts of BURST, and how much in all.
PER_SECOND, BURST, MOST = 1_000, 10, 10_000
#: Seconds between two looks at what is in the indexes, which the figures are exact to.
LOOK_S = 0.02
#: Runs looked for at once.
LOOKED_FOR = 500
#: Seconds the follower has to look through all that was there before, and to file what is left in the end.
CATCH_UP_LIMIT_S, END_LIMIT_S = 900.0, 60.0
SID = session("FOREIGN")


def measure(report: Report, folder: Path, *, writes: int) -> None:
    """Measure the start beside everything that is there, then the lag behind a program that writes records alone."""
    report.begin(f"follow_writes, {PER_SECOND:,} foreign records a second")
    command = [sys.executable, "manage.py", "follow_writes", "--enable-notifications"]
    began = time.monotonic()
    try:
        with running(command, folder / "follow.log", is_up=lambda: current_follower() is not None) as process:
            while not ((facts := current_follower()) and facts.pid == process.pid and facts.isCaughtUp):
                if process.poll() is not None or time.monotonic() > began + CATCH_UP_LIMIT_S:
                    raise AssertionError(f"it does not catch up: {(folder / 'follow.log').read_text()[-2000:]}")
                time.sleep(LOOK_S)
            report.value("until it has looked through all that was there", time.monotonic() - began, "s")
            lags, rate = write_and_look(writes)
    finally:
        client().config_set("notify-keyspace-events", "")
    report.value("records written", rate, "/s")
    lag = Samples(lags)
    report.value("half of them indexed within", lag.p50 * 1e3, "ms")
    report.value("95 % within", lag.p95 * 1e3, "ms")
    report.value("all within", max(lags) * 1e3, "ms", goal=at_most(1000))


def write_and_look(writes: int) -> tuple[list[float], float]:
    """Write records at the given rate; return the seconds until each was in the list, and how many a second it were."""
    keys = SessionKeys(str(SID))
    made = bursts(writes)
    waiting: dict[str, float] = {}
    lags: list[float] = []
    start, looked, written, ended = time.monotonic(), 0.0, 0, 0.0
    while True:
        now = time.monotonic()
        if not ended and now >= start + written / PER_SECOND:
            if burst := next(made, None):
                pipe = client().pipeline(transaction=False)
                for write in burst:
                    pipe.set(keys.run(write.record.configHash), write.text)
                pipe.execute()
                waiting |= dict.fromkeys((write.record.configHash for write in burst), time.monotonic())
                written += len(burst)
            else:
                ended = now
        if now >= looked + LOOK_S:
            looked = now
            hashes = list(waiting)[:LOOKED_FOR]
            rows = client().hmget(keys.index("rows"), hashes) if hashes else []
            seen = time.monotonic()
            lags += [seen - waiting.pop(name) for name, row in zip(hashes, rows, strict=True) if row is not None]
        if ended and not waiting:
            return lags, written / (ended - start)
        if ended and now > ended + END_LIMIT_S:
            raise AssertionError(f"{len(waiting)} of {written} records were not indexed within {END_LIMIT_S:.0f} s")
        time.sleep(0.001)


def bursts(writes: int) -> Iterator[list[RunWrite]]:
    """Yield what is written at once."""
    made = [RunWrite.parse(text) for text in records(SID, writes)]
    return (made[start : start + BURST] for start in range(0, len(made), BURST))
