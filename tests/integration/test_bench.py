"""The benchmark measures everything it names: run small, as its figures mean nothing then."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: Seconds for loading, two servers and every measurement on a busy machine.
LIMIT_S = 120
SECTIONS = {
    "Page of 50 by profit, best first": 5,
    "Status and profit 5 to 30, exact count": 14,
    "Deep pages": 6,
    "By lastUpdated, newest first": 4,
    "Aggregate": 3,
    "Over HTTP, one request at a time": 6,
    "Over HTTP, 16 connections at once": 1,
    "Event streams": 2,
    "Written in batches": 7,
    "Written one by one": 2,
    "Bytes a run": 12,
    "follow_writes": 5,
    "List of 10,000 sessions": 9,
    "Upkeep of a whole session": 4,
    "Written in batches, 40 columns": 3,
    "Bytes a run of the sweep table, 40 columns": 5,
    "Three fields filtered, by a fourth, page of 50: few match": 5,
    "Three fields filtered, by a fourth, page of 50: half match": 5,
    "Three fields filtered, by a fourth, no column held": 1,
    "Three fields filtered, by a fourth, over HTTP": 6,
    "Analysis of all runs, columns held": 12,
    "Page by plateau score": 2,
    "All runs x 20 fields as a file": 10,
    "Three fields filtered, by a fourth, beside 100 writes a second": 6,
    "Longest single command of Redis": 2,
}


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.bench", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False)


@pytest.mark.slow
def test_every_line_is_measured(tmp_path, redis_binary):
    figures = tmp_path / "figures.json"
    done = bench("--runs", "2000", "--rounds", "3", "--turns", "1", "--writes", "1000", "--json", str(figures))
    assert done.returncode == 0, done.stderr
    rows = json.loads(figures.read_text())["rows"]
    for section, least in SECTIONS.items():
        found = [row for row in rows if row["section"].startswith(section)]
        assert len(found) >= least, section
    for row in rows:
        assert row["value"] >= 0
        assert (row["verdict"] in ("ok", "MISSED")) == bool(row["goal"])
        assert bool(row["against"]) == (row["ratio"] is not None)
        if row["unit"] != "B":
            assert row["value"] > 0
            assert row["ratio"] is None or row["ratio"] > 0
        assert row["name"].strip() in done.stdout
    assert "goals met" in done.stdout


def test_parts_and_mistakes():
    done = bench("--runs", "10")
    assert done.returncode == 2
    assert "at least 2,000" in done.stderr
