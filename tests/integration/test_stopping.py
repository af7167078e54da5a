"""`serve` and `demo` told to end as a terminal or a supervisor does it: the whole group, again and at any moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import redis

from dashboard.store import embedded
from tests.integration.test_embedded import is_stopped
from tests.integration.test_serve import ROOT, Server, environment, wait_for

#: Seconds in which everything has ended: what workers have for requests under way, and some more.
END_S = 12
#: An address where nobody is; the server then has no embedded one.
NOWHERE = "redis://127.0.0.1:1/0"

pytestmark = pytest.mark.usefixtures("redis_binary")


def command_of(pid: int) -> bytes:
    """Return the command line of a process, nothing when it has ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def members(group: int) -> list[str]:
    """Return the processes of a group that have not ended, as the system describes them."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            status = path.read_text()
            state, _, number = status.rpartition(")")[2].split()[:3]
            if int(number) == group and state != "Z":
                found.append(status)
    return found


class Group(Server):
    """A command in a process group of its own."""

    def __init__(self, var_dir: Path, log: Path, command: str, **given: str) -> None:
        self.var_dir, self.log = var_dir, log
        self.env = environment(self.var_dir, **given)
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", command],
                cwd=ROOT,
                env=self.env,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def tell(self, number: int, *, times: int = 1) -> None:
        """Send a signal to the group, one upon the other if often."""
        for _ in range(times):
            if self.process.poll() is not None:
                return
            os.killpg(self.process.pid, number)

    def workers(self) -> list[int]:
        """Return the processes that it has started by `multiprocessing`."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        if not children.exists():
            pytest.skip("needs /proc")
        return [pid for pid in map(int, children.read_text().split()) if b"spawn_main" in command_of(pid)]

    def assert_ends_in_order(self, *codes: int) -> str:
        """Return what it wrote, which is nothing about the end."""
        assert self.process.wait(END_S) in (0, *codes), self.log.read_text()
        self.assert_nothing_is_left()
        said = self.log.read_text()
        assert not [word for word in ("Traceback", "Exception", "ERROR") if word in said], said
        return said

    def assert_nothing_is_left(self) -> None:
        wait_for(lambda: not members(self.process.pid), 3)  # what tracks resources ends after those that use it


@pytest.fixture(scope="module")
def var_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the commands of this module use one after another, so that static files are collected once."""
    return tmp_path_factory.mktemp("stopping") / "var"


@pytest.fixture
def start(var_dir: Path, tmp_path: Path) -> Iterator[Callable[..., Group]]:
    groups: list[Group] = []

    def run(command: str, **given: str) -> Group:
        groups.append(Group(var_dir, tmp_path / "log", command, **given))
        return groups[-1]

    yield run
    for group in groups:
        if group.process.poll() is None:
            os.killpg(group.process.pid, signal.SIGKILL)
            group.process.wait()
    wait_for(lambda: is_stopped(var_dir))


def test_a_shower_of_signals_ends_a_server_and_its_embedded_one(start):
    server = start("serve")
    server.wait_until_up()
    redis.Redis.from_url(embedded.socket_url(server.var_dir)).set("kept", "what was written last")
    server.tell(signal.SIGTERM, times=3_000)
    server.assert_ends_in_order()
    assert is_stopped(server.var_dir), "the embedded server has outlived the process that it is for"
    files = (embedded.data_dir(server.var_dir) / "appendonlydir").glob("*.incr.aof")
    assert any(b"what was written last" in file.read_bytes() for file in files)
    assert "bye bye" in (embedded.data_dir(server.var_dir) / embedded.SERVER_LOG).read_text()


def test_a_server_that_has_only_begun_ends_without_a_word(start):
    server = start("serve", REDIS_URL=NOWHERE, HTTPS="0")
    time.sleep(0.7)
    server.tell(signal.SIGINT, times=2)
    server.assert_ends_in_order(-signal.SIGINT)  # where Django itself is not loaded yet


def test_a_server_whose_workers_have_only_begun_ends_without_a_word_of_them(start):
    server = start("serve", REDIS_URL=NOWHERE, HTTPS="0")
    wait_for(lambda: bool(server.workers()))
    server.tell(signal.SIGINT, times=2)
    server.assert_ends_in_order()


def test_killed_workers_are_replaced_all_at_once_and_given_up_when_it_goes_on(start):
    server = start("serve", REDIS_URL=NOWHERE)
    wait_for(lambda: len(server.workers()) == 2)
    for _ in range(3):
        time.sleep(0.2)
        killed = server.workers()
        for pid in killed:
            os.kill(pid, signal.SIGKILL)

        def is_dealt_with(killed: list[int] = killed) -> bool:
            return server.process.poll() is not None or len(set(server.workers()) - set(killed)) == 2

        wait_for(is_dealt_with)
    assert server.process.wait(END_S) == 1
    server.assert_nothing_is_left()
    said = server.log.read_text().splitlines()
    assert sum("was ended by SIGKILL; another takes its place." in line for line in said) == 4
    assert said[-1].startswith("The server ends: worker 1 has ended 3 times in a row")


def test_the_demo_ends_in_the_midst_of_its_load(start):
    demo = start("demo")
    wait_for(lambda: bool(demo.workers()))
    time.sleep(0.8)
    demo.tell(signal.SIGINT, times=20)
    demo.tell(signal.SIGTERM, times=20)
    assert "Stopped after" in demo.assert_ends_in_order()
    assert is_stopped(demo.var_dir)
