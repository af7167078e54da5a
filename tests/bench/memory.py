"""What a session takes in memory for each run, by the server's own account."""

from __future__ import annotations

import re
from collections import Counter
from statistics import mean

from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.store.shared import chunked
from dashboard.tolerant import from_bytes
from tests.bench.report import Report, at_most

#: Records whose size is asked for; the mean stands for all.
SAMPLE = 1_000
#: Bytes that a record takes in sweeps as they are met with; the synthetic ones are smaller.
USUAL_RECORD_B = 2_680
#: Of a usual record, what all indexes but the sweep table may take.
MOST_OF_A_RECORD = 0.3
#: Keys that are asked for at once.
TOGETHER = 500
TABLE = "table: "
#: What a key of the table is, by what comes behind its generation.
_TABLE_KINDS = {"values": "values, 8 bytes a column", "hashes": "hashes by row", "places": "rows by hash"}
_OF_TABLE = re.compile(r"table:[^:]+:([a-z]+)")


def kind_of(name: str) -> str:
    """Return what a key of a session is, by its name behind the session's: all statuses, all segments together."""
    if found := _OF_TABLE.match(name):
        return TABLE + _TABLE_KINDS.get(found[1], "the rest")
    if name.startswith("table:"):
        return f"{TABLE}the rest"
    if name == "events":
        return name
    kind = re.sub(r"status:[^:]+", "status:*", name)
    return f"fixed: {kind}" if kind.startswith("bots") else f"derived: {kind}"


def sizes_of(keys: SessionKeys) -> Counter[str]:
    """Return the bytes of each kind of a session's keys, records and summary apart."""
    sizes: Counter[str] = Counter()
    prefix = keys.prefix
    for names in chunked(map(from_bytes, client().scan_iter(match=keys.pattern(prefix), count=10_000)), TOGETHER):
        pipe = client().pipeline(transaction=False)
        for name in names:
            pipe.memory_usage(name, samples=0)
        for name, size in zip(names, pipe.execute(), strict=True):
            sizes[kind_of(name.removeprefix(prefix))] += size or 0
    return sizes


def measure(report: Report, keys: SessionKeys) -> None:
    """Measure what every kind of key takes for each run; the goal is on what is there beside the sweep table."""
    report.begin("Bytes a run")
    runs, record = client().scard(keys.bots), record_size(keys)
    report.value("the record itself", record, "B")
    sizes = sizes_of(keys)
    events = sizes.pop("events", 0)
    order = ("fixed", "derived", "table")
    for kind, size in sorted(sizes.items(), key=lambda item: (order.index(item[0].partition(":")[0]), item[0])):
        report.share(kind, size / runs, record, against="the record")
    fixed, indexes, table = (
        sum(size for kind, size in sizes.items() if kind.startswith(kinds)) / runs
        for kinds in ("fixed", ("fixed", "derived"), "table")
    )
    report.share("fixed indexes together", fixed, record, against="the record")
    told = "all indexes together, without the sweep table"
    report.share(told, indexes, record, against="the record")
    report.share(told, indexes, USUAL_RECORD_B, against="a usual record", goal=at_most(MOST_OF_A_RECORD))
    columns = columns_of(keys)
    report.share(f"the sweep table, {columns} columns", table, record, against="the record")
    report.share("all of it", indexes + table, record, against="the record")
    report.value("stream of events, capped, whole", events, "B")


def columns_of(keys: SessionKeys) -> int:
    """Return how many columns the sweep table of a session has."""
    generation = client().hget(keys.index("stats"), "table")
    return client().scard(keys.table(from_bytes(generation)).name("columns")) if generation else 0


def record_size(keys: SessionKeys) -> float:
    """Return the mean size of a record's key."""
    pipe = client().pipeline()
    for member in client().srandmember(keys.bots, SAMPLE):
        pipe.memory_usage(keys.run(from_bytes(member)))
    return mean(pipe.execute())
