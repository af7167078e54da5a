"""`manage.py generate_runs`, as an operator runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from bots_app.query import RunQuery
from bots_app.registry import BotRegistry
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry

SID = SessionId.parse("SYN/USDT:1h:1700000000000:1703600000000")


def generate(*arguments: str) -> str:
    out = StringIO()
    call_command("generate_runs", "--session", str(SID), *arguments, stdout=out)
    return out.getvalue()


def fixed_keys(store) -> dict:
    """Return what other programs read of the session, but for its summary's time of writing."""
    kept = {}
    for key in store.scan_iter(f"*{SID}*"):
        name = key.decode()
        if name.startswith(f"bot_registry:run:{SID}"):
            kept[name] = store.get(key)
        elif name.endswith(":bots") or (":bots:status:" in name and not name.endswith((":profit", ":unranked"))):
            kept[name] = store.smembers(key)
        elif name.endswith(":bots:profit"):
            kept[name] = store.zrange(key, 0, -1, withscores=True)
    return kept


def test_runs_are_made_and_the_session_says_that_they_are_synthetic(real_store):
    assert generate("--runs", "1200", "--seed", "7").strip() == f"{SID}: 1,200 created, 0 updated, 0 unchanged."
    session = SessionRegistry().get(SID)
    assert session.runCount == 1200
    assert session.notes.startswith("Synthetic runs")
    assert BotRegistry().page(SID, RunQuery()).count == 1200


def test_the_same_seed_makes_the_same_keys_whatever_the_batch(real_store):
    generate("--runs", "300", "--seed", "7", "--batch", "300")
    first = fixed_keys(real_store)
    assert len(first) > 300
    SessionRegistry().delete(SID)
    generate("--runs", "300", "--seed", "7", "--batch", "70")
    assert fixed_keys(real_store) == first


def test_what_was_stopped_is_completed_and_what_is_there_is_left_alone(real_store):
    generate("--runs", "100")
    assert "150 created, 0 updated, 100 unchanged" in generate("--runs", "250")
    assert "0 created, 0 updated, 250 unchanged" in generate("--runs", "250")


def test_notes_of_a_person_stay(real_store):
    generate("--runs", "10")
    SessionRegistry().annotate(SID, notes="mine")
    generate("--runs", "20")
    assert SessionRegistry().get(SID).notes == "mine"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--runs", "x"), "'x' is no whole number of at least 1"),
        (("--runs", "0"), "0 is no whole number of at least 1"),
        (("--runs", "5", "--seed", "-1"), "-1 is no whole number of at least 0"),
        (("--runs", "5", "--batch", "5001"), "5001 is no whole number from 1 to 5000"),
        (("--runs", "5", "--session", "BTCUSDT"), "BTCUSDT"),
        (("--runs", "5", "--session", "A{B}:1h:1:2"), "braces"),
        ((), "--runs"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(arguments, named):
    with pytest.raises(CommandError, match="(?s).*") as refused:
        call_command("generate_runs", "--session", str(SID), *arguments)
    assert named in str(refused.value)


def test_on_the_command_line_a_refusal_is_a_line_and_exit_code_2():
    command = [
        sys.executable,
        Path(settings.BASE_DIR) / "manage.py",
        "generate_runs",
        "--session",
        str(SID),
        "--runs",
        "x",
    ]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    done = subprocess.run(command, env=environment, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "'x' is no whole number of at least 1" in done.stderr
    assert "Traceback" not in done.stderr
