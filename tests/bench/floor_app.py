"""The floors of a list over HTTP: bare WSGI, one script call, the rows joined. No login, no limit, no parameters.

`usual` calls the script by redis-py, which is how the floor was measured that the goals were set against; `least` over
a raw socket.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import hiredis
import redis

from tests.bench.raw import RawConnection, join

URL, COMMAND = "BENCH_FLOOR_URL", "BENCH_FLOOR_COMMAND"

_local = threading.local()
_client: redis.Redis | None = None
_command = bytes.fromhex(os.environ.get(COMMAND, ""))


def least(environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
    """Answer the page."""
    if not hasattr(_local, "raw"):
        _local.raw = RawConnection(os.environ[URL])
    return _answer(_local.raw.call(_command), start_response)


def usual(environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
    """Answer the page, asked for by redis-py."""
    global _client
    if _client is None:
        _client = redis.Redis.from_url(os.environ[URL])
    return _answer(_client.execute_command(*_words), start_response)


def _words_of(command: bytes) -> list[bytes]:
    """Return the words of a packed command, as a client takes them."""
    reader = hiredis.Reader()
    reader.feed(command)
    return list(reader.gets() or [])


_words = _words_of(_command)


def _answer(reply: list[Any], start_response: Callable[..., object]) -> list[bytes]:
    body = join(reply)
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
