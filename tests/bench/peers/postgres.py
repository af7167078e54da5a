"""A Postgres of the benchmark's own: a temporary folder, a unix socket, nothing on the network."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from tests.bench.environment import running

#: Where Debian and Ubuntu keep the programs, which they leave off the PATH; the newest version counts.
DEBIAN = Path("/usr/lib/postgresql")
#: Who runs the server for root, whom it refuses.
UNPRIVILEGED = "nobody"
USER = "bench"
#: As it comes, but for what reads do not feel: nothing has to outlive the benchmark, and nothing goes on beside it.
SETTINGS = {
    "listen_addresses": "", "max_wal_size": "4GB", "fsync": "off", "synchronous_commit": "off", "autovacuum": "off",
}  # fmt: skip


class PostgresMissing(Exception):
    """Raised when Postgres is not installed."""


def find_programs() -> Path:
    """Return the folder of `initdb` and `postgres`. Raises PostgresMissing."""
    folders = sorted(DEBIAN.glob("*/bin"), key=lambda path: path.parent.name.zfill(4), reverse=True)
    if found := shutil.which("initdb"):
        folders.insert(0, Path(found).parent)
    for folder in folders:
        if all(os.access(folder / name, os.X_OK) for name in ("initdb", "postgres")):
            return folder
    raise PostgresMissing(
        "There is no Postgres to compare with: neither `initdb` nor `postgres` is on the PATH. "
        "Install it (on Debian and Ubuntu: the package postgresql)."
    )


@contextmanager
def private_postgres() -> Iterator[str]:
    """Run a server for a while; give the address of its database. Raises PostgresMissing, BenchError."""
    programs = find_programs()
    owner = UNPRIVILEGED if os.getuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="bench-pg-"))
    try:
        if owner:
            account = pwd.getpwnam(owner)
            os.chown(folder, account.pw_uid, account.pw_gid)
        data = folder / "data"
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
            check=True, capture_output=True, cwd=folder, **identity(owner),
        )  # fmt: skip
        command = [str(programs / "postgres"), "-D", str(data), "-k", str(folder)]
        for name, value in SETTINGS.items():
            command += ["-c", f"{name}={value}"]
        # It ends at once on SIGINT; on SIGTERM it would wait for whoever is connected.
        with running(
            command, folder / "log", is_up=lambda: is_ready(data), end_by=signal.SIGINT, cwd=folder, **identity(owner)
        ):
            yield f"postgres://{USER}@{quote(str(folder), safe='')}/postgres"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def is_ready(data: Path) -> bool:
    """Tell whether the server takes connections, by what it writes into its own folder."""
    try:
        return (data / "postmaster.pid").read_text().splitlines()[7].strip() == "ready"
    except (OSError, IndexError):
        return False


def identity(owner: str | None) -> dict[str, object]:
    """Return the options of a process that runs as somebody else."""
    if owner is None:
        return {}
    account = pwd.getpwnam(owner)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
