"""The WSGI application, for `manage.py serve` and any other WSGI server."""

from __future__ import annotations

import os
import sys

from django.core.wsgi import get_wsgi_application

from dashboard.errors import SettingError

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
try:
    _usual = get_wsgi_application()
except SettingError as error:
    sys.exit(str(error))

from dashboard.quick import QuickReads  # noqa: E402 - needs Django as it is set up above

application = QuickReads(_usual)
