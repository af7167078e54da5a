"""The floor below any client: a socket, the C parser of replies, and a script that does the least."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import hiredis

HERE = Path(__file__).parent
#: Bytes taken from the socket at once: more than a page.
CHUNK = 65536


class RawConnection:
    """One connection to the server at an address of the kinds that REDIS_URL takes here."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme == "unix":
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(parts.path)
        else:
            self.socket = socket.create_connection((parts.hostname, parts.port))
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = hiredis.Reader()

    def call(self, packed: bytes) -> Any:
        """Send a packed command and return its reply."""
        self.socket.sendall(packed)
        return self.reply()

    def reply(self) -> Any:
        """Return the next reply."""
        while (reply := self.reader.gets()) is False:
            self.reader.feed(self.socket.recv(CHUNK))
        if isinstance(reply, hiredis.ReplyError):
            raise reply
        return reply

    def load(self, name: str) -> str:
        """Load a script of this folder; return its digest."""
        return self.call(pack("SCRIPT", "LOAD", (HERE / f"{name}.lua").read_bytes())).decode()


def pack(*words: str | bytes | int) -> bytes:
    """Return a command as it travels."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        data = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(parts)


def pack_script(sha: str, keys: Sequence[str], args: Sequence[str | int]) -> bytes:
    """Return the call of a loaded script."""
    return pack("EVALSHA", sha, len(keys), *keys, *args)


def join(reply: list[Any]) -> bytes:
    """Return the reply of a floor script as the body of an answer."""
    count, rows = reply
    return b'{"bots":[%b],"count":%d}' % (b",".join(rows), count)
