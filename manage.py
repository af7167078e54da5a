#!/usr/bin/env python
"""Django's command line; `manage.py help` lists the commands."""

from __future__ import annotations

import os
import sys

from django.core.management import execute_from_command_line

from dashboard.errors import DashboardError, SettingError


def main() -> None:
    """Run the command; what went wrong for a known reason is told in one line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    try:
        execute_from_command_line(sys.argv)
    except SettingError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except DashboardError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
