"""Writing runs through BotRegistry, over SETs of the same records and nothing else."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from bots_app.registry import BotRegistry
from bots_app.synthetic import records
from bots_app.writing import RunWrite
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.store.shared import chunked
from sessions_app.records import SessionId
from tests.bench.data import session, with_profit
from tests.bench.plain_commands import recorded, send
from tests.bench.raw import RawConnection
from tests.bench.report import Report, at_least, at_most
from tests.bench.timing import Samples, Way, interleave, timed

#: SETs of one pipeline.
PIPELINE = 500
#: Runs of one round.
STEP = 2_000
#: The product's own goal for batches, in runs a second.
LEAST_PER_SECOND = 8_000


def set_records(prefix: str, writes: Sequence[RunWrite]) -> None:
    """Store the records, with nothing to find them by."""
    for chunk in chunked(writes, PIPELINE):
        pipe = client().pipeline()
        for write in chunk:
            pipe.set(f"{prefix}{write.record.configHash}", write.text)
        pipe.execute()


def measure(report: Report, *, runs: int, loaded: int, load_seconds: float, rounds: int) -> None:
    """Measure batches and single writes; `runs` are written in steps, each way in each step."""
    report.begin("Written in batches (put_many)")
    report.value(
        f"first {loaded:,} runs of a session, checked and written", loaded / load_seconds, "/s",
        goal=at_least(LEAST_PER_SECOND),
    )  # fmt: skip
    step = max(1, min(STEP, runs // 2))
    found = batches(session("WRITE"), session("PARSE"), runs, step)
    floor: dict[str, Any] = {"things": step, "against": "pipelined SET", "reference": found["set"]}
    absolute = at_least(LEAST_PER_SECOND)
    report.value("new, checked and written", found["new, checked"].rate(step), "/s", goal=absolute)
    report.value("changed, checked and written", found["changed, checked"].rate(step), "/s", goal=absolute)
    for name, goal in (("new", at_least(0.4)), ("changed", at_least(0.65)), ("the same", None)):
        report.rates(f"{name}, written", found[name], **floor, goal=goal)
    report.rates("checked alone (RunWrite.parse)", found["parse"], **floor)
    for name, samples in commands_alone(session("RECORD"), session("REPLAY"), runs, step).items():
        report.rate(
            f"{name}: its commands alone", samples.rate(step), against="pipelined SET",
            reference=found["set"].rate(step),
        )  # fmt: skip
    singles(report, session("SINGLE"), rounds)


def batches(sid: SessionId, checked_sid: SessionId, runs: int, step: int) -> dict[str, Samples]:
    """Return the seconds of each way for each step of runs."""
    registry = BotRegistry()
    found: dict[str, list[float]] = {}
    for number, texts in enumerate(chunked(records(sid, runs), step)):
        if len(texts) < step:
            break
        writes = [RunWrite.parse(text) for text in texts]
        other_texts = [with_profit(text, f"{number}.5") for text in texts]
        others = [RunWrite.parse(text) for text in other_texts]
        ways: dict[str, Way] = {
            "set": lambda writes=writes: set_records("bench:set:", writes),
            "new": lambda writes=writes: registry.put_many(sid, writes),
            "the same": lambda writes=writes: registry.put_many(sid, writes),
            "changed": lambda others=others: registry.put_many(sid, others),
            "parse": lambda texts=texts: [RunWrite.parse(text) for text in texts],
            "new, checked": lambda texts=texts: registry.put_many(checked_sid, map(RunWrite.parse, texts)),
            "changed, checked": lambda texts=other_texts: registry.put_many(checked_sid, map(RunWrite.parse, texts)),
        }
        for name, way in ways.items():
            found.setdefault(name, []).append(timed(way))
    return {name: Samples(seconds) for name, seconds in found.items()}


def commands_alone(sid: SessionId, other: SessionId, runs: int, step: int) -> dict[str, Samples]:
    """Return the seconds of each step's commands without their script: recorded of one session, sent for the other."""
    registry, raw, instead = (
        BotRegistry(),
        RawConnection(os.environ["REDIS_URL"]),
        (str(sid).encode(), str(other).encode()),
    )
    found: dict[str, list[float]] = {}
    for number, texts in enumerate(chunked(records(sid, runs), step)):
        for name, some in (("new", texts), ("changed", [with_profit(text, f"{number}.5") for text in texts])):
            writes = [RunWrite.parse(text) for text in some]
            trips = recorded(lambda writes=writes: registry.put_many(sid, writes), instead=instead)
            found.setdefault(name, []).append(timed(lambda trips=trips: send(raw, trips)))
    keys, others = SessionKeys(str(sid)), SessionKeys(str(other))
    if client().zrange(keys.profit, 0, -1, withscores=True) != client().zrange(others.profit, 0, -1, withscores=True):
        raise AssertionError("the commands alone did not do what their script did")
    return {name: Samples(seconds) for name, seconds in found.items()}


def singles(report: Report, sid: SessionId, rounds: int) -> None:
    """Measure runs written one by one."""
    report.begin("Written one by one (put)")
    registry = BotRegistry()
    made = [RunWrite.parse(text) for text in records(sid, rounds * 2 + 100)]
    changed = [RunWrite.parse(with_profit(write.text, "1.5")) for write in made]
    new, known, bare = iter(made), iter(changed), iter(made)

    def set_one() -> None:
        write = next(bare)
        client().set(f"bench:one:{write.record.configHash}", write.text)

    ways: dict[str, Way] = {
        "set": set_one,
        "new": lambda: registry.put(sid, next(new)),
        "changed": lambda: registry.put(sid, next(known)),
    }
    # A run is known once `new` has written it, which the turning order of ways could otherwise miss by one.
    registry.put_many(sid, [next(new) for _ in range(50)])
    found = interleave(ways, rounds=rounds)
    for name in ("new", "changed"):
        report.compare(f"{name}, written", found[name], against="one SET", reference=found["set"], goal=at_most(1.7))
