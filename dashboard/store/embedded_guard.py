"""The process that starts the embedded server, keeps it up while it has users, and stops it after the last one.

Run as `python -m dashboard.store.embedded_guard VAR_DIR SERVER LINGER_S`; see `embedded.py` for the locks.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dashboard.store import embedded
from dashboard.store.embedded_memory import server_environ

POLL_S = 0.2
STOP_LIMIT_S = 20.0
#: A server that has died this often in a row, each time sooner than the seconds after its start, is given up.
MOST_DEATHS, LEAST_LIFE_S = 3, 5.0
MAX_LOG_BYTES = 1_000_000
PR_SET_PDEATHSIG = 1


class Guard:
    """One server and the decision when it ends."""

    def __init__(self, var_dir: Path, binary: Path, *, linger_s: float) -> None:
        self.folder = embedded.data_dir(var_dir)
        self.socket = embedded.socket_path(var_dir)
        self.binary = binary
        self.linger_s = linger_s
        self.users = open_lock(self.folder / embedded.USERS_LOCK)
        self.is_told_to_end = False

    def run(self) -> int:
        """Serve until no user is left; return the exit code."""
        told = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        for number in told:
            signal.signal(number, self._told_to_end)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, told)  # who started this process may have held them back
        server, started = self._start(), time.monotonic()
        last_used, deaths = started, 0
        while not self.is_told_to_end:
            time.sleep(POLL_S)
            now = time.monotonic()
            if self._is_folder_gone():
                server.kill()  # gently, it would remove the socket on its way out, which may be a successor's by then
                return 0
            if server.poll() is not None:
                is_early = now < started + LEAST_LIFE_S
                deaths = deaths + 1 if is_early else 1
                if deaths == MOST_DEATHS:
                    sys.stderr.write(f"{self.binary} ended with exit code {server.returncode}.\n")
                    return 1
                server, started = self._start(is_cautious=is_early), now
            if not embedded.try_lock(self.users, fcntl.LOCK_EX):
                last_used = now
            elif now > last_used + self._linger_s():
                break  # the lock is kept: who comes now waits until the server has gone
            else:
                fcntl.flock(self.users, fcntl.LOCK_UN)
        server.terminate()
        try:
            server.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            server.kill()
        return 0

    def _linger_s(self) -> float:
        """Return the seconds to stay without users; the last one may have left word in its lock, which is ours now."""
        return 0.0 if os.fstat(self.users).st_size else self.linger_s

    def _told_to_end(self, *_: object) -> None:
        self.is_told_to_end = True

    def _is_folder_gone(self) -> bool:
        try:
            return not os.path.samestat((self.folder / embedded.USERS_LOCK).stat(), os.fstat(self.users))
        except FileNotFoundError:
            return True

    def _start(self, *, is_cautious: bool = False) -> subprocess.Popen[bytes]:
        log = self.folder / embedded.SERVER_LOG
        if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
            log.unlink()
        lock = self._end_orphan()
        with tempfile.TemporaryFile() as configuration:
            configuration.write(self._configuration().encode())
            configuration.seek(0)
            server = subprocess.Popen(
                [self.binary, "-"],
                stdin=configuration,
                cwd=self.folder,
                env=server_environ(self.binary, is_cautious=is_cautious),
                pass_fds=[lock],
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )
        os.pwrite(lock, f"{server.pid:<10}\n".encode(), 0)
        os.close(lock)  # the server has it now, and gives it back by ending
        return server

    def _end_orphan(self) -> int:
        """Return `server.lock`, taken; a server whose guard was killed is ended first, by force if need be."""
        lock = open_lock(self.folder / embedded.SERVER_LOCK)
        deadline = time.monotonic() + STOP_LIMIT_S
        while not embedded.try_lock(lock, fcntl.LOCK_EX):
            embedded.ask(self.socket, b"SHUTDOWN")
            if time.monotonic() > deadline:
                os.kill(int(os.pread(lock, 11, 0)), signal.SIGKILL)
                fcntl.flock(lock, fcntl.LOCK_EX)
                break
            time.sleep(POLL_S)
        self.socket.unlink(missing_ok=True)
        return lock

    def _configuration(self) -> str:
        """Return the server's configuration; it goes through its standard input, where paths can be quoted."""
        lines = {
            "port": "0",
            "unixsocket": quoted(self.socket),
            "unixsocketperm": "700",
            "dir": quoted(self.folder),
            "logfile": quoted(self.folder / embedded.SERVER_LOG),
            "daemonize": "no",
            "save": '""',
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
        }
        return "".join(f"{name} {value}\n" for name, value in lines.items())


def open_lock(path: Path) -> int:
    """Open a lock's file, made if need be."""
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def quoted(path: Path) -> str:
    """Return the path as a word of the server's configuration."""
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _end_with_parent() -> None:
    """Have the kernel end the server gently when the guard is killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def main() -> int:
    """Become the guard, unless there is one already."""
    var_dir, binary, linger_s = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
    lock = open_lock(embedded.data_dir(var_dir) / embedded.GUARD_LOCK)
    deadline = time.monotonic() + 1  # who only looks whether there is a guard holds the lock for a moment
    while not embedded.try_lock(lock, fcntl.LOCK_EX):
        if time.monotonic() > deadline:
            return 0
        time.sleep(embedded.POLL_S)
    return Guard(var_dir, binary, linger_s=linger_s).run()


if __name__ == "__main__":
    sys.exit(main())
