"""Lua scripts: what their headers must say, and how they reach the server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import redis

from dashboard.store import scripts
from dashboard.store.scripts import FOLDER, Script, ScriptError, script

NAMES = sorted(path.stem for path in FOLDER.glob("*.lua"))


@pytest.mark.parametrize("name", NAMES)
def test_every_script_says_what_it_takes_and_answers(name: str) -> None:
    text = (FOLDER / f"{name}.lua").read_text()
    header = re.match(r"(?:--.*\n)+", text)[0]
    assert "-- KEYS[1]" in header and "-- Output" in header
    assert Script(name).text.count("@include") == 0
    used = set(re.findall(r"ARGV\[(\d+)\]", text))
    assert used <= set(re.findall(r"ARGV\[(\d+)", header))


def test_an_undocumented_key_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scripts, "FOLDER", tmp_path)
    (tmp_path / "includes").mkdir()
    (tmp_path / "includes" / "more.lua").write_text("redis.call('DEL', KEYS[3])\n")
    (tmp_path / "good.lua").write_text("-- KEYS[1] the one key\nreturn redis.call('GET', KEYS[1])\n")
    (tmp_path / "bare.lua").write_text("return redis.call('GET', KEYS[1])\n")
    (tmp_path / "short.lua").write_text("-- KEYS[1] the one key\nreturn redis.call('GET', KEYS[2])\n")
    (tmp_path / "included.lua").write_text('-- KEYS[1] a key\n--- @include "more"\nreturn KEYS[1]\n')
    assert Script("good").text.startswith("-- KEYS[1]")
    for name, key in (("bare", "1"), ("short", "2"), ("included", "3")):
        with pytest.raises(ScriptError, match=rf"{name}.lua: .*KEYS \['{key}'\]"):
            Script(name)


def test_a_script_is_loaded_once() -> None:
    assert script("read_page") is script("read_page")


def test_a_server_that_forgot_the_scripts_gets_them_again(real_store: redis.Redis) -> None:
    recount = script("recount_figures")
    keys = ["session:x:index:stats", "session:x:profit", "session:x:unranked"]
    real_store.script_flush()
    assert not real_store.script_exists(recount.sha)[0]
    assert recount(keys, ["completed", 10, 1]) == 1
    assert real_store.script_exists(recount.sha)[0]
    assert recount(keys, ["completed", 10, 1]) == 1
