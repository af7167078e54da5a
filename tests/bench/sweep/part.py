"""Everything that is measured of the sweep table, in a session of its own that is deleted in the end."""

from __future__ import annotations

from pathlib import Path

from bots_app.table.memory import memory
from sessions_app.registry import SessionRegistry
from tests.bench.raw import RawConnection
from tests.bench.report import Report
from tests.bench.sweep import analysis, beside, exports, pages, writes
from tests.bench.sweep.data import SID, load


def measure(
    report: Report, raw: RawConnection, folder: Path, *, runs: int, rounds: int, written: int
) -> None:  # fmt: skip
    """Load the session, then ask for pages and analysis; what changes its runs comes last."""
    plain, seconds = load(runs)
    writes.measure_load(report, runs=runs, seconds=seconds)
    writes.measure_batches(report, runs=written)
    writes.measure_bytes(report, runs=runs)
    pages.measure_warm(report, plain, rounds=rounds)
    pages.measure_cold(report, rounds=rounds)
    pages.measure_http(report, plain, raw, folder, rounds=rounds)
    analysis.measure(report, rounds=rounds)
    analysis.measure_plateau(report, rounds=rounds)
    exports.measure(report, folder, runs=runs)
    beside.measure(report, folder, rounds=rounds)
    memory.cache_clear()
    SessionRegistry().delete(SID)
