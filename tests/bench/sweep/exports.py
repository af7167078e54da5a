"""Exports over HTTP: every run with 20 fields as a file of each format, the time, and what the server takes for it."""

from __future__ import annotations

import shutil
import urllib.request
from pathlib import Path
from urllib.parse import quote, urlencode

from django.core.management import call_command

from bots_app.exports import FORMATS
from tests.bench.over_http import tokens
from tests.bench.report import Report, at_most
from tests.bench.streams import PROC, processes, product_server
from tests.bench.sweep.data import SID
from tests.bench.timing import timed

FIELDS = (
    "status", "profit", "lastUpdated", "sharpe", "sortinoRatio", "calmarRatio", "maxDrawdown", "winRate",
    "profitFactor", "numTrades", "expectancy", "exposure", "volatility", "config.riskManagement.stopLoss",
    "ulcerIndex", "config.strategy.params.fastPeriod", "config.strategy.params.slowPeriod",
    "config.strategy.params.rsiPeriod", "config.strategy.params.atrMultiplier", "config.strategy.params.entryThreshold",
)  # fmt: skip
#: What a million runs may take.
MOST_S, MOST_MIB = 60, 300
#: What each format ends with.
ENDS = {"csv": b"\n", "ndjson": b"}\n", "parquet": b"PAR1"}
#: Seconds the server may be silent.
LIMIT_S = 60


def measure(report: Report, folder: Path, *, runs: int) -> None:
    """Have all runs exported, best first, by one worker that has done nothing else before."""
    report.begin(f"All runs x {len(FIELDS)} fields as a file")
    call_command("migrate", verbosity=0, interactive=False)
    [token] = tokens(1, name="exports")
    with product_server(folder, 1) as (pid, port):
        idle = peak_mib(pid)
        for name in FORMATS:
            path = folder / f"export.{name}"
            seconds = timed(lambda path=path, name=name: fetch(port, token, name, path, runs))
            report.value(f"{name}: until its last byte", seconds, "s", goal=at_most(MOST_S))
            report.value(f"{name}: bytes a run", path.stat().st_size / runs, "B")
            held = peak_mib(pid)
            report.value(f"{name}: the most that a process of the server has held", held, "MiB", goal=at_most(MOST_MIB))
            path.unlink()
        report.value("the same before any export", idle, "MiB")


def fetch(port: int, token: str, name: str, path: Path, runs: int) -> None:
    """Store the file of a format; it must be whole."""
    query = urlencode({"format": name, "fields": ",".join(FIELDS), "ordering": "-profit"})
    address = f"http://127.0.0.1:{port}/api/sessions/{quote(str(SID), safe='')}/bots/export?{query}"
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=LIMIT_S) as answer, path.open("wb") as file:
        shutil.copyfileobj(answer, file, 1 << 20)
        told = int(answer.headers["X-Row-Count"])
    if told != runs or not has_end(path, ENDS[name]):
        raise AssertionError(f"the {name} export is of {told} runs instead of {runs}, or not whole")


def has_end(path: Path, end: bytes) -> bool:
    with path.open("rb") as file:
        file.seek(-len(end), 2)
        return file.read() == end


def peak_mib(pid: int) -> float:
    """Return the most that one of the server's processes has ever held, by what Linux says of it."""
    statuses = [(PROC / str(one) / "status").read_text().splitlines() for one in processes(pid)]
    return max(int(line.split()[1]) for lines in statuses for line in lines if line.startswith("VmHWM:")) / 1024
