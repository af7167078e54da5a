"""Fixtures of the whole suite: stores, fake and real. Only servers the suite has started are written or emptied."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import fakeredis
import pytest
import redis
from django.core.cache import cache

from dashboard.errors import EmbeddedServerError
from dashboard.store import embedded
from dashboard.store.ahead import BegunScript
from dashboard.store.client import StoreClient, StorePipeline, TranslatingMixin, override
from dashboard.store.embedded_memory import server_environ
from dashboard.store.lean import KeptConnections
from tests import slowlog
from tests.turns import (  # noqa: F401 - hooks of pytest, which looks for them here
    pytest_configure,
    pytest_configure_node,
    pytest_runtest_protocol,
    pytest_unconfigure,
)

# Started in the background of a script, we are told to ignore it, and so would be every command that is tried here.
signal.signal(signal.SIGINT, signal.default_int_handler)

#: Seconds a server without data may take to start.
START_LIMIT_S = 10


class FakeStoreClient(TranslatingMixin, fakeredis.FakeRedis):
    """The store's client before a server that lives in this process."""


def missing(what: str) -> None:
    """Skip the test on a machine that lacks something; fail where everything has to be there."""
    if os.environ.get("CI"):
        pytest.fail(f"{what}, and CI has to have it")
    pytest.skip(what)


@pytest.fixture(scope="session")
def redis_binary() -> Path:
    """The server to test with: the one REDIS_SERVER names, else the one the embedded server would be."""
    if named := os.environ.get("REDIS_SERVER"):
        return Path(named)
    try:
        return embedded.find_server()
    except EmbeddedServerError as error:
        missing(str(error))
        raise


@pytest.fixture(scope="session")
def redis_server(redis_binary: Path) -> Iterator[str]:
    """Address of a server of the suite's own, which keeps nothing."""
    folder = Path(tempfile.mkdtemp(prefix="dashboard-redis-"))
    path = folder / "redis.sock"
    command = [redis_binary, "--port", "0", "--unixsocket", path, "--save", "", "--dir", folder]
    with (folder / "log").open("wb") as log:
        environ = server_environ(redis_binary)
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environ)
    try:
        deadline = time.monotonic() + START_LIMIT_S
        while embedded.ping(path) != "PONG":
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"{redis_binary} does not start:\n{(folder / 'log').read_text()}")
            time.sleep(0.02)
        with watched_if_wanted(path):
            yield f"unix://{path}?db=0"
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)


@contextmanager
def watched_if_wanted(path: Path) -> Iterator[None]:
    """With DASHBOARD_SLOWLOG=1, fail in the end if a command of the product has held the server for long."""
    if os.environ.get("DASHBOARD_SLOWLOG") != "1":
        yield
        return
    with redis.Redis(unix_socket_path=str(path)) as client, slowlog.watched(client) as found:
        yield
    if found:
        pytest.fail("These took the server more than 20 ms:\n" + "\n".join(found))


def end_background_work() -> None:
    """Wait for searches and builds that a test has set off: they must not find the store of the next one."""
    for thread in threading.enumerate():
        if thread.name.startswith(("discover-sessions", "index ")):
            thread.join(START_LIMIT_S)


@contextmanager
def emptied(client: redis.Redis) -> Iterator[redis.Redis]:
    """Make a client the process-wide one for a while, its servers empty to begin with."""
    client.flushall()
    with override(client):
        yield client
        end_background_work()
    client.close()


@pytest.fixture
def real_store(redis_server: str) -> Iterator[redis.Redis]:
    """The process-wide client, on an empty real server."""
    with emptied(StoreClient.from_url(redis_server, protocol=2, socket_timeout=10)) as client:
        yield client


@pytest.fixture
def fake_store() -> Iterator[redis.Redis]:
    """The process-wide client, on an empty server within this process."""
    server = fakeredis.FakeServer()
    with override(FakeStoreClient(server=server, protocol=2)) as client:
        # The fake has no `redis.sha1hex` before a script has run, and none of its own then.
        client.eval("return 1", 0)
        server._lua_runtime.globals().redis.sha1hex = lambda text: hashlib.sha1(text).hexdigest().encode()
        yield client
        end_background_work()


@pytest.fixture(params=["fake", "real"])
def store(request: pytest.FixtureRequest) -> redis.Redis:
    """The process-wide client, on each kind of server in turn: for tests of what both must do alike."""
    return request.getfixturevalue(f"{request.param}_store")


class Calls:
    """How often the store was asked: a command, a script and a whole pipeline are one round trip each."""

    def __init__(self) -> None:
        self.count = 0

    def of(self, action: Callable[[], Any]) -> int:
        """Return how many round trips an action takes."""
        before = self.count
        action()
        return self.count - before


@pytest.fixture
def redis_calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Count the round trips of every client of the store."""
    calls = Calls()

    def counted(method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def call(*args: Any, **options: Any) -> Any:
            calls.count += 1
            return method(*args, **options)

        return call

    monkeypatch.setattr(TranslatingMixin, "execute_command", counted(TranslatingMixin.execute_command))
    monkeypatch.setattr(StorePipeline, "execute", counted(StorePipeline.execute))
    monkeypatch.setattr(KeptConnections, "ask", counted(KeptConnections.ask))
    monkeypatch.setattr(BegunScript, "transmit", counted(BegunScript.transmit))
    return calls


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    """Let no test meet another's counts of requests."""
    cache.clear()
    yield
