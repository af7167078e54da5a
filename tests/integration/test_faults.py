"""A server that is away, frozen, loading, full, a replica or locked is told in time as such, to programs and to people.

Work goes on by itself afterwards, and what was refused has changed nothing.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from bots_app.check import check
from bots_app.query import RunQuery
from bots_app.writing import RunWrite
from dashboard.api import throttles
from dashboard.errors import StoreUnavailable
from dashboard.store import client as clients
from dashboard.store.client import ANSWER_TIMEOUT_S, CONNECT_TIMEOUT_S, override
from dashboard.store.keys import SESSIONS, list_key
from sessions_app.registry import SessionRegistry
from tests.contract.model import SID, run
from tests.integration.faulty import CALLS, WRITES, Server, runs, served, sid
from tests.integration.surface import PAGES, READS, Surface
from tests.integration.test_serve import free_port

pytestmark = pytest.mark.django_db
#: Seconds to wait for an answer in tests that wait often; one test waits as long as the product does.
SHORT_S = 0.1


@pytest.fixture
def short(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Wait less for answers than usual."""
    monkeypatch.setattr(clients, "ANSWER_TIMEOUT_S", SHORT_S)
    with override(clients._connect()):
        yield


def assert_sound() -> None:
    """The server serves again, and holds what it held and nothing half-written."""
    throttles.forget()
    assert runs.page(sid, RunQuery()).hashes == ["a"]
    surface = Surface()
    surface.assert_reads()
    surface.assert_writes()
    assert check(sid) == []


def refused(*, limit_s: float, is_frozen: bool = False) -> None:
    """Every call fails in time, and says what became of a write."""
    for name, call in CALLS.items():
        began = time.monotonic()
        with pytest.raises(StoreUnavailable) as caught:
            call()
        assert time.monotonic() - began < limit_s, name
        assert str(caught.value).startswith("The data store does not answer at the moment."), name
        assert ("Nothing was " in str(caught.value)) is (name in ("put", "delete") and not is_frozen), name
        assert ("is not known" in str(caught.value)) is (name in ("put", "delete") and is_frozen), name
        assert caught.value.retry_after_s > 0


def test_a_server_that_is_gone_is_told_and_found_again_by_itself(server: Server) -> None:
    server.stop()
    refused(limit_s=CONNECT_TIMEOUT_S)
    surface = Surface()
    surface.assert_no_reads("nothing listens at its address")
    server.start()
    assert_sound()


@pytest.mark.alone
def test_a_frozen_server_is_told_in_time(server: Server) -> None:
    server.freeze()
    surface = Surface()
    began = time.monotonic()
    surface.assert_no_reads("it does not answer in time", addresses=PAGES[1:2])
    assert ANSWER_TIMEOUT_S - 0.5 < time.monotonic() - began < ANSWER_TIMEOUT_S + 1.0
    server.thaw()
    # An answer that came too late is not taken for that of the next question.
    assert runs.status_counts(sid) == {"completed": 1}
    assert_sound()


@pytest.mark.alone
def test_every_call_to_a_frozen_server_ends_in_time(server: Server, short: None) -> None:
    server.freeze()
    refused(limit_s=SHORT_S + 0.5, is_frozen=True)
    surface = Surface()
    for address in (*PAGES, *READS):
        began = time.monotonic()
        surface.assert_no_reads("it does not answer in time", addresses=(address,))
        assert time.monotonic() - began < SHORT_S + 0.5, address
    server.thaw()
    # What the frozen server had taken in before we gave up, it does after all: deletions, among others.
    time.sleep(0.2)
    runs.put(sid, RunWrite.parse(run("a", 1.0)))
    assert_sound()


def test_a_server_that_loads_its_data_is_told(redis_binary: Path, tmp_path: Path, settings: object) -> None:
    server = Server(redis_binary, tmp_path, "--save", "", "--appendonly", "no", "--rdbcompression", "no")
    with served(server, settings), server.operator() as operator:
        if not operator.config_get("loading-process-events-interval-bytes"):
            pytest.skip("this server looks too seldom at what it is asked while it loads")
        for number in range(40):
            operator.set(f"of somebody else's:{number}", os.urandom(500_000))
        operator.save()
        server.stop()
        slowly = ["--key-load-delay", "100000", "--loading-process-events-interval-bytes", "1024"]
        server.start(*slowly, until="LOADING")
        for name in ("page", "run", "put", "sessions"):
            with pytest.raises(StoreUnavailable) as caught:
                CALLS[name]()
            assert name != "put" or "Nothing was written." in str(caught.value)
        Surface().assert_no_reads("it is still loading its data", addresses=(PAGES[0], READS[2]))
        assert operator.config_set("key-load-delay", 0)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with contextlib.suppress(StoreUnavailable):
                runs.page(sid, RunQuery())
                break
        assert_sound()


@contextlib.contextmanager
def memory_full(server: Server) -> Iterator[None]:
    with server.operator() as operator:
        operator.config_set("maxmemory", 1)
        yield
        operator.config_set("maxmemory", 0)


@contextlib.contextmanager
def disk_full(server: Server) -> Iterator[None]:
    """Leave no room for the append-only file."""
    sizes = [path.stat().st_size for path in server.folder.rglob("*.aof")]
    server.limit_files(max(sizes))
    with server.operator() as operator, pytest.raises(redis.ResponseError, match="MISCONF"):
        for _ in range(1000):
            operator.set("of somebody else's", "x" * 1000)
            time.sleep(0.001)
    yield
    server.limit_files(-1)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with server.operator() as operator, contextlib.suppress(redis.ResponseError):
            operator.delete("of somebody else's")
            return


@contextlib.contextmanager
def replica(server: Server) -> Iterator[None]:
    """Make it the replica of a server that has the same data, and its master in the end."""
    folder = server.folder / "master"
    folder.mkdir()
    port = free_port()
    master = Server(server.binary, folder, "--save", "", "--repl-diskless-sync-delay", "0", "--port", str(port))
    master.start()
    with server.operator() as operator, master.operator() as other:
        for key in operator.scan_iter(count=1000):
            other.restore(key, 0, operator.dump(key))
        operator.execute_command("REPLICAOF", "127.0.0.1", port)
        deadline = time.monotonic() + 10
        while operator.info("replication")["master_link_status"] != "up" and time.monotonic() < deadline:
            time.sleep(0.02)
        try:
            yield
        finally:
            master.stop()
        operator.execute_command("REPLICAOF", "NO", "ONE")


@pytest.mark.parametrize("state", [memory_full, disk_full, replica])
def test_a_server_that_takes_no_writes_is_read_on_and_refuses_them_whole(
    server: Server, state: Callable[[Server], contextlib.AbstractContextManager[None]]
) -> None:
    surface = Surface()
    surface.assert_writes()
    with state(server):
        for name, call in CALLS.items():
            if name in ("put", "annotate", "annotate session"):
                with pytest.raises(StoreUnavailable, match="Nothing was "):
                    call()
            elif name not in WRITES:
                call()
        surface.assert_reads()
        surface.assert_no_writes()
        assert check(sid) == []
    assert_sound()


def test_a_list_of_sessions_that_is_lost_is_found_again_on_a_full_server(server: Server) -> None:
    clients.client().delete(SESSIONS, list_key("state"), list_key("discovered"))
    with memory_full(server):
        assert [str(summary.sid) for summary in SessionRegistry().all()] == [SID]
    assert SessionRegistry().all() and check(sid) == []


@pytest.mark.parametrize("password", ["old", ""])
def test_a_password_that_is_changed_on_the_run_is_told(server: Server, settings: object, password: str) -> None:
    with server.operator() as operator:
        operator.config_set("requirepass", password)
        settings.REDIS_URL = f"{server.url}?password={password}" if password else server.url  # type: ignore[attr-defined]
        with override(clients._connect()):
            surface = Surface()
            surface.assert_reads()
            operator.config_set("requirepass", "new")
            operator.execute_command("AUTH", "new")
            operator.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            refused(limit_s=CONNECT_TIMEOUT_S)
            surface.assert_no_reads("it refuses the user or the password")
            operator.config_set("requirepass", password)
            assert_sound()


def test_a_server_that_is_busy_with_a_script_is_told(server: Server, short: None) -> None:
    with server.operator() as operator:
        operator.config_set(
            "busy-reply-threshold" if operator.config_get("busy-reply-threshold") else "lua-time-limit", 10
        )
        endless = threading.Thread(
            target=lambda: pytest.raises(redis.RedisError, operator.eval, "while true do end", 0)
        )
        endless.start()
        time.sleep(0.2)
        refused(limit_s=CONNECT_TIMEOUT_S)
        Surface().assert_no_reads("a script has been running for too long")
        with server.operator() as other:
            other.script_kill()
        endless.join()
    assert_sound()
