"""One run of the suite, with what has to be put right in its pytest."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUNNER = ROOT.parent / "shared" / "conformance" / "run.py"


def run(environ: Mapping[str, str], *, groups: str) -> bool:
    """Run the groups named in the words of pytest's -m, showing what the suite prints; tell if all holds."""
    command = [sys.executable, str(RUNNER), str(ROOT), "--", "-q", "-m", groups]
    given = dict(os.environ) | {"PYTHONPATH": str(ROOT)} | dict(environ)
    given["PYTEST_ADDOPTS"] = f"{environ.get('PYTEST_ADDOPTS', '')} -p tests.conformance.racing_plugin"
    with subprocess.Popen(command, env=given, stdin=subprocess.DEVNULL) as process:
        try:
            return process.wait() == 0
        except BaseException:
            process.terminate()  # it ends its servers then
            raise
