"""The ASGI application, for those who run an ASGI server; ours is WSGI, which answers a page in a third of the time."""

from __future__ import annotations

import os
import sys

from django.core.asgi import get_asgi_application

from dashboard.errors import SettingError

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
try:
    application = get_asgi_application()
except SettingError as error:
    sys.exit(str(error))
