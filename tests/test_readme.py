"""The README names every setting, every command and every make target: what is not told is not there for a new user."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dashboard import env
from tests.test_architecture import commands

ROOT = Path(__file__).resolve().parents[1]
TARGETS = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), flags=re.M)


@pytest.fixture(scope="module")
def readme() -> str:
    return (ROOT / "README.md").read_text()


@pytest.mark.parametrize("name", env.NAMES)
def test_every_setting_is_told(readme, name):
    assert f"`{name}`" in readme


@pytest.mark.parametrize("command", commands())
def test_every_command_is_told(readme, command):
    assert re.search(rf"manage\.py {command}\b|`{command}\b", readme)


@pytest.mark.parametrize("target", TARGETS)
def test_every_make_target_is_told(readme, target):
    assert f"make {target}" in readme
