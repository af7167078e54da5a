"""The benchmark's own world: a folder, a Redis that keeps nothing, settings of neither user nor checkout."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from dashboard import env
from dashboard.store import embedded
from dashboard.store.embedded_memory import server_environ

ROOT = Path(__file__).resolve().parents[2]
#: Seconds a process has to come up or to end: imports and static files on a busy machine.
LIMIT_S = 60.0
PR_SET_PDEATHSIG = 1
#: Environment of a server that keeps the memory that it has taken, whichever library it has that from, and uses it
#: again: jemalloc would take pieces of 8 MiB and more from elsewhere, and leave large free pieces whole.
KEEP_MEMORY = {
    "MALLOC_CONF": "dirty_decay_ms:-1,muzzy_decay_ms:-1,oversize_threshold:0,lg_extent_max_active_fit:40",
    "MALLOC_TRIM_THRESHOLD_": str(1 << 40), "MALLOC_MMAP_MAX_": "0",
}  # fmt: skip


class BenchError(Exception):
    """Raised when the benchmark cannot be run; the message is for its user."""


@contextmanager
def private_world(*, is_unix: bool) -> Iterator[Path]:
    """Give this process a folder and a Redis of its own and the settings to use them; take all away afterwards.

    The server, the one that REDIS_SERVER names or else the one that the embedded server would be, listens on the
    loopback, or on a unix socket, which costs each round trip less.
    """
    folder = Path(tempfile.mkdtemp(prefix="dashboard-bench-"))
    try:
        path, port = folder / "redis.sock", 0 if is_unix else free_port()
        server = os.environ.get("REDIS_SERVER") or str(embedded.find_server())
        command = [
            server, "--port", str(port), "--bind", "127.0.0.1", "--unixsocket", str(path),
            "--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction", "--dir", str(folder),
            "--slowlog-max-len", "100000",
        ]  # fmt: skip
        log = folder / "redis.log"
        with running(
            command, log, is_up=lambda: embedded.ping(path) == "PONG", environ=server_environ(Path(server)),
            start_new_session=True,
        ):  # fmt: skip
            for name in env.NAMES:
                os.environ.pop(name, None)
            os.environ |= {
                "DJANGO_SETTINGS_MODULE": "dashboard.settings",
                "VAR_DIR": str(folder),
                "REDIS_URL": f"unix://{path}" if is_unix else f"redis://127.0.0.1:{port}/0",
                "HTTPS": "0",
            }
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running(
    command: Sequence[str],
    log: Path,
    *,
    is_up: Callable[[], bool],
    environ: Mapping[str, str] | None = None,
    end_by: int = signal.SIGTERM,
    cwd: Path = ROOT,
    **identity: Any,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process for a while; it ends with this one, also when this one is killed.

    `identity` are the options of Popen for a process that runs as somebody else.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=cwd, env=dict(os.environ) | dict(environ or {}), stdin=subprocess.DEVNULL, stdout=output,
            stderr=output, preexec_fn=partial(_end_with_parent, end_by) if sys.platform == "linux" else None,
            **identity,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + LIMIT_S
        while not is_up():
            if process.poll() is not None or time.monotonic() > deadline:
                raise BenchError(f"{' '.join(command[:3])} does not start:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        yield process
    finally:
        process.send_signal(end_by)
        try:
            process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """Return a port of the loopback that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end_with_parent(end_by: int) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, end_by)
