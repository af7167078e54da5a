"""What every call of a script does inside the server, as the server's own MONITOR tells it."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from dashboard.store.client import SCRIPT_TEXTS
from dashboard.store.scripts import FOLDER, script

LINE = re.compile(rb'^\+?[0-9.]+ \[\d+ ([^\]]*)\] "(\w+)"(.*)$')
WORD = re.compile(rb'"((?:[^"\\]|\\.)*)"')
#: Commands that take everything a key holds, however much that is.
WHOLE = {
    "SMEMBERS", "HGETALL", "HKEYS", "HVALS", "KEYS", "SORT", "SINTER", "SUNION", "SDIFF", "SINTERSTORE", "SUNIONSTORE",
    "SDIFFSTORE", "ZUNIONSTORE", "ZINTERSTORE", "ZDIFFSTORE", "ZUNION", "ZINTER", "ZDIFF", "ZRANGEBYSCORE",
    "ZRANGEBYLEX", "ZREVRANGEBYSCORE", "ZREVRANGEBYLEX", "ZREMRANGEBYSCORE", "ZREMRANGEBYLEX", "ZRANGESTORE",
    "DEL", "COPY", "DUMP", "SCRIPT", "FLUSHALL", "FLUSHDB",
}  # fmt: skip
#: Commands of which two words say the first and the last of what is taken.
SPANS = {"ZRANGE", "ZREVRANGE", "LRANGE", "GETRANGE", "ZREMRANGEBYRANK"}


@dataclass
class Call:
    """One call of a script: how many things it touched, and which keys as a whole."""

    touched: int = 0
    whole: set[str] = field(default_factory=set)


def names_of_scripts() -> dict[str, str]:
    """Return the name of every script by its digest."""
    return {script(path.stem).sha: path.stem for path in sorted(FOLDER.glob("*.lua"))}


@contextmanager
def monitored(path: str) -> Iterator[dict[str, list[Call]]]:
    """Watch a server; when it is over, the calls of each script are there."""
    found: dict[str, list[Call]] = defaultdict(list)
    heard: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        connection.sendall(b"MONITOR\r\n")
        assert connection.recv(5) == b"+OK\r\n"
        reader = threading.Thread(target=lambda: heard.extend(iter(lambda: connection.recv(1 << 20), b"")))
        reader.start()
        try:
            yield found
            time.sleep(0.2)
        finally:
            connection.shutdown(socket.SHUT_RDWR)
            reader.join()
    names, call = names_of_scripts(), None
    for line in b"".join(heard).split(b"\r\n"):
        told = LINE.match(line)
        if not told:
            continue
        where, command = told[1], told[2].decode().upper()
        if where != b"lua":
            call = None
            if command in ("EVALSHA", "EVAL"):
                first = WORD.search(told[3])
                assert first
                sha = first[1].decode(errors="replace")
                name = names.get(sha) or next((names[one] for one in names if _is_text(one, first[1])), None)
                call = Call()
                found[name or "of no script of ours"].append(call)
        elif call is not None:
            _count(call, command, [word.decode(errors="replace") for word in WORD.findall(told[3])])


def _is_text(sha: str, told: bytes) -> bool:
    """Tell whether a script that was sent whole is the one with that digest."""
    return told.startswith(SCRIPT_TEXTS[sha].encode()[:60].replace(b"\n", b"\\n").replace(b'"', b'\\"'))


def _count(call: Call, command: str, words: list[str]) -> None:
    upper = [word.upper() for word in words]
    if command in WHOLE and "LIMIT" not in upper:
        call.whole.add(words[0] if words else command)
    elif command in SPANS:
        first, last = int(words[1]), int(words[2])
        if last < 0 <= first or (first < 0 and last >= 0):
            call.whole.add(words[0])
        call.touched += max(1, last - first + 1)
    elif command in ("SSCAN", "ZSCAN", "HSCAN", "SCAN") and "COUNT" in upper:
        call.touched += int(words[upper.index("COUNT") + 1])
    else:
        call.touched += max(1, len(words) - 1)
