"""MLflow as a peer: in a process and a Python of its own, as the dashboard has no use for what it needs."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.environment import BenchError, running

#: Seconds to install it, and to answer one question; loading takes longest.
INSTALL_S, ANSWER_S = 900, 1_800
#: It sends no word of its use to anybody.
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
PROGRAM = Path(__file__).with_name("mlflow_process.py")
LIMIT = 50


class Mlflow:
    """A running one, asked by a socket."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(ANSWER_S)
        self.socket.connect(str(path))
        self.answers = self.socket.makefile("rb")

    def ask(self, **question: Any) -> dict[str, Any]:
        """Return its answer. Raises BenchError when it has ended."""
        self.socket.sendall(json.dumps(question).encode() + b"\n")
        line = self.answers.readline()
        if not line:
            raise BenchError("MLflow has ended; mlflow.log of its folder says why.")
        found: dict[str, Any] = json.loads(line)
        return found

    def page(self, limits: tuple[float, float, int]) -> list[str]:
        """Return the hashes of a page of the query."""
        sharpe, drawdown, trades = limits
        where = f"metrics.sharpeRatio >= {sharpe!r} and metrics.maxDrawdown <= {drawdown!r}"
        answer = self.ask(
            filter=f"{where} and metrics.numTrades >= {trades}", order="metrics.calmarRatio DESC", limit=LIMIT
        )
        hashes: list[str] = answer["hashes"]
        return hashes


def installed(folder: Path) -> Path:
    """Return a Python that has MLflow, made in a folder. Raises BenchError."""
    python = folder / "venv" / "bin" / "python"
    for command in ([sys.executable, "-m", "venv", folder / "venv"], [python, "-m", "pip", "install", "-q", "mlflow"]):
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S, check=False)
        if done.returncode:
            raise BenchError(f"MLflow cannot be installed:\n{done.stderr[-2000:]}")
    return python


@contextmanager
def private_mlflow(python: Path | None) -> Iterator[Mlflow]:
    """Run MLflow for a while, with the Python that has it; None: one is made. Raises BenchError."""
    folder = Path(tempfile.mkdtemp(prefix="bench-mlflow-"))
    try:
        path = folder / "socket"
        command = [str(python or installed(folder)), str(PROGRAM), str(folder), str(path)]
        with running(command, folder / "mlflow.log", is_up=path.exists, environ=QUIET, cwd=folder):
            yield Mlflow(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
