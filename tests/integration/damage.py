"""Every way in which a session's keys can come to differ from its records, and what a check says of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from sessions_app.records import SessionId
from tests.contract.model import SID, Model, Record, run

KEY = f"session:{SID}:"
SUMMARY = f"bot_registry:session_current:{SID}"


def records() -> list[Record]:
    """Return runs of several statuses, profits and times, some without either."""
    profits = [5.0, None, -2.5, 1e15, 5.0, 0.1, None, -0.0, 1e200, 7.0]
    statuses = ["completed", "failed", "completed", "running", "odd:profit"]
    return [
        run(f"run-{place}", profit, statuses[place % 5], updated=1_700_000_000_000 + place % 3)
        for place, profit in enumerate(profits * 2)
    ]


def set_stat(field: str, value: Any) -> Callable[[Any], object]:
    return lambda store: store.hset(f"{KEY}index:stats", field, value)


def another_type(name: str) -> Callable[[Any], object]:
    def change(store: Any) -> None:
        store.delete(f"{KEY}{name}")
        store.set(f"{KEY}{name}", "text")

    return change


def wrong_summary(store: Any) -> None:
    summary = json.loads(store.get(SUMMARY))
    store.set(SUMMARY, json.dumps(summary | {"runCount": 3, "bestProfit": 1.0, "their": 1.5}))


def in_table(change: Callable[[Any, str], object]) -> Callable[[Any], object]:
    """Return what does something to the sweep table in use, whose prefix `change` is given."""
    return lambda store: change(store, f"{KEY}table:{store.hget(f'{KEY}index:stats', 'table').decode()}:")


def two_rows(store: Any, table: str) -> None:
    """Have a run lose its place, and be given another row when it is written again."""
    store.hdel(f"{table}places", "run-3")
    for record in (records()[3] | {"status": "paused"}, records()[3]):
        BotRegistry().put(SessionId.parse(SID), RunWrite.parse(record))


#: What was done, and the beginning of a kind of drift that must be told.
DAMAGES: dict[str, tuple[Callable[[Any], object], str]] = {
    "table: lost": (in_table(lambda store, table: store.hdel(f"{table}places", "run-3")), "table: a run is missing"),
    "table: ghost": (
        in_table(lambda store, table: store.hset(f"{table}places", "ghost", "7 x")), "table: a run that does not exist",
    ),
    "table: wrong": (
        in_table(lambda store, table: store.setrange(f"{table}values:0:profit", 16, b"12345678")),
        "table: a wrong value",
    ),
    "table: column gone": (
        in_table(lambda store, table: store.delete(f"{table}values:0:status")), "table: a wrong value",
    ),
    "table: two rows": (in_table(lambda store, table: two_rows(store, table)), "table: a run has two rows"),
    "table: place lost": (
        in_table(lambda store, table: store.hdel(f"{table}places", "run-3")), "table: a row without a place",
    ),
    "table: place beyond": (
        in_table(lambda store, table: store.hset(f"{table}places", "run-3", "99 x")),
        "table: a place that names no row",
    ),
    "table: place no place": (
        in_table(lambda store, table: store.hset(f"{table}places", "run-3", "three")),
        "table: a place that names no row",
    ),
    "table: place of another": (
        in_table(lambda store, table: store.hset(f"{table}places", "run-3", "4 x")),
        "table: a place at a row that is not the run's",
    ),
    "table: row emptied": (
        in_table(lambda store, table: store.setrange(f"{table}hashes:0", 32, bytes(16))),
        "table: a place at a row that is not the run's",
    ),
    "table: empty, not free": (
        in_table(lambda store, table: store.setrange(f"{table}hashes:0", 32, bytes(16))),
        "table: an empty row that is not free",
    ),
    "table: free, not empty": (
        in_table(lambda store, table: store.sadd(f"{table}free", "3 x")), "table: a free row that is taken",
    ),
    "table: free, never given": (
        in_table(lambda store, table: store.sadd(f"{table}free", "20 x")),
        "table: a free row that was never given out",
    ),
    "table: free twice": (
        in_table(lambda store, table: store.sadd(f"{table}free", "3 x", "3 y")), "table: a row that is free twice",
    ),
    "table: shape of another": (
        in_table(lambda store, table: store.hset(f"{table}places", "run-3", "3 0123456789ab")),
        "table: a wrong shape",
    ),
    "table: shapes gone": (in_table(lambda store, table: store.delete(f"{table}shapes")), "table: a wrong shape"),
    "table: no column": (
        in_table(lambda store, table: store.srem(f"{table}columns", "config.fast")), "table: a field without a column",
    ),
    "table: hashes another type": (
        in_table(lambda store, table: (store.delete(f"{table}hashes:0"), store.rpush(f"{table}hashes:0", "x"))),
        "table: a place at a row that is not the run's",
    ),
    "bots: lost": (lambda store: store.srem(f"{KEY}bots", "run-3"), "bots: a run is missing"),
    "bots: ghost": (lambda store: store.sadd(f"{KEY}bots", "ghost"), "bots: an entry without a record"),
    "bots: gone": (lambda store: store.delete(f"{KEY}bots"), "bots: a run is missing"),
    "status: lost": (lambda store: store.srem(f"{KEY}bots:status:failed", "run-1"), "status failed: a run is missing"),
    "status: moved": (
        lambda store: store.smove(f"{KEY}bots:status:failed", f"{KEY}bots:status:running", "run-1"),
        "status running: an entry of another status",
    ),
    "status: ghost": (
        lambda store: store.sadd(f"{KEY}bots:status:completed", "ghost"), "status completed: an entry without a record",
    ),
    "status: unheard of": (
        lambda store: store.sadd(f"{KEY}bots:status:theirs", "run-1"), "status theirs: an entry of another status",
    ),
    "status: gone": (lambda store: store.delete(f"{KEY}bots:status:odd:profit"), "status odd:profit: a run is missing"),
    "profit: lost": (lambda store: store.zrem(f"{KEY}bots:profit", "run-0"), "profit: a run is missing"),
    "profit: wrong": (lambda store: store.zadd(f"{KEY}bots:profit", {"run-0": 4.0}), "profit: a wrong score"),
    "profit: ghost": (lambda store: store.zadd(f"{KEY}bots:profit", {"ghost": 9}), "profit: an entry without a record"),
    "profit: not one": (
        lambda store: store.zadd(f"{KEY}bots:profit", {"run-1": 9}), "profit: an entry that should not be there",
    ),
    "profit: gone": (lambda store: store.delete(f"{KEY}bots:profit"), "profit: a run is missing"),
    "rows: lost": (lambda store: store.hdel(f"{KEY}index:rows", "run-0"), "rows: a run is missing"),
    "rows: ghost": (lambda store: store.hset(f"{KEY}index:rows", "ghost", '{"status":"failed"}'), "rows: an entry"),
    "rows: old": (
        lambda store: store.hset(f"{KEY}index:rows", "run-0", '{"configHash":"run-0","status":"failed"}'),
        "rows: a row is out of date",
    ),
    "rows: garbled": (lambda store: store.hset(f"{KEY}index:rows", "run-0", "no JSON"), "rows: a row is out of date"),
    "rows: gone": (lambda store: store.delete(f"{KEY}index:rows"), "rows: a run is missing"),
    "stats: gone": (lambda store: store.delete(f"{KEY}index:stats"), "derived keys: not built yet"),
    "stats: old": (set_stat("built", 1), "derived keys: not built yet"),
    "stats: count": (set_stat("n:completed", 99), "figures: a wrong count"),
    "stats: low count": (set_stat("n:completed", 1), "figures: a wrong count"),
    "stats: sum": (set_stat("sum:completed", "1.5"), "figures: a wrong sum"),
    "stats: squares": (set_stat("sq:completed", "1.5"), "figures: a wrong sum of squares"),
    "stats: wide": (set_stat("wide:completed", 7), "figures: a wrong count of huge profits"),
    "stats: no such status": (set_stat("n:theirs", 2), "figures: a wrong count"),
    "stats: lost": (lambda store: store.hdel(f"{KEY}index:stats", "n:completed"), "figures: a wrong count"),
    "summary: gone": (lambda store: store.delete(SUMMARY), "summary: missing"),
    "summary: wrong": (wrong_summary, "summary: a wrong runCount"),
    "summary: garbled": (lambda store: store.set(SUMMARY, "no JSON"), "summary: unreadable"),
    "summary: empty": (lambda store: store.set(SUMMARY, ""), "summary: unreadable"),
    "summary: another type": (
        lambda store: (store.delete(SUMMARY), store.rpush(SUMMARY, "x")), "summary: unreadable",
    ),
    "list": (lambda store: store.zrem("bot_registry:sessions", SID), "list of sessions: the session is missing"),
}  # fmt: skip
for _name, _label in (
    ("bots", "bots"), ("bots:profit", "profit"), ("bots:status:failed", "status failed"), ("index:rows", "rows"),
    ("index:stats", "figures"), ("index:updated", "index of unusual statuses by time"),
    ("index:status:running:updated", "index of running by time"),
    ("index:status:failed:profit", "index of failed by profit"),
):  # fmt: skip
    DAMAGES[f"{_name}: another type"] = another_type(_name), f"{_label}: another type of key"
for _set, _label, _member in (
    ("index:unranked", "index unranked", "run-1"),
    ("index:updated", "index of unusual statuses by time", "run-4"),
    ("index:status:failed:unranked", "index of failed unranked", "run-1"),
    ("index:status:completed:profit", "index of completed by profit", "run-0"),
    ("index:status:completed:updated", "index of completed by time", "run-0"),
):
    DAMAGES[f"{_set}: lost"] = (
        lambda store, name=_set, member=_member: store.zrem(f"{KEY}{name}", member),
        f"{_label}: a run is missing",
    )
    DAMAGES[f"{_set}: ghost"] = (
        lambda store, name=_set: store.zadd(f"{KEY}{name}", {"ghost": 0}),
        f"{_label}: an entry without a record",
    )
    DAMAGES[f"{_set}: wrong"] = (
        lambda store, name=_set, member=_member: store.zadd(f"{KEY}{name}", {member: 3.25}),
        f"{_label}: a wrong score",
    )
    DAMAGES[f"{_set}: gone"] = (
        lambda store, name=_set: store.delete(f"{KEY}{name}"),
        f"{_label}: a run is missing",
    )
for _set, _label in (
    ("index:undated", "index of unusual statuses undated"),
    ("index:updated", "index of unusual statuses by time"),
    ("index:status:completed:undated", "index of completed undated"),
):
    DAMAGES[f"{_set}: not one"] = (
        lambda store, name=_set: store.zadd(f"{KEY}{name}", {"run-0": 0}),
        f"{_label}: an entry that should not be there",
    )


def model() -> Model:
    return Model(records())
