"""Where the embedded server takes its memory from; nothing that is missing on a machine keeps it from starting."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dashboard.errors import EmbeddedServerError
from dashboard.store import embedded
from dashboard.store.embedded_memory import JEMALLOC, server_environ
from tests.conftest import missing

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems are told nothing")

LIBC = "Redis server v=7.0.15 sha=0:0 malloc=libc bits=64"


@pytest.fixture(autouse=True)
def untold(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GLIBC_TUNABLES", "LD_PRELOAD", "MALLOC_CONF"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def needs_jemalloc() -> None:
    done = subprocess.run(["true"], env=os.environ | {"LD_PRELOAD": JEMALLOC}, capture_output=True, check=True)
    if done.stderr:
        missing(f"there is no {JEMALLOC}")


def program(folder: Path, *lines: str, version: str = LIBC) -> Path:
    """Return a server that tells its version and does what the lines say when it is started."""
    server = folder / "redis-server"
    told = f"if [ \"$1\" = --version ]; then echo '{version}'; exit; fi"
    server.write_text("\n".join(["#!/bin/sh", told, *lines, ""]))
    server.chmod(0o755)
    return server


@pytest.mark.parametrize("told", ["", "glibc.malloc.arena_max=1"])
def test_glibc_is_told_to_join_what_is_freed_before_what_the_user_tells_it(monkeypatch, tmp_path, told):
    if told:
        monkeypatch.setenv("GLIBC_TUNABLES", told)
    environ = server_environ(program(tmp_path))
    assert environ["GLIBC_TUNABLES"] == "glibc.malloc.mxfast=0" + f":{told}" * bool(told)


@pytest.mark.usefixtures("needs_jemalloc")
def test_a_server_of_the_c_library_gets_jemalloc_and_its_thread(monkeypatch, tmp_path):
    server = program(tmp_path)
    environ = server_environ(server)
    assert (environ["LD_PRELOAD"], environ["MALLOC_CONF"]) == (JEMALLOC, "background_thread:true")
    monkeypatch.setenv("MALLOC_CONF", "dirty_decay_ms:0")
    assert server_environ(server)["MALLOC_CONF"] == "dirty_decay_ms:0"


@pytest.mark.parametrize("preloaded", ["", "libm.so.6"])
def test_what_the_user_has_preloaded_stays_alone(monkeypatch, tmp_path, preloaded):
    monkeypatch.setenv("LD_PRELOAD", preloaded)
    environ = server_environ(program(tmp_path))
    assert environ["LD_PRELOAD"] == preloaded
    assert "MALLOC_CONF" not in environ


def test_a_machine_without_jemalloc_starts_its_server_all_the_same(monkeypatch, tmp_path):
    monkeypatch.setattr("dashboard.store.embedded_memory.JEMALLOC", "libjemalloc-that-nobody-has.so.2")
    assert "LD_PRELOAD" not in server_environ(program(tmp_path))


def test_a_server_with_jemalloc_of_its_own_gets_no_other(tmp_path):
    assert "LD_PRELOAD" not in server_environ(program(tmp_path, version="Redis server v=7.0.15 malloc=jemalloc-5.3.0"))


def test_a_server_that_cannot_run_is_left_to_fail_as_it_does(tmp_path):
    assert "LD_PRELOAD" not in server_environ(tmp_path / "none")


@pytest.mark.usefixtures("needs_jemalloc")
def test_a_server_that_ends_at_once_is_started_again_without(monkeypatch, tmp_path):
    server = program(tmp_path, f'echo "on: $LD_PRELOAD." >> {tmp_path / "starts"}', "exit 3")
    monkeypatch.setattr(embedded, "find_server", lambda: server)
    monkeypatch.setattr(embedded, "_held", {})
    with pytest.raises(EmbeddedServerError, match="does not start"):
        embedded.attach(tmp_path / "var")
    first, *others = (tmp_path / "starts").read_text().splitlines()
    assert first == f"on: {JEMALLOC}."
    assert set(others) == {"on: ."}
