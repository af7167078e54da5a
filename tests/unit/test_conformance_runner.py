"""What the runner of the conformance suite makes of its outcome, and which servers it finds."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.conformance import servers, suite

UNDISTURBED = "FAILED test_x.py::test_{} - AssertionError: only 3 writes during the walk: it proves nothing\n"
OK = (0, "10 passed, 21 deselected in 3.43s\n")


def failing(*names: str) -> tuple[int, str]:
    return 1, "".join(map(UNDISTURBED.format, names)) + f"{len(names)} failed, 8 passed in 3.4s\n"


@pytest.mark.parametrize(
    ("outcomes", "holds"),
    [
        ([OK], True),
        ([failing("a", "b"), failing("b"), OK], True),
        ([failing("a")] * suite.ATTEMPTS, True),
        ([failing("a"), (1, "FAILED test_x.py::test_a - AssertionError: shown twice\n1 failed, 9 passed\n")], False),
        ([(1, UNDISTURBED.format("a") + "FAILED test_x.py::test_b - KeyError\n2 failed in 1s\n")], False),
        ([(3, "conformance: no redis-server\n")], False),
        ([(1, "10 passed in 3s\nconformance: manage.py serve died meanwhile\n")], False),
        ([(suite.NOTHING_SELECTED, "31 deselected in 0.02s\n")], True),
    ],
)
def test_walks_are_repeated_until_they_were_disturbed(
    monkeypatch: pytest.MonkeyPatch, outcomes: list[tuple[int, str]], holds: bool
) -> None:
    left, asked = iter(outcomes), []

    def call(environ: dict[str, str], arguments: list[str]) -> tuple[int, str]:
        asked.append(arguments)
        return next(left)

    monkeypatch.setattr(suite, "call", call)
    assert suite.walk_until_disturbed({}, "cursor") is holds
    assert next(left, None) is None
    # Those that were disturbed are not walked again.
    assert all(arguments[2].startswith("test_x.py::test_") for arguments in asked[1:])


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
