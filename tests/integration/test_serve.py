"""`manage.py serve` as an operator meets it: starts, answers, ends with all its workers, and names what is wrong."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dashboard import env
from dashboard.store import embedded

ROOT = Path(__file__).resolve().parents[2]
#: Seconds for imports, static files and workers on a busy machine.
LIMIT_S = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(var_dir: Path, **given: str) -> dict[str, str]:
    """Return what a new user has, and a folder and port of the test's own."""
    kept = {
        name: value for name, value in os.environ.items() if name not in env.NAMES and name != "DJANGO_SETTINGS_MODULE"
    }
    return kept | {"VAR_DIR": str(var_dir), "PORT": str(free_port()), "WORKERS": "2"} | given


def manage(var_dir: Path, *arguments: str, **given: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(
        command,
        cwd=ROOT,
        env=environment(var_dir, **given),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


class Server:
    """A running `manage.py serve`."""

    def __init__(self, var_dir: Path, log: Path, **given: str) -> None:
        self.env = environment(var_dir, **given)
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "serve"], cwd=ROOT, env=self.env, stdout=output, stderr=output
            )

    def get(self, path: str, **headers: str) -> tuple[int, str, dict[str, str]]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.env['PORT']}{path}", headers=headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return (
                answer.status,
                answer.read().decode(errors="replace"),
                {k.lower(): v for k, v in answer.headers.items()},
            )

    def wait_until_up(self) -> None:
        deadline = time.monotonic() + LIMIT_S
        while True:
            try:
                self.get("/healthz")
                return
            except OSError:
                assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.1)

    def is_port_free(self) -> bool:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", int(self.env["PORT"])))
                probe.listen()
            except OSError:
                return False
        return True


@pytest.fixture(scope="module")
def var_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the servers of this module use one after another, so that static files are collected once."""
    return tmp_path_factory.mktemp("serve") / "var"


@pytest.fixture
def start(var_dir: Path, tmp_path: Path, redis_binary: Path) -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def run(**given: str) -> Server:
        servers.append(Server(var_dir, tmp_path / f"log{len(servers)}", **given))
        servers[-1].wait_until_up()
        return servers[-1]

    yield run
    for server in servers:
        server.process.kill()
        server.process.wait(LIMIT_S)
    wait_for(lambda: embedded.ping(embedded.socket_path(var_dir)) is None)


def wait_for(condition: Callable[[], bool], limit_s: float = 20) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_over_plain_http_on_loopback_and_stops_when_told(start, var_dir, number):
    server = start()
    status, body, headers = server.get("/healthz")
    assert (status, json.loads(body)) == (200, {"status": "ok"})
    assert "script-src 'self'" in headers["content-security-policy"]
    assert "strict-transport-security" not in headers
    assert embedded.ping(embedded.socket_path(var_dir)) == "PONG"
    server.process.send_signal(number)
    server.process.wait(15)
    assert server.is_port_free()
    assert "Traceback" not in server.log.read_text()
    assert "migrate" in server.log.read_text(), "nothing was said about the migrations that are not applied"


def test_killed_workers_are_replaced_and_a_killed_parent_takes_them_along(start):
    server = start(WORKERS="1")
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    if not children.exists():
        pytest.skip("needs /proc")

    def workers() -> list[int]:
        pids = [int(pid) for pid in children.read_text().split()]
        return [pid for pid in pids if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    [first] = workers()
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: bool(workers()) and workers() != [first])
    server.wait_until_up()
    server.process.kill()
    server.process.wait()
    wait_for(server.is_port_free)


def test_static_files_have_names_that_change_with_their_content(start):
    server = start(WORKERS="1")
    names = json.loads((Path(server.env["VAR_DIR"]) / "static" / "staticfiles.json").read_text())["paths"]
    _, _, headers = server.get("/static/" + names["plotly/plotly.min.js"], **{"Accept-Encoding": "gzip"})
    assert "immutable" in headers["cache-control"]
    assert headers["content-encoding"] == "gzip"


def test_a_port_in_use_is_told_in_one_line(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = manage(tmp_path, "serve", PORT=port, REDIS_URL="redis://127.0.0.1:1/0")
    assert done.returncode == 2
    assert done.stderr.strip().startswith(f"PORT: cannot listen on 127.0.0.1:{port}")
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "abc"),
        ("WORKERS", "-1"),
        ("REDIS_URL", "nonsense"),
        ("RATELIMIT_API", "many"),
        ("DATABASE_URL", "nonsense"),
    ],
)
def test_a_bad_setting_is_told_in_one_line(tmp_path, name, value):
    done = manage(tmp_path, "serve", **{name: value})
    assert done.returncode == 2
    assert done.stderr.startswith(f"{name}: ")
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_deployment_checks_are_clean_with_the_defaults(tmp_path, redis_binary):
    done = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING")
    assert done.returncode == 0, done.stderr


def test_a_deployment_without_redis_fails_the_checks_by_name(tmp_path):
    done = manage(tmp_path, "check", "--deploy", REDIS_URL="redis://127.0.0.1:1/0")
    assert done.returncode == 1
    assert "dashboard.E001" in done.stderr


def test_the_groups_come_with_the_migrations_and_go_with_them(tmp_path):
    listing = "from django.contrib.auth.models import Group; print(*Group.objects.values_list('name', flat=True))"
    assert manage(tmp_path, "migrate", "--noinput").returncode == 0
    assert "Operators Writers" in manage(tmp_path, "shell", "--no-imports", "-c", listing).stdout
    assert manage(tmp_path, "migrate", "dashboard", "zero").returncode == 0
    assert "Operators" not in manage(tmp_path, "shell", "--no-imports", "-c", listing).stdout
