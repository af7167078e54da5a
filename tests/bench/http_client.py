"""A client that costs next to nothing, so that the server is measured: ready-made requests, kept connections."""

from __future__ import annotations

import re
import selectors
import socket
import time
from collections.abc import Sequence
from itertools import cycle

CHUNK = 65536
#: Seconds a server has to answer.
LIMIT_S = 30
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class HttpConnection:
    """One kept connection to the loopback; a request is the bytes to send."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), LIMIT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def call(self, request: bytes, *, status: int = 200) -> bytes:
        """Return the body of the answer. Raises AssertionError for another status."""
        self.socket.sendall(request)
        while (body := self.take(status)) is None:
            self.read()
        return body

    def read(self) -> None:
        """Take what has arrived."""
        data = self.socket.recv(CHUNK)
        if not data:
            raise AssertionError("the server closed the connection")
        self.buffer += data

    def take(self, status: int = 200) -> bytes | None:
        """Return the body once the whole answer is there."""
        end = self.buffer.find(b"\r\n\r\n")
        if end == -1:
            return None
        head = self.buffer[:end]
        length = _LENGTH.search(head)
        size = end + 4 + (int(length[1]) if length else 0)
        if len(self.buffer) < size:
            return None
        body, self.buffer = self.buffer[end + 4 : size], self.buffer[size:]
        if int(head[9:12]) != status:
            raise AssertionError(f"status {head[9:12].decode()} instead of {status}: {body[:300]!r}")
        return body

    def close(self) -> None:
        self.socket.close()


def get(path: str, **headers: str) -> bytes:
    """Return a request as it travels; underscores in names of headers stand for hyphens."""
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def with_header(request: bytes, name: str, value: str) -> bytes:
    """Return a request with one more header."""
    return request.removesuffix(b"\r\n") + f"{name}: {value}\r\n\r\n".encode()


def throughput(port: int, requests: Sequence[bytes], *, connections: int, seconds: float) -> float:
    """Return the requests answered in a second when every connection asks again as soon as it has its answer."""
    selector = selectors.DefaultSelector()
    opened = [HttpConnection(port) for _ in range(connections)]
    following = cycle(requests)
    try:
        for one in opened:
            selector.register(one.socket, selectors.EVENT_READ, one)
            one.socket.sendall(next(following))
        answered, start = 0, time.perf_counter()
        while (passed := time.perf_counter() - start) < seconds:
            for key, _ in selector.select(LIMIT_S):
                key.data.read()
                if key.data.take() is not None:
                    answered += 1
                    key.data.socket.sendall(next(following))
        return answered / passed
    finally:
        selector.close()
        for one in opened:
            one.close()
