"""Every script has a bound on what it touches: in a session three times as large no call does more than before."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import pytest
import redis

from bots_app import catch_up
from bots_app.check import check
from bots_app.deriving import build
from bots_app.filling import fill_table
from bots_app.follow import Follower
from bots_app.indexer import SessionIndexer
from bots_app.performance import PerformanceRegistry
from bots_app.query import RunQuery
from bots_app.rebuild import rebuild
from bots_app.reconcile import Outcome, Reconciler
from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.store import trash
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.store.scripts import FOLDER, script
from sessions_app.discovery import list_session
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry
from tests.contract.model import run, write_foreign
from tests.integration.following import Foreign
from tests.integration.monitored import WHOLE, Call, monitored

FEW, MANY = 1_500, 4_500
#: Steps of looking for a place in a sorted set: one more for every doubling, in each of the sources of a list; and what
#: a step of a scan finds beyond what it is asked for, while the server moves a set to a larger table.
MORE = 60 + 6 * 30
#: Keys of a bounded size, which may be taken as a whole: figures of each status, who does some work, deletions kept,
#: names of columns, the tail of a table.
SMALL_KEYS = re.compile(
    r":index:(\w+:)*stats$|:builder$|:follower$|:table:\w+:(columns|tail)$|^bot_registry:sessions:gone$"
)
#: Where scripts take such keys by other words than HGETALL and HKEYS; what is compared before it goes is one record,
#: the trades of one run, the summary or the events, never an index.
SMALL = {
    "hold_lease.lua: DEL KEYS[1]",
    "read_session_changes.lua: ZRANGEBYSCORE KEYS[2], '(' .. ARGV[2], '+inf'",
    "unlink_same.lua: DUMP KEYS[1]",
    "table_shapes.lua: SMEMBERS sweep.key .. 'columns'",
    "read_table.lua: SMEMBERS prefix .. 'columns'",
    "shadow_table.lua: SMEMBERS key .. 'columns'",
    # No more than write_run.lua puts there: 32 runs, and some 3,000 values.
    "table_tail.lua: HGETALL sweep.key .. 'tail'",
    "table_tail.lua: DEL sweep.key .. 'tail'",
    "tail_since.lua: HGETALL prefix .. 'tail'",
    # At most 2,000 are kept, and these were counted before.
    "changed_rows.lua: ZRANGEBYSCORE key, since, '+inf'",
    # An entry for 4,080 runs.
    "read_table.lua: ZRANGEBYSCORE prefix .. 'changes', since, '+inf', 'WITHSCORES'",
    "read_table.lua: ZRANGEBYSCORE prefix .. 'moved', since, '+inf'",
}
#: Scripts of the command that gives a session's keys other names, which has tests of its own.
OF_MOVING = {"rename_keys", "unlink_same"}
STATUSES = ("completed", "completed", "failed", "running")
THEIRS = "ETH:1h:1700000000000:1703600000000"
registry = BotRegistry()


def write_runs(sid: SessionId, count: int) -> None:
    chance = random.Random(count)
    registry.put_many(
        sid,
        [
            RunWrite.parse(run(f"run-{n:05}", float(n % 900) if n % 10 else None, chance.choice(STATUSES), updated=n))
            for n in range(count)
        ],
    )


def read_lists(sid: SessionId) -> None:
    for query in (
        RunQuery(),
        RunQuery(("completed", "failed"), ordering="profit"),
        RunQuery(min_profit=5.0, max_profit=700.0),
        RunQuery(("running",), ordering="lastUpdated"),
        RunQuery(min_profit=100.0, ordering="-lastUpdated"),
        RunQuery(min_profit=5.0, max_profit=6.0, ordering="lastUpdated"),
    ):
        page = registry.page(sid, query, limit=500)
        for _ in range(2):
            if page.next_cursor:
                page = registry.page(sid, query, cursor=page.next_cursor, limit=500)
        registry.count(sid, query)
        PerformanceRegistry().aggregate(sid, query)
    registry.rank(sid, "run-00007")
    registry.neighbours(sid, "run-00007")
    registry.status_counts(sid)
    SessionRegistry().all()
    SessionRegistry().get(sid)


def write_all_ways(sid: SessionId) -> None:
    write_runs(sid, 600)
    registry.put_many(sid, [RunWrite.parse(run(f"run-{n:05}", 1.0, "failed")) for n in range(600)])
    for number in range(3):
        registry.put(sid, RunWrite.parse(run(f"run-{number:05}", 2.0, "failed")))
    registry.annotate(sid, "run-00001", notes="n")
    registry.delete(sid, "run-00002")
    SessionRegistry().annotate(sid, notes="n")


def mend(sid: SessionId) -> None:
    keys = SessionKeys(str(sid))
    rebuild(sid)
    check(sid)
    list(SessionIndexer(sid).recount())
    fill_table(sid)  # as where a rebuild cannot be told of changes
    client().hdel(keys.index("stats"), "swept")
    build(sid)
    write_foreign(THEIRS, [run("theirs", 1.0)])
    list_session(THEIRS)
    script("end_build")([keys.index("stats"), keys.index("dirty")], ["nobody"])


def follow(sid: SessionId) -> None:
    foreign = Foreign(str(sid))
    for number in range(300):
        foreign.write(f"run-{number:05}", 3.0)
    Reconciler().reconcile({str(sid): [f"run-{number:05}" for number in range(300)]}, Outcome())
    catch_up.look_at([str(sid)])
    follower = Follower(lambda line: None)
    for _ in range(10):
        follower.turn()
    follower.hearing.leave()


def make_indexes_of_others(sid: SessionId) -> None:
    """Have the indexes made that a session of another program's lacks."""
    keys = SessionKeys(str(sid))
    for name in client().scan_iter(match=keys.pattern(keys.index("")), count=1000):
        client().unlink(name)
    write_foreign(str(sid), [run("theirs", 1.0)])
    registry.page(sid, RunQuery())
    while registry.page(sid, RunQuery()).stale:
        rebuild(sid)


def remove(sid: SessionId) -> None:
    client().sadd(SessionKeys(str(sid)).status("of nobody"), "run-1")
    SessionRegistry().delete(sid)
    catch_up.forget(sid, with_summary=True)


WORK: tuple[Callable[[SessionId], None], ...] = (
    read_lists, write_all_ways, mend, follow, make_indexes_of_others, remove,
)  # fmt: skip


@pytest.mark.slow
def test_no_call_of_a_script_touches_more_in_a_larger_session(
    real_store: redis.Redis, redis_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = redis_server.removeprefix("unix://").partition("?")[0]
    monkeypatch.setattr(trash, "can_free_beside", lambda: False)  # as of a server which has to do it by scripts
    most: list[dict[str, int]] = []
    for size in (FEW, MANY):
        sid = SessionId.parse(f"BTC:1h:{size}:1703600000000")
        with monitored(path) as calls:
            write_runs(sid, size)
            for work in WORK:
                work(sid)
        real_store.flushall()
        untried = {path.stem for path in FOLDER.glob("*.lua")} - calls.keys() - OF_MOVING
        assert not untried, "every script has to be tried here"
        assert whole_keys(calls) == {}
        most.append({name: max(call.touched for call in found) for name, found in calls.items()})
    assert "of no script of ours" not in calls
    small, large = most
    grown = {name: (small[name], large[name]) for name in small if large[name] > small[name] * 1.2 + MORE}
    assert not grown, f"touched in a session of {FEW:,} and of {MANY:,} runs: {grown}"


def whole_keys(calls: dict[str, list[Call]]) -> dict[str, set[str]]:
    """Return the keys that scripts took as a whole and that can be large."""
    found = {
        name: {key for call in some for key in call.whole if not SMALL_KEYS.search(key)} for name, some in calls.items()
    }
    return {name: keys for name, keys in found.items() if keys}


def test_no_script_can_take_a_whole_key_but_a_small_one() -> None:
    wrong = []
    for path in sorted(FOLDER.rglob("*.lua")):
        text = path.read_text()
        figures = {
            "stats",
            "keys.stats",
            *re.findall(r"^-- (KEYS\[\d\]) session:\{sid\}:index:stats$", text, re.MULTILINE),
        }
        for command, rest in re.findall(r"redis\.p?call\('(\w+)',?\s*([^)]*)", text):
            is_figures = command in ("HGETALL", "HKEYS") and rest in figures
            said = f"{path.name}: {command} {rest}"
            if command in WHOLE and not is_figures and "'LIMIT'" not in rest and said not in SMALL:
                wrong.append(said)
    assert wrong == []
