"""Serves the floor as `manage.py serve` serves the product: same server, same number of processes and threads."""

from __future__ import annotations

import multiprocessing
import sys

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from dashboard.server import THREADS


def main(port: int, workers: int, name: str) -> None:
    """Serve the floor of that name until SIGTERM."""
    multiprocessing.set_start_method("spawn", force=True)
    Granian(
        f"tests.bench.floor_app:{name}",
        address="127.0.0.1",
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=THREADS,
        websockets=False,
        log_level=LogLevels.error,
        log_access=False,
    ).serve()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
