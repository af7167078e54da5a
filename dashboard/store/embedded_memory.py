"""Where the embedded server takes its memory from: jemalloc, where the machine has it, and glibc otherwise.

The server of the package takes it from the C library. glibc keeps what is freed in lists by size and looks through
thousands of them, once much of other sizes was freed: 400,000 records of 1.5 to 3.5 kB, removed 50 at a time in no
order, held a command up for 31 ms, and for 185 once; with jemalloc for 7, at a third of the server's time, and what is
freed goes back to the machine. It takes a tenth more memory for as long as the records are there.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

#: As Debian and others name it, looked for where the system looks for libraries.
JEMALLOC = "libjemalloc.so.2"
#: Has it give back what is free in a thread of its own, as servers do that were built with it.
IN_BACKGROUND = "background_thread:true"
#: Has glibc join small pieces when they are freed. It would gather them up all at once, and the next command that needs
#: memory would wait: 134 ms, where 300,000 fields of a hash were taken out by the hundred, and 10 ms so.
TUNABLES = "glibc.malloc.mxfast=0"
#: Seconds a server has to tell its version.
LIMIT_S = 10.0


def server_environ(server: Path, *, is_cautious: bool = False) -> dict[str, str]:
    """Return the environment to start a server in; what the user has told glibc or jemalloc counts more than ours.

    Where LD_PRELOAD is set, to whatever it may be, and where we are to be cautious, no other library is used.
    """
    told = os.environ.get("GLIBC_TUNABLES")
    environ = os.environ | {"GLIBC_TUNABLES": f"{TUNABLES}:{told}" if told else TUNABLES}
    if is_cautious or sys.platform != "linux" or "LD_PRELOAD" in environ:
        return environ
    other = {"MALLOC_CONF": IN_BACKGROUND} | environ | {"LD_PRELOAD": JEMALLOC}
    return other if _runs_in(other, server) else environ


def _runs_in(environ: dict[str, str], server: Path) -> bool:
    """Tell whether a server takes its memory from the C library and has no complaint about another one in its place."""
    try:
        done = subprocess.run(
            [server, "--version"], env=environ, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and not done.stderr and "malloc=libc" in done.stdout
