"""The comparison with Postgres finds the same answers on both sides and measures everything it names: run small."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 120


@pytest.mark.slow
def test_both_sides_answer_the_same(tmp_path, redis_binary):
    figures = tmp_path / "figures.json"
    command = [sys.executable, "-m", "tests.bench.peers", "--runs", "300", "--rounds", "3", "--json", str(figures)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    if done.returncode == 2:
        pytest.skip(f"{done.stderr.strip()} The machines that check every commit have none.")
    assert done.returncode == 0, done.stderr
    rows = json.loads(figures.read_text())["rows"]
    assert [row["goal"] for row in rows if row["goal"]] == [">= 4", ">= 4", ">= 30"]
    assert all(row["value"] > 0 and row["ratio"] > 0 and row["name"] in done.stdout for row in rows)


def test_without_postgres_it_says_so(tmp_path, monkeypatch):
    from tests.bench.peers import postgres

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgres, "DEBIAN", tmp_path)
    with pytest.raises(postgres.PostgresMissing, match="package postgresql"):
        postgres.find_programs()


def test_without_mlflow_it_says_so_and_leaves_nothing(tmp_path, monkeypatch):
    from tests.bench.environment import BenchError
    from tests.bench.peers.mlflow_own import private_mlflow

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(BenchError, match="does not start"), private_mlflow(Path(sys.executable)):
        pass
    assert not list(tmp_path.iterdir())
