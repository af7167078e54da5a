"""`redis-server` as the suite starts it: becomes the server asked for, and leaves a child that makes a group around it.

The first one gets replicas. The ones after it stand alone, so that a test that stops one finds it stopped.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.cluster.servers import CLUSTERED, DEAD_MS, PLAIN, SERVICE, SLOTS, Attached, Cluster, Server, free_port

FOLDER = Path(os.environ["GROUP_FOLDER"])
IS_CLUSTER = os.environ["GROUP_KIND"] == "cluster"


def main(binary: Path, arguments: Sequence[str]) -> None:
    """Start the group and become the server."""
    port = int(arguments[arguments.index("--port") + 1])
    # The suite gives its own server a folder of its own name; others are those of single tests.
    is_first = Path(arguments[arguments.index("--dir") + 1]).name.startswith("conformance-")
    parent = os.getpid()
    if os.fork() == 0:
        surround(binary, port, is_first=is_first)
        while os.getppid() == parent:
            time.sleep(0.5)
        os.killpg(os.getpgid(0), 9)  # the suite gives each program a group of its own
    # The port that was asked for may be too high for the usual one of the nodes' talk.
    clustered = [*CLUSTERED, "--cluster-port", str(free_port())]
    os.execv(binary, [str(binary), *arguments, *(clustered if IS_CLUSTER else ["--repl-diskless-sync-delay", "0"])])


def surround(binary: Path, port: int, *, is_first: bool) -> None:
    """Start what goes with the server on that port."""
    folder = FOLDER / f"{port}-{time.time_ns()}"
    folder.mkdir()
    server = Attached(port)
    if IS_CLUSTER and is_first:
        Cluster(binary, folder, first=server)
    elif IS_CLUSTER:
        if not server.client.execute_command("CLUSTER SLOTS"):
            server.client.execute_command("CLUSTER ADDSLOTS", *range(SLOTS))
    else:
        for _ in range(2 if is_first else 0):
            Server(binary, folder, [*PLAIN, "--replicaof", f"127.0.0.1 {port}"])
        watch(binary, folder, port, is_first=is_first)


def watch(binary: Path, folder: Path, port: int, *, is_first: bool) -> None:
    """Start three sentinels, at the ports that were told before."""
    told = FOLDER / ("sentinels-first" if is_first else f"sentinels-{port}")
    ports = told.read_text().split() if told.exists() else [str(free_port()) for _ in range(3)]
    for place, own in enumerate(ports):
        path = folder / f"sentinel-{place}.conf"
        path.write_text(
            f"port {own}\nbind 127.0.0.1\nsentinel monitor {SERVICE} 127.0.0.1 {port} 2\n"
            f"sentinel down-after-milliseconds {SERVICE} {DEAD_MS}\n"
        )
        subprocess.Popen([binary, path, "--sentinel"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    told.write_text(" ".join(ports))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
