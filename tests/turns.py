"""Tests in several processes take turns: one marked `alone` runs while no other does.

`make test` runs the suite in two processes (pytest-xdist). Most tests wait or compute beside each other as they like;
one that holds the product to fractions of a second is not to fail because another one had the cores meanwhile.
"""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pytest

#: Bytes of the file that are locked: the door, and the room behind it.
DOOR, ROOM = 0, 1
_FOLDER = pytest.StashKey[tempfile.TemporaryDirectory[str]]()
_FILE = pytest.StashKey[BinaryIO]()


@contextmanager
def turn(file: BinaryIO, *, alone: bool) -> Iterator[None]:
    """Wait for the room, empty when one wants to be alone.

    Who waits for it to become empty keeps the door shut, so that nobody gets in before. A process that ends lets go of
    both; its children never had them.
    """
    fcntl.lockf(file, fcntl.LOCK_EX, 1, DOOR)
    try:
        fcntl.lockf(file, fcntl.LOCK_EX if alone else fcntl.LOCK_SH, 1, ROOM)
    finally:
        fcntl.lockf(file, fcntl.LOCK_UN, 1, DOOR)
    try:
        yield
    finally:
        fcntl.lockf(file, fcntl.LOCK_UN, 1, ROOM)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a process of the run, before it starts, which file they all lock."""
    folder = node.config.stash.setdefault(_FOLDER, tempfile.TemporaryDirectory(prefix="dashboard-turns-"))
    path = Path(folder.name) / "lock"
    path.touch()
    node.workerinput["turns"] = str(path)


def pytest_configure(config: pytest.Config) -> None:
    """Open the file in a process of the run; who runs all tests in one needs none."""
    if told := getattr(config, "workerinput", {}).get("turns"):
        config.stash[_FILE] = Path(told).open("r+b")  # noqa: SIM115 - open as long as the run lasts


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let go of the file, and remove it when all have ended."""
    if file := config.stash.get(_FILE, None):
        file.close()
    if folder := config.stash.get(_FOLDER, None):
        folder.cleanup()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Run a test, its fixtures with it, when it is its turn."""
    file = item.config.stash.get(_FILE, None)
    if file is None:
        return (yield)
    with turn(file, alone=item.get_closest_marker("alone") is not None):
        return (yield)
