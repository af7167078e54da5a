"""`python -m tests.bench.sweep.writer SID PER_SECOND FILE`: writes random runs of a session anew until it is ended.

A process of its own, as writers are. It ends with the benchmark, and by itself after MOST_S seconds.
"""

from __future__ import annotations

import random
import re
import signal
import sys
import time
from itertools import count
from pathlib import Path

from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.tolerant import from_bytes
from sessions_app.records import SessionId

#: Seconds after which it ends, whoever has forgotten it.
MOST_S = 300.0
#: Runs that are written, one after another and again from the first, chosen at random, some at a time.
CHOSEN, TOGETHER = 4_000, 100
#: What is changed of a run: what it is ordered by, what it is filtered by, and the profit.
_CHANGED = re.compile(rb'"(totalProfit|sharpeRatio|calmarRatio)":[^,}]+')


def chosen(sid: SessionId) -> list[bytes]:
    """Return the records of runs of a session, at random."""
    keys, found = SessionKeys(str(sid)), []
    for _ in range(CHOSEN // TOGETHER):
        members = client().srandmember(keys.bots, TOGETHER)
        found += client().mget([keys.run(from_bytes(member)) for member in members])
    random.shuffle(found)
    return found


def changed(text: bytes) -> bytes:
    """Return a record with other figures."""
    return _CHANGED.sub(lambda match: b'"%b":%.6f' % (match[1], random.gauss(0.4, 1.1)), text)


def write_steadily(sid: SessionId, per_second: float, begun: Path) -> None:
    """Write at a steady rate."""
    from bots_app.registry import BotRegistry
    from bots_app.writing import RunWrite

    registry, texts = BotRegistry(), chosen(sid)
    start = time.monotonic()
    for number in count():
        due = start + number / per_second
        if due > start + MOST_S:
            return
        time.sleep(max(0.0, due - time.monotonic()))
        registry.put(sid, RunWrite.parse(changed(texts[number % len(texts)])))
        if not number:
            begun.touch()


def main() -> None:
    """Write until SIGTERM."""
    import django

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    django.setup()
    write_steadily(SessionId.parse(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]))


if __name__ == "__main__":
    main()
