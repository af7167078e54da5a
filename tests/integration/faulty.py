"""Servers that fail on purpose, ways to reach them that fail, and what everything must answer then."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import redis

from bots_app.check import check
from bots_app.performance import PerformanceRegistry
from bots_app.query import RunQuery
from bots_app.registry import BotRegistry
from bots_app.trades import TradeRegistry
from bots_app.writing import RunWrite
from dashboard.store import client as clients
from dashboard.store import embedded
from dashboard.store.client import override
from dashboard.store.facts import server_facts
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry
from tests.contract.model import SID, run

sid = SessionId.parse(SID)
runs = BotRegistry()
CALLS: dict[str, Callable[[], object]] = {
    "page": lambda: runs.page(sid, RunQuery()),
    "page by time in a range": lambda: runs.page(sid, RunQuery(min_profit=0.0, ordering="lastUpdated")),
    "aggregate": lambda: PerformanceRegistry().aggregate(sid, RunQuery()),
    "aggregate of a range": lambda: PerformanceRegistry().aggregate(sid, RunQuery(min_profit=0.0)),
    "run": lambda: runs.get(sid, "a"),
    "rows": lambda: runs.rows(sid, ["a"], ("sharpe",)),
    "trades": lambda: TradeRegistry().all(sid, "a"),
    "rank": lambda: runs.rank(sid, "a"),
    "counts": lambda: runs.status_counts(sid),
    "sessions": lambda: SessionRegistry().all(),
    "session": lambda: SessionRegistry().get(sid),
    "put": lambda: runs.put(sid, RunWrite.parse(run("a", 2.0))),
    "annotate": lambda: runs.annotate(sid, "a", notes="x"),
    "annotate session": lambda: SessionRegistry().annotate(sid, notes="x"),
    "delete": lambda: runs.delete(sid, "a"),
    "delete session": lambda: SessionRegistry().delete(sid),
    "check": lambda: check(sid),
    "facts": server_facts,
}
WRITES = ("put", "annotate", "annotate session", "delete", "delete session")


class Server:
    """A server of a test's own, which may be stopped, frozen and started again."""

    def __init__(self, binary: Path, folder: Path, *options: str) -> None:
        self.binary, self.folder, self.options = binary, folder, options
        self.path = folder / "redis.sock"
        self.url = f"unix://{self.path}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str, until: str = "PONG") -> None:
        """Start it and wait for what it says to a PING."""
        command: list[str | Path] = [self.binary, "--port", "0", "--unixsocket", self.path, "--dir", self.folder]
        command += self.options or ["--appendonly", "yes"]
        # A file that may not grow is then an error to the server, not its end.
        self.process = subprocess.Popen(
            [*command, *options], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, restore_signals=False
        )
        deadline = time.monotonic() + 10
        while embedded.ping(self.path) != until and time.monotonic() < deadline:
            time.sleep(0.02)

    def stop(self) -> None:
        """Kill it, frozen or not."""
        if self.process:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()

    def freeze(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGCONT)

    def limit_files(self, size: int) -> None:
        """Let no file of the server's grow beyond a size, as a disk that is full does; -1 for none."""
        assert self.process is not None
        _, hard = resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (size, hard))

    def operator(self) -> redis.Redis:
        """Return a connection of the driver's own, as an operator's tool has one."""
        return redis.Redis(unix_socket_path=str(self.path), socket_timeout=5)


@contextlib.contextmanager
def served(server: Server, settings: object) -> Iterator[Server]:
    """Start the server, give it one run, and use it as a process of ours does."""
    settings.REDIS_URL = server.url  # type: ignore[attr-defined]
    server.start()
    try:
        with override(clients._connect()):
            runs.put(sid, RunWrite.parse(run("a", 1.0)))
            yield server
    finally:
        server.stop()


class Proxy:
    """A way to a server that may be slow, trickle, or break off in the midst of an answer."""

    def __init__(self, server: Server, path: Path) -> None:
        self.server, self.url = server, f"unix://{path}"
        #: How many connections will be cut, and after how many bytes of answers from now on.
        self.cuts, self.left = 0, 0
        #: Seconds until a piece of an answer passes, and bytes of a piece.
        self.delay_s, self.piece = 0.0, 1 << 16
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        self._is_open = True
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._is_open = False
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while self._is_open:
                near, _ = self._listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(str(self.server.path))
                for copy in (self._questions, self._answers):
                    threading.Thread(target=copy, args=(near, far), daemon=True).start()

    def _questions(self, near: socket.socket, far: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := near.recv(1 << 16):
                far.sendall(data)
            far.shutdown(socket.SHUT_RDWR)

    def _answers(self, near: socket.socket, far: socket.socket) -> None:
        with contextlib.suppress(OSError), near, far:
            while data := far.recv(1 << 16):
                while data:
                    piece, data = data[: self.piece], data[self.piece :]
                    time.sleep(self.delay_s)
                    if self.cuts and len(piece) > self.left:
                        near.sendall(piece[: self.left])
                        self.cuts, self.left = self.cuts - 1, 0
                        near.shutdown(socket.SHUT_RDWR)
                        return
                    near.sendall(piece)
                    self.left -= len(piece)
