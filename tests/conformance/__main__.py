"""`python -m tests.conformance --server redis6`: the conformance suite against the servers named, one after another."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

from dashboard.errors import EmbeddedServerError
from tests.conformance import suite
from tests.conformance.servers import SERVERS, ServerMissing

#: What must pass, in the words of pytest's -m.
HELD = "not table"


def arguments() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument(
        "--server", nargs="+", choices=SERVERS, default=list(SERVERS), help="kinds of servers; default all of them"
    )
    parser.add_argument("-m", dest="groups", default=HELD, help=f"groups of the suite, default {HELD!r}")
    return parser.parse_args()


def stop(number: int, frame: FrameType | None) -> None:
    """End in order on SIGTERM, as on Ctrl-C."""
    sys.exit(128 + number)


def main() -> int:
    """Run the suite against each server; return 0 when everything holds, 2 when the suite or a server is not there."""
    options = arguments()
    if not suite.RUNNER.is_file():
        print("There is no conformance suite beside the project: ../shared/conformance/run.py is missing.")
        return 2
    signal.signal(signal.SIGTERM, stop)
    # A shell lets its background jobs ignore Ctrl-C, and they whom they start; the suite ends commands by it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    verdicts = {}
    for name in options.server:
        start = time.monotonic()
        try:
            with (
                tempfile.TemporaryDirectory(prefix="conformance-server-") as folder,
                SERVERS[name](Path(folder)) as environ,
            ):
                holds = suite.run(environ, groups=options.groups)
        except (ServerMissing, EmbeddedServerError) as error:
            print(error)
            return 2
        verdicts[name] = holds
        print(f"{name}: {'holds' if holds else 'FAILS'}, {time.monotonic() - start:.0f} s", flush=True)
    return 0 if all(verdicts.values()) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
