"""What the tests of `follow_writes` share: programs that know only the shared keys, and followers of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import redis

from bots_app.check import check
from bots_app.follow import Follower
from bots_app.hearing import Gap
from dashboard import env
from dashboard.store.client import client
from sessions_app.records import SessionId
from tests.contract.model import Record, run, tag, told

ROOT = Path(__file__).resolve().parents[2]
FLAGS = "Kg$xe"
#: Seconds for what takes less than one on a machine that is not busy.
LIMIT_S = 20


class Foreign:
    """A program of somebody else's, writing runs of one session."""

    def __init__(self, sid: str) -> None:
        self.sid = sid
        self.summary = f"bot_registry:session_current:{tag(sid)}"

    def key(self, config_hash: str) -> str:
        return f"bot_registry:run:{tag(self.sid)}:{config_hash}"

    def write(self, config_hash: str, profit: float | None = None, status: str = "completed", **more: Any) -> Record:
        """Write a record and nothing else."""
        record = run(config_hash, profit, status, **more)
        client().set(self.key(config_hash), json.dumps(record))
        return record

    def remove(self, config_hash: str) -> None:
        client().delete(self.key(config_hash))

    def events(self) -> list[tuple[str, str]]:
        """Return every event's name and hash, oldest first."""
        found = [(one.name, json.loads(one.data)) for one in told(self.sid)]
        return [(name, data["configHash"] or "") for name, data in found]

    def rows(self) -> dict[str, dict[str, Any]]:
        """Return the rows of the list, by hash."""
        found = client().hgetall(f"session:{tag(self.sid)}:index:rows")
        return {name.decode(): json.loads(row) for name, row in found.items()}

    def drift(self) -> list[str]:
        """Return what is wrong with the session's indexes."""
        return [drift.kind for drift in check(SessionId.parse(self.sid))]

    def told(self) -> dict[str, Any]:
        """Return the summary."""
        found: dict[str, Any] = json.loads(client().get(self.summary) or b"{}")
        return found


class Driven:
    """A follower whose turns the test drives, so that nothing depends on how fast the machine is."""

    def __init__(self, **options: Any) -> None:
        self.lines: list[str] = []
        self.follower = Follower(self.lines.append, **options)

    def until(self, condition: Callable[[], object]) -> None:
        """Take turns until the condition holds."""
        deadline = time.monotonic() + LIMIT_S
        while not condition():
            assert time.monotonic() < deadline, f"it did not happen; the follower said {self.lines}"
            try:
                self.follower.turn()
            except Gap:
                self.follower.start_anew()

    def settle(self) -> None:
        """Take turns until everything that was heard is looked at, the second looks included."""
        self.until(lambda: self.follower.is_caught_up)
        quiet_at = time.monotonic() + 0.2
        self.until(lambda: self.follower.news.due_at() is None and time.monotonic() > quiet_at)

    def leave(self) -> None:
        self.follower.hearing.leave()


class Process:
    """A running management command."""

    def __init__(self, url: str, folder: Path, *arguments: str) -> None:
        kept = {name: value for name, value in os.environ.items() if name not in env.NAMES}
        given = {"REDIS_URL": url, "VAR_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "dashboard.settings"}
        self.log = folder / "follower.log"
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", *arguments], cwd=ROOT, env=kept | given,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip

    def said(self) -> str:
        return self.log.read_text()

    def end(self, number: int) -> int:
        """Send a signal; return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(LIMIT_S)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(LIMIT_S)


def wait_for(condition: Callable[[], object], *, said: Callable[[], str] = str) -> None:
    deadline = time.monotonic() + LIMIT_S
    while True:
        try:
            if condition():
                return
        except redis.RedisError:
            pass  # the server of the test may be away
        assert time.monotonic() < deadline, f"it did not happen in time:\n{said()}"
        time.sleep(0.05)
