"""Several processes that share the work on a session: what they make is what one makes, and none outlives its work."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from django.core.management import CommandError, call_command

from bots_app import check as checking
from bots_app import rebuild as rebuilding
from bots_app.check import check
from bots_app.helpers import Helper, HelperEnded, can_help
from bots_app.rebuild import RebuildResult, rebuild
from bots_app.registry import BotRegistry
from bots_app.synthetic import records as synthetic_records
from bots_app.table.kept_columns import MOST_COLUMNS, MOST_OMITTED, RESERVED
from bots_app.writing import RunWrite
from dashboard.errors import Unavailable
from dashboard.store import keys as store_keys
from dashboard.store.client import client
from dashboard.store.keys import SEGMENT_ROWS, SessionKeys
from sessions_app.records import SessionId
from tests.contents import contents_of
from tests.contract.model import SID, run, stored_figures
from tests.contract.table_model import expected_table, generation_of, same, stored_table
from tests.integration.test_rebuild_killed import begin, kill_after

sid = SessionId.parse(SID)
keys = SessionKeys(SID)
#: Enough for a whole segment of the table in each of two processes, and for parts of others.
RUNS = 2 * SEGMENT_ROWS + 900


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have helpers share the work on a session of any size."""
    monkeypatch.setattr(rebuilding, "LEAST_RUNS", 1)
    monkeypatch.setattr(checking, "LEAST_RUNS", 1)


@pytest.fixture
def many(real_store: redis.Redis, shared: None) -> redis.Redis:
    """A session of another program's, of which only the records are there."""
    store({f"run-{number}": text for number, text in enumerate(synthetic_records(sid, RUNS))})
    return real_store


def store(found: dict[str, bytes]) -> None:
    pipe = client().pipeline()
    pipe.mset({keys.run(name): text for name, text in found.items()})
    pipe.sadd(keys.bots, *found)
    pipe.execute()


def texts() -> dict[str, bytes]:
    names = [key.decode() for key in client().scan_iter(match=keys.pattern(keys.run_prefix), count=1_000)]
    return {name.removeprefix(keys.run_prefix): text for name, text in zip(names, client().mget(names), strict=True)}


def indexes() -> dict[bytes, object]:
    """Return every index but the sweep table, and the numbers of changes, which grow with each."""
    left_out = (keys.table_prefix, keys.index("stats"), keys.events, store_keys.SESSIONS)
    return {key: held for key, held in contents_of(client()).items() if not key.decode().startswith(left_out)}


def helpers_of(pid: int) -> list[int]:
    """Return the helpers that a process has started and that are still there."""
    children = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    return [child for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def test_what_several_processes_make_is_what_one_makes(many: redis.Redis) -> None:
    for number in range(5):
        many.set(keys.run(f"odd-{number}"), json.dumps(run(f"odd-{number}", None, "theirs", note={"a": "b" * 300})))
    many.set(keys.run("broken"), b"{")
    many.sadd(keys.bots, "gone")
    told: list[int] = []
    assert rebuild(sid) == RebuildResult(filed=RUNS + 6, changed=RUNS + 6, unreadable=1, dropped=1)
    wanted, figures, table = indexes(), stored_figures(), stored_table()
    sizes = {name: client().hget(keys.index("stats"), name) for name in ("rows", "width")}
    result = rebuild(sid, helpers=3, progress=told.append)
    assert result == RebuildResult(filed=RUNS + 6, unreadable=1)
    assert told == sorted(told) and told[-1] == RUNS + 6 and len(told) > 10
    assert indexes() == wanted and stored_figures() == figures
    same(stored_table(), table)
    same(stored_table(), expected_table(texts()))
    assert {name: client().hget(keys.index("stats"), name) for name in sizes} == sizes
    assert check(sid) == check(sid, helpers=2) == []
    assert not list(many.scan_iter(f"session:{SID}:next:*"))
    assert {key.split(b":table:")[1].split(b":")[0] for key in many.scan_iter(f"{keys.table_prefix}*")} == {
        generation_of().encode()
    }


def test_columns_that_some_process_has_left_out_are_in_no_part(real_store: redis.Redis, shared: None) -> None:
    records = [
        run(f"run-{number}", number, configuration={"often": 1.5, f"rare{number % 2_600}": number})
        for number in range(3_000)
    ]
    store({record["configHash"]: json.dumps(record).encode() for record in records})
    rebuild(sid, helpers=2)
    columns = {name.decode() for name in real_store.smembers(keys.table(generation_of()).name("columns"))}
    assert "config.often" in columns and MOST_COLUMNS - RESERVED <= len(columns) <= MOST_COLUMNS
    strings = [key.decode() for key in real_store.scan_iter(f"{keys.table_prefix}*:values:*")]
    assert {key.split(":values:")[1].split(":", 1)[1] for key in strings} <= columns
    assert real_store.scard(keys.table(generation_of()).name("omitted")) == MOST_OMITTED
    assert check(sid, helpers=2) == []


def test_a_check_tells_the_same_with_a_process_for_the_table(many: redis.Redis) -> None:
    rebuild(sid, helpers=2)
    many.setrange(keys.table(generation_of()).values(0, "profit"), 8, b"-" * 8)
    many.hdel(keys.index("rows"), "run-7")
    found = check(sid)
    assert {drift.kind for drift in found} >= {"table: a wrong value", "rows: a run is missing"}
    assert check(sid, helpers=2) == found


def after(count: int, work: Callable[[], object]) -> Callable[[int], None]:
    """Return what does something once, when so many steps have been told of."""
    left = iter([None] * count)

    def tell(done: int) -> None:
        if next(left, tell) is tell:
            return
        if left.__length_hint__() == 0:
            work()

    return tell


def test_a_killed_process_fails_the_rebuild_and_the_old_indexes_serve(many: redis.Redis) -> None:
    rebuild(sid, helpers=2)
    before, generation = indexes(), generation_of()
    many.set(keys.run("theirs"), json.dumps(run("theirs", 5)))
    with pytest.raises(Unavailable, match=r"Process \d+, .* has ended before its time. .*; try again"):
        rebuild(sid, helpers=2, progress=after(4, lambda: os.kill(helpers_of(os.getpid())[0], signal.SIGKILL)))
    many.delete(keys.run("theirs"))
    assert helpers_of(os.getpid()) == []
    assert indexes() == before
    assert generation_of() == generation and check(sid) == []


def test_a_stopped_rebuild_leaves_neither_processes_nor_keys(many: redis.Redis) -> None:
    rebuild(sid)

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild(sid, helpers=2, progress=after(4, stop))
    assert helpers_of(os.getpid()) == []
    assert not list(many.scan_iter(f"session:{SID}:next:*")) and check(sid) == []


def test_what_others_change_while_processes_read_is_in_the_result(many: redis.Redis) -> None:
    rebuild(sid)
    count = 0

    def change(done: int) -> None:
        nonlocal count
        many.set(keys.run(f"run-{count}"), json.dumps(run(f"run-{count}", -count)))
        many.set(keys.run(f"theirs-{count}"), json.dumps(run(f"theirs-{count}", count)))
        many.delete(keys.run(f"run-{1000 + count}"))
        BotRegistry().put(sid, RunWrite.parse(run(f"ours-{count}", count)))
        BotRegistry().delete(sid, f"run-{2000 + count}")
        count += 1

    rebuild(sid, helpers=2, progress=change)
    assert count > 10
    same(stored_table(), expected_table(texts()))
    assert check(sid) == []


def test_the_helpers_of_a_killed_process_end_at_once(many: redis.Redis, redis_server: str) -> None:
    rebuild(sid)
    before = indexes()
    pid = begin(redis_server, lambda sid: rebuild(sid, helpers=2))
    deadline = time.monotonic() + 20
    while not list(client().scan_iter(f"session:{SID}:next:*:index:rows", count=20_000)):
        assert time.monotonic() < deadline
    begun = helpers_of(pid)
    assert kill_after(pid, 0) and len(begun) == 2
    while any(Path(f"/proc/{helper}").exists() for helper in begun):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    left = {name: held for name, held in indexes().items() if not is_of_a_build(name)}
    assert left == {name: held for name, held in before.items() if not is_of_a_build(name)}
    rebuild(sid, helpers=2)
    assert check(sid) == [] and not list(many.scan_iter(f"session:{SID}:next:*"))


def is_of_a_build(name: bytes) -> bool:
    return b":next:" in name or name.endswith((b":index:dirty", b":index:builder"))


def test_an_error_of_a_helper_is_raised(many: redis.Redis) -> None:
    many.delete(keys.index("rows"))
    helper = Helper(fail, "x")
    try:
        with pytest.raises(Unavailable, match="^x$"):
            helper.receive()
        with pytest.raises(HelperEnded):
            helper.receive()
    finally:
        helper.close()
        helper.close()


def fail(parent: object, text: str) -> None:
    raise Unavailable(text)


def test_a_store_that_no_other_process_reaches_is_read_by_one(fake_store: redis.Redis, shared: None) -> None:
    store({"a": json.dumps(run("a", 5)).encode()})
    assert not can_help()
    assert rebuild(sid, helpers=2).filed == 1 and check(sid, helpers=2) == []


def test_commands_take_the_number_of_processes(many: redis.Redis, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("rebuild_indexes", SID, "--processes", "2")
    assert f"{RUNS:,} runs filed" in capsys.readouterr().out
    call_command("rebuild_indexes", SID, "--processes", "2", "--dry-run")
    call_command("check_indexes", SID, "--processes", "2")
    assert "nothing would change" in capsys.readouterr().out
    for wrong in ("0", "two"):
        with pytest.raises(CommandError, match=f"{wrong} is no whole number from 1 on"):
            call_command("check_indexes", "--processes", wrong)
