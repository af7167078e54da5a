"""What is repeated of the conformance suite, and which servers its runner finds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance import racing_plugin, servers

ROOT = Path(__file__).resolve().parents[2]
RACES = """
import pytest
done = []

@pytest.mark.parametrize("name", ["met", "never", "wrong"])
def test_a_walk_forward_shows_every_steady_run_once(name):
    done.append(name)
    assert name != "wrong" or done.count(name) < 2, "shown twice"
    assert name == "met" and done.count(name) == 3, f"only {done.count(name)} writes took place: it proves nothing"

def test_that_races_with_nobody():
    done.append("other")
    raise AssertionError("only 1 writes took place: it proves nothing")

def test_how_often():
    assert (done.count("met"), done.count("wrong"), done.count("other")) == (3, 2, 1)
"""


def test_walks_are_repeated_until_they_were_disturbed(tmp_path: Path) -> None:
    (tmp_path / "test_races.py").write_text(RACES)
    environ = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "240"}
    plugins = ["-p", "no:django", "-p", "tests.conformance.racing_plugin"]
    command = [sys.executable, "-m", "pytest", "-q", "-rfs", *plugins, "--rootdir", tmp_path, tmp_path]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    said = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "SKIPPED"))]
    assert len(said) == 3 and done.stdout.splitlines()[-1].startswith("2 failed, 2 passed, 1 skipped"), done.stdout
    assert "once[wrong] - AssertionError: shown twice" in said[0]
    assert "test_that_races_with_nobody - AssertionError: only 1 writes" in said[1]
    assert f"over before anybody wrote in each of {racing_plugin.ATTEMPTS} walks" in said[2]


def test_every_server_is_the_first_on_the_path(tmp_path: Path) -> None:
    for name, least in (("valkey", "9."), ("redis6", "6.2."), ("redis7", "7.")):
        folder = tmp_path / name
        folder.mkdir()
        try:
            with servers.SERVERS[name](folder) as environ:
                first = Path(environ["PATH"].split(os.pathsep)[0]) / "redis-server"
                assert first.parent == folder
                assert subprocess.run([first, "--version"], capture_output=True, check=True).stdout
                assert servers.version(first).startswith(least)
        except servers.ServerMissing as error:
            pytest.skip(f"{name}: {error}")
