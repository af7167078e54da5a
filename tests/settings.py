"""Settings of the tests: nothing of the developer's environment or data is read or written."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

from dashboard import env

_var = tempfile.mkdtemp(prefix="dashboard-tests-")
atexit.register(shutil.rmtree, _var, ignore_errors=True)
for _name in env.NAMES:
    os.environ.pop(_name, None)
os.environ |= {
    "VAR_DIR": _var,
    "SECRET_KEY": "a key of the tests, long enough for every check and known to all",
    "HTTPS": "0",
    "ALLOWED_HOSTS": "127.0.0.1,localhost,testserver",
    # A test without a store of its own finds none, instead of a server somebody works with.
    "REDIS_URL": f"unix://{_var}/no-server.sock",
    "RATELIMIT_API": "1000000/m",
    "RATELIMIT_LOGIN": "1000000/m",
}

from dashboard.settings import *  # noqa: E402, F403 - the environment above has to come first

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # noqa: F405
WHITENOISE_AUTOREFRESH = True
WHITENOISE_USE_FINDERS = True
SILENCED_SYSTEM_CHECKS = [
    *SILENCED_SYSTEM_CHECKS,  # noqa: F405
    # The tests' cache is within the process on purpose.
    "django_ratelimit.E003",
    "django_ratelimit.W001",
]
