"""Files of runs over a real server: whoever gets a part of one can tell, and whoever goes leaves nothing behind."""

from __future__ import annotations

import csv
import http.client
import io
import json
import os
import signal
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from sessions_app.records import SessionId
from tests.integration import test_events as live
from tests.integration.test_events import Redis, Site, folder, redis, start  # noqa: F401 - fixtures

#: More than the server makes ahead of a reader that has stopped: some pieces, and what is in the sockets.
RUNS, NOTE = 9_000, "n" * 5_000
FIELDS = "profit,notes"


@pytest.fixture
def site(start: Callable[..., Site], redis: Redis) -> Site:  # noqa: F811 - fixtures
    records = ({"configHash": f"run-{number:05}", "status": "completed", "notes": NOTE} for number in range(RUNS))
    BotRegistry().put_many(SessionId.parse(live.SID), map(RunWrite.parse, records))
    return start(WORKERS="1")


class Download:
    """An export of which the beginning has been read, of Parquet its headers alone."""

    def __init__(self, site: Site, name: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=live.LIMIT_S)
        parameters = urllib.parse.urlencode({"format": name, "fields": FIELDS})
        headers = {"Authorization": f"Bearer {site.token}"}
        self.connection.request("GET", f"/api/sessions/{live.SID}/bots/export?{parameters}", headers=headers)
        self.answer = self.connection.getresponse()
        self.begun = self.answer.read(1000) if self.answer.status == 200 and name != "parquet" else b""

    def rest(self) -> bytes:
        """Return the whole file. Raises IncompleteRead where the connection ends before the answer."""
        return self.begun + self.answer.read()

    def leave(self) -> None:
        """Go away without a word."""
        self.connection.close()
        self.answer.close()


def worker_of(site: Site) -> int:
    children = Path(f"/proc/{site.server.process.pid}/task/{site.server.process.pid}/children")
    if not children.exists():
        pytest.skip("needs /proc")
    pids = [int(pid) for pid in children.read_text().split()]
    [worker] = [pid for pid in pids if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return worker


def held_by(pid: int) -> tuple[int, int]:
    """Return how many threads a process has, and how many files without a name."""
    targets = [one.readlink() for one in Path(f"/proc/{pid}/fd").iterdir() if one.is_symlink()]
    return len(list(Path(f"/proc/{pid}/task").iterdir())), sum("(deleted)" in str(target) for target in targets)


def test_who_goes_away_leaves_nothing_behind(site: Site) -> None:
    worker = worker_of(site)
    Download(site, "csv").rest()
    live.wait_for(lambda: held_by(worker)[1] == 0)
    threads, _ = held_by(worker)
    downloads = [Download(site, "csv"), Download(site, "ndjson")]
    assert held_by(worker) == (threads + 2, 2)
    assert Download(site, "csv").answer.status == 429
    for one in downloads:
        one.leave()
    live.wait_for(lambda: held_by(worker) == (threads, 0), limit_s=2)
    assert Download(site, "csv").answer.status == 200


def test_a_part_of_a_file_is_not_taken_for_the_whole(site: Site, redis: Redis) -> None:  # noqa: F811 - fixture
    of_csv, of_lines = Download(site, "csv"), Download(site, "ndjson")
    redis.kill()
    *rows, last = csv.reader(io.StringIO(of_csv.rest().decode(), newline=""))
    assert 0 < len(rows) - 1 < RUNS
    assert {len(row) for row in rows} == {len(last) - 1}
    assert last[0].startswith("incomplete: The data store does not answer")
    *lines, last_line = map(json.loads, of_lines.rest().splitlines())
    assert [line["configHash"] for line in lines[: len(rows) - 1]] == [row[0] for row in rows[1:]][: len(lines)]
    assert last_line == {"incomplete": last[0].removeprefix("incomplete: ")}

    redis.start()
    of_parquet = Download(site, "parquet")
    redis.kill()
    with pytest.raises(pyarrow.ArrowInvalid):
        parquet.read_table(io.BytesIO(of_parquet.rest()))

    redis.start()
    stopped = Download(site, "csv")
    os.kill(worker_of(site), signal.SIGKILL)
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        stopped.rest()
