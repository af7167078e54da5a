"""The suite against a cluster, and against what sentinels watch.

The suite starts one program, `redis-server`, and addresses that. The one that it finds here starts a whole group around
the server asked for (`group_server.py`). What the suite itself takes to Redis is put right by a plugin for its pytest
(`suite_plugin.py`): on a cluster its client writes every session's keys with the braces. Tests that hold up or stop a
server of their own get a group without replicas, where nobody takes its place.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dashboard.store import embedded
from tests.cluster.servers import SERVICE, free_port

ROOT = Path(__file__).resolve().parents[2]
CLUSTER, SENTINEL = "cluster", "sentinel"


def started(kind: str, folder: Path) -> dict[str, str]:
    """Return the environment in which the first `redis-server` on the PATH starts a group.

    Raises EmbeddedServerError.
    """
    binary = embedded.find_server()
    program = folder / "redis-server"
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m tests.conformance.group_server "{binary}" "$@"\n'
    )
    program.chmod(0o755)
    return {
        "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONPATH": str(ROOT),
        "PYTEST_ADDOPTS": "-p tests.conformance.suite_plugin",
        "GROUP_KIND": kind,
        "GROUP_FOLDER": str(folder),
    }


@contextmanager
def cluster(folder: Path) -> Iterator[Mapping[str, str]]:
    """Three masters with a replica each."""
    yield started(CLUSTER, folder) | {"REDIS_CLUSTER": "1"}


@contextmanager
def sentinel(folder: Path) -> Iterator[Mapping[str, str]]:
    """A master with two replicas, and three sentinels."""
    ports = [free_port() for _ in range(3)]
    (folder / "sentinels-first").write_text(" ".join(map(str, ports)))
    addresses = ",".join(f"127.0.0.1:{port}" for port in ports)
    yield started(SENTINEL, folder) | {"REDIS_SENTINELS": f"{addresses}/{SERVICE}"}
