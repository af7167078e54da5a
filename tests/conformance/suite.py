"""One run of the suite, and what is made of its outcome."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUNNER = ROOT.parent / "shared" / "conformance" / "run.py"

#: Walks beside a writer that logs in first. One that was right but over before the writer's fifth write proves nothing
#: and says so by failing, last of all: these are walked again, so that as many as can be are disturbed once.
RACES = "test_cursors_under_writes.py"
RACING = ("test_a_walk_forward_shows_every_steady_run_once", "test_a_walk_back_shows_every_steady_run_once")
ATTEMPTS = 12
#: Letters a line of pytest's, so that it leaves no reason of a failure out.
WIDTH = "240"
#: pytest's exit code when no test was selected.
NOTHING_SELECTED = 5
_SUMMARY = re.compile(r"^\d+ (passed|failed)", re.MULTILINE)
_FAILED = re.compile(r"^FAILED (\S.*)$", re.MULTILINE)
_UNDISTURBED = re.compile(r"(.*) - AssertionError: only .*it proves nothing$")


def run(environ: Mapping[str, str], *, groups: str) -> bool:
    """Run the groups named in the words of pytest's -m, and the walks that have to be disturbed; tell if all holds."""
    selected = ["-m", groups]
    for name in RACING:
        selected += ["--deselect", f"{RACES}::{name}"]
    return call(environ, selected)[0] == 0 and walk_until_disturbed(environ, groups)


def walk_until_disturbed(environ: Mapping[str, str], groups: str) -> bool:
    """Tell whether every racing walk was right, and name those that were over too soon in every attempt.

    tests/integration/test_concurrency.py holds walks under writers whatever their speed.
    """
    asked = ["-k", " or ".join(RACING), RACES]
    for _ in range(ATTEMPTS):
        code, output = call(environ, ["-m", groups, *asked])
        if code == NOTHING_SELECTED:
            return True
        failed = _FAILED.findall(output)
        asked = [match[1] for line in failed if (match := _UNDISTURBED.match(line))]
        if not _SUMMARY.search(output) or len(asked) < len(failed) or (code and not failed):
            return False
        if not asked:
            return True
    print(f"Right, but over before anybody wrote in {ATTEMPTS} attempts: {', '.join(asked)}", flush=True)
    return True


def call(environ: Mapping[str, str], arguments: Sequence[str]) -> tuple[int, str]:
    """Run the suite with arguments of pytest, showing what it prints; return its exit code and what it printed."""
    command = [sys.executable, str(RUNNER), str(ROOT), "--", "-q", *arguments]
    printed = []
    with subprocess.Popen(
        command, env=dict(os.environ) | dict(environ) | {"COLUMNS": WIDTH}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
    ) as process:  # fmt: skip
        assert process.stdout is not None
        try:
            for line in process.stdout:
                print(line, end="", flush=True)
                printed.append(line)
        except BaseException:
            process.terminate()  # it ends its servers then
            raise
    return process.returncode, "".join(printed)
