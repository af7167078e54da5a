"""A file is of one moment, whatever is written while its columns are put on the disk, one after another."""

from __future__ import annotations

import json
import random
import threading

from bots_app.exporting import Export, Wanted
from bots_app.query import RunQuery
from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.store.keys import SEGMENT_ROWS
from sessions_app.records import SessionId

SID = SessionId.parse("BTC:1h:1700000000000:1703600000000")
#: So that columns have several segments; each run begins with this much in each of its fields.
RUNS, SHARE = 2 * SEGMENT_ROWS + 100, 1000
FIELDS = ("config.a", "config.b", "config.c", "config.text")
FILES = 8


def run(number: int, share: int) -> RunWrite:
    """Return a run of which every field says the same."""
    configuration = {"a": share, "b": -share, "c": share / 2, "text": "high" if share > SHARE else "low"}
    return RunWrite.parse({"configHash": f"run-{number:05}", "status": "completed", "configuration": configuration})


def pass_on(shares: list[int], is_over: threading.Event) -> None:
    """Pass something on from one run to another in one write, so that the sum over all of them stays."""
    chance = random.Random(1)
    while not is_over.is_set():
        giver, taker = chance.sample(range(RUNS), 2)
        shares[giver], shares[taker] = shares[giver] - 10, shares[taker] + 10
        BotRegistry().put_many(SID, [run(giver, shares[giver]), run(taker, shares[taker])])


def test_every_file_is_of_one_moment(real_store) -> None:
    shares, is_over, seen = [SHARE] * RUNS, threading.Event(), set()
    BotRegistry().put_many(SID, (run(number, SHARE) for number in range(RUNS)))
    writer = threading.Thread(target=pass_on, args=(shares, is_over))
    writer.start()
    try:
        for number in range(FILES):
            query = RunQuery(ordering="-config.a" if number % 2 else "config.text,config.b")
            content = b"".join(Export(SID, query, Wanted("ndjson", FIELDS), facts={}))
            rows = [json.loads(line) for line in content.splitlines()]
            held = [row["config.a"] for row in rows]
            assert len({row["configHash"] for row in rows}) == len(rows) == RUNS
            assert sum(held) == RUNS * SHARE
            assert [row["config.b"] for row in rows] == [-one for one in held]
            assert [2 * row["config.c"] for row in rows] == held
            assert [row["config.text"] == "high" for row in rows] == [one > SHARE for one in held]
            keys = [row["config.a"] if number % 2 else -ord(row["config.text"][0]) for row in rows]
            assert keys == sorted(keys, reverse=True)
            seen.add(tuple(held))
    finally:
        is_over.set()
        writer.join()
    # Two files may hold the same: the writer gets a processor now and then, or has undone what it did.
    assert len(seen) > FILES // 2, "next to nothing was written meanwhile"
