"""The floor of a list over HTTP: bare WSGI, one raw script call, the rows joined. No login, no limit, no parameters."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

from tests.bench.raw import RawConnection, join

URL, COMMAND = "BENCH_FLOOR_URL", "BENCH_FLOOR_COMMAND"

_local = threading.local()
_command = bytes.fromhex(os.environ.get(COMMAND, ""))


def application(environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
    """Answer the page."""
    if not hasattr(_local, "raw"):
        _local.raw = RawConnection(os.environ[URL])
    body = join(_local.raw.call(_command))
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
