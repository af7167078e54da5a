"""The embedded server: it lives exactly as long as it has users, whatever kills them, and keeps what was written."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from dashboard.errors import EmbeddedServerError
from dashboard.store import embedded
from dashboard.store.embedded_memory import JEMALLOC, server_environ

ROOT = Path(__file__).resolve().parents[2]
#: Seconds for what takes one or two: a start, an end after the linger.
LIMIT_S = 20

USER = """
import sys
from pathlib import Path
from dashboard.store import embedded
embedded.LINGER_S = 0.5
print(embedded.attach(Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""

pytestmark = pytest.mark.usefixtures("redis_binary")  # skips, or fails in CI, where there is no server


class User:
    """A process that uses the server of a folder until it is told to end, or killed."""

    def __init__(self, var_dir: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, var_dir], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def address(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def leave(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(LIMIT_S)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(LIMIT_S)


@pytest.fixture
def var_dir(tmp_path: Path) -> Path:
    return tmp_path / 'a "var" folder'


@pytest.fixture
def join(var_dir: Path) -> Iterator[Callable[[], User]]:
    """Start users of the server; all are gone after the test, and so is the server."""
    users: list[User] = []

    def start() -> User:
        users.append(User(var_dir))
        return users[-1]

    yield start
    for user in users:
        user.kill()
    wait_for(lambda: is_stopped(var_dir))


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def is_stopped(var_dir: Path) -> bool:
    """Tell whether neither the server nor its guard is left."""
    return not is_held(var_dir, embedded.SERVER_LOCK) and not is_held(var_dir, embedded.GUARD_LOCK)


def is_held(var_dir: Path, name: str) -> bool:
    path = embedded.data_dir(var_dir) / name
    if not path.exists():
        return False
    descriptor = os.open(path, os.O_RDWR)
    try:
        return not embedded.try_lock(descriptor, embedded.fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def server_pid(var_dir: Path) -> int:
    return int((embedded.data_dir(var_dir) / embedded.SERVER_LOCK).read_text())


def has_ended(pid: int) -> bool:
    """Tell whether a process is gone, or waits only for its parent to notice."""
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z"


def guard_pid(var_dir: Path) -> int:
    """Return the server's parent."""
    status = Path(f"/proc/{server_pid(var_dir)}/stat")
    if not status.exists():
        pytest.skip("needs /proc")
    return int(status.read_text().rpartition(")")[2].split()[1])


def test_it_answers_on_a_private_socket_and_keeps_a_log_of_writes(var_dir, join):
    user = join()
    client = redis.Redis.from_url(user.address())
    assert embedded.socket_url(var_dir).startswith("unix://")
    assert client.config_get("append*")["appendonly"] == "yes"
    assert client.config_get("port")["port"] == "0"
    assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
    for folder in (embedded.data_dir(var_dir), embedded.socket_path(var_dir).parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_it_takes_its_memory_from_jemalloc_where_the_machine_has_it(var_dir, join):
    client = redis.Redis.from_url(join().address())
    if "LD_PRELOAD" not in server_environ(embedded.find_server()):
        pytest.skip("needs libjemalloc, and a server that has none of its own")
    client.ping()
    assert JEMALLOC in Path(f"/proc/{server_pid(var_dir)}/maps").read_text()


def test_what_was_written_is_there_after_the_last_user_has_left(var_dir, join):
    first = join()
    redis.Redis.from_url(first.address()).set("kept", "yes")
    first.leave()
    wait_for(lambda: is_stopped(var_dir))
    second = join()
    assert redis.Redis.from_url(second.address()).get("kept") == b"yes"


def test_one_that_leaves_at_its_end_leaves_the_server_to_others_and_starts_none_again(var_dir, join):
    embedded.attach(var_dir)
    other = join()
    other.address()
    embedded.leave(var_dir)
    assert embedded.ping(embedded.socket_path(var_dir)) == "PONG"
    words = embedded.data_dir(var_dir) / embedded.USERS_LOCK
    assert words.read_text() == "no linger\n"
    join().address()
    assert words.read_text() == "", "who comes after it does not take its leave"
    assert embedded.attach(var_dir) == embedded.socket_url(var_dir)
    assert embedded.data_dir(var_dir) not in embedded._held


def test_it_ends_when_its_only_user_is_killed(var_dir, join):
    user = join()
    assert user.address()
    user.kill()
    wait_for(lambda: is_stopped(var_dir))


def test_two_users_share_it_and_the_last_one_ends_it(var_dir, join):
    first, second = join(), join()
    assert first.address() == second.address()
    first.kill()
    time.sleep(1.5)
    assert embedded.ping(embedded.socket_path(var_dir)) == "PONG"
    second.leave()
    wait_for(lambda: is_stopped(var_dir))


def test_many_users_at_once_get_one_server(var_dir, join):
    users = [join() for _ in range(6)]
    addresses = {user.address() for user in users}
    assert len(addresses) == 1
    assert "" not in addresses
    runs = {redis.Redis.from_url(addresses.copy().pop()).info("server")["run_id"] for _ in users}
    assert len(runs) == 1


def test_who_comes_while_it_ends_gets_a_new_one(var_dir, join):
    first = join()
    redis.Redis.from_url(first.address()).set("kept", "yes")
    first.leave()
    for delay_s in (0, 0.4, 0.6, 0.8):  # before the server ends, in the midst of it, after
        time.sleep(delay_s)
        user = join()
        client = redis.Redis.from_url(user.address())
        assert client.get("kept") == b"yes"
        user.leave()


def test_it_comes_back_when_the_server_is_killed(var_dir, join):
    client = redis.Redis.from_url(join().address())
    client.set("kept", "yes")
    before = server_pid(var_dir)
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: server_pid(var_dir) != before and embedded.ping(embedded.socket_path(var_dir)) == "PONG")
    assert client.get("kept") == b"yes"


def test_a_killed_guard_leaves_no_second_server_behind(var_dir, join):
    first = join()
    redis.Redis.from_url(first.address()).set("kept", "yes")
    before, guard = server_pid(var_dir), guard_pid(var_dir)
    os.kill(guard, signal.SIGKILL)
    second = join()
    client = redis.Redis.from_url(second.address())
    assert client.get("kept") == b"yes"
    assert server_pid(var_dir) != before
    assert has_ended(before)


def test_a_removed_folder_ends_the_server(var_dir, join):
    join().address()
    pid = server_pid(var_dir)
    embedded.data_dir(var_dir).rename(var_dir / "elsewhere")
    wait_for(lambda: has_ended(pid))


def test_two_folders_have_two_servers(var_dir, tmp_path, join):
    client = redis.Redis.from_url(join().address())
    other = User(tmp_path / "other")
    try:
        redis.Redis.from_url(other.address()).set("mine", "1")
        assert client.get("mine") is None
    finally:
        other.kill()
        wait_for(lambda: is_stopped(tmp_path / "other"))


def test_a_path_too_long_for_a_socket_is_no_obstacle(tmp_path):
    var_dir = tmp_path / ("long" * 40)
    user = User(var_dir)
    try:
        assert redis.Redis.from_url(user.address()).ping()
        assert len(os.fsencode(embedded.socket_path(var_dir))) <= embedded.MAX_SOCKET_PATH
    finally:
        user.kill()
        wait_for(lambda: is_stopped(var_dir))


def test_no_server_at_all_is_told_with_what_would_help(monkeypatch):
    monkeypatch.setattr(embedded, "_candidates", lambda: iter(()))
    with pytest.raises(EmbeddedServerError, match="make install.*REDIS_URL"):
        embedded.find_server()


def test_too_old_and_broken_servers_are_passed_over_and_named(monkeypatch, tmp_path):
    old, broken = tmp_path / "old-server", tmp_path / "broken-server"
    old.write_text('#!/bin/sh\necho "Redis server v=6.0.16 sha=0:0 malloc=jemalloc"\n')
    broken.write_text("no program")
    for file in (old, broken):
        file.chmod(0o755)
    monkeypatch.setattr(embedded, "_candidates", lambda: iter((old, broken)))
    with pytest.raises(EmbeddedServerError, match="old-server is version 6.0.*broken-server does not run"):
        embedded.find_server()


def test_a_server_on_the_path_will_do(monkeypatch, tmp_path):
    server = tmp_path / "redis-server"
    server.write_text('#!/bin/sh\necho "Redis server v=7.0.15 sha=0:0"\n')
    server.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(embedded, "find_spec", lambda name: None)
    assert embedded.find_server() == server


def test_a_server_that_dies_at_once_is_told_with_its_last_words(monkeypatch, tmp_path):
    server = tmp_path / "redis-server"
    server.write_text("#!/bin/sh\necho 'cannot do this today' >&2\nexit 3\n")
    server.chmod(0o755)
    monkeypatch.setattr(embedded, "find_server", lambda: server)
    monkeypatch.setattr(embedded, "_held", {})
    with pytest.raises(EmbeddedServerError, match="(?s)does not start.*cannot do this today"):
        embedded.attach(tmp_path / "var")
