#!/usr/bin/env python
"""Django's command line; `manage.py help` lists the commands."""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Run the command; what went wrong for a known reason is told in one line."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        # What Python raises on Ctrl-C during imports is a stack trace, or even lost; so the process just ends, until
        # there is a command that knows better.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from dashboard.command_line import CommandLine
    from dashboard.errors import DashboardError, SettingError

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    try:
        CommandLine(sys.argv, on_loaded=lambda: signal.signal(signal.SIGINT, before)).execute()
    except SettingError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except DashboardError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
