"""The check of walks itself: a sound walk passes, and each promise that is broken is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bots_app.query import RunQuery
from tests.integration.history import Change, History, Page, State, Walk

QUERY = RunQuery()
#: Runs that stay as they are, one that goes from 5 to 1 meanwhile, and one that is deleted.
CHANGES = [
    *(Change(f"run-{n}", State("completed", float(n), 7), 0.0, 0.1) for n in range(8)),
    Change("none", State("failed", None, 7), 0.0, 0.1),
    Change("moves", State("failed", 5.0, 7), 0.0, 0.1),
    Change("moves", State("failed", 1.0, 7), 2.0, 2.1),
    Change("goes", State("failed", 3.5, 7), 0.0, 0.1),
    Change("goes", None, 2.0, 2.1),
]


def row(name: str, profit: float | None, status: str = "completed") -> dict[str, Any]:
    return {"configHash": name, "status": status, "profit": profit, "lastUpdated": 7}


def sound() -> Walk:
    """Return a walk of three pages, in which the run that moves is met twice."""
    first = [row("run-7", 7.0), row("run-6", 6.0), row("run-5", 5.0), row("moves", 5.0, "failed")]
    second = [row("run-4", 4.0), row("run-3", 3.0), row("run-2", 2.0), row("run-1", 1.0)]
    third = [row("moves", 1.0, "failed"), row("run-0", 0.0), row("none", None, "failed")]
    return Walk(QUERY, 4, False, None, [
        Page(1.0, 1.1, first, 11, False, False), Page(2.05, 2.2, second, 10, False, False),
        Page(3.0, 3.1, third, 10, False, True),
    ])  # fmt: skip


def swap(walk: Walk) -> None:
    rows = walk.pages[1].rows
    rows[0], rows[1] = rows[1], rows[0]


BREAKS: dict[str, Callable[[Walk], object]] = {
    "holds 3 runs": lambda walk: walk.pages[1].rows.pop(0),
    "run-4 is there 0 times": lambda walk: walk.pages[1].rows.__setitem__(0, row("goes", 3.5, "failed")),
    "run-3 is there 2 times": lambda walk: walk.pages[1].rows.__setitem__(2, row("run-3", 3.0)),
    "shows goes as": lambda walk: walk.pages[2].rows.__setitem__(0, row("goes", 0.5, "failed")),
    "which was": lambda walk: walk.pages[0].rows.__setitem__(0, row("run-7", 8.0)),
    "shows stranger": lambda walk: walk.pages[0].rows.__setitem__(0, row("stranger", 7.0)),
    "not in order": swap,
    "counts 12 runs, of 11 to 11": lambda walk: walk.pages.__setitem__(0, walk.pages[0]._replace(count=12)),
    "counts 9 runs, of 10 to 11": lambda walk: walk.pages.__setitem__(1, walk.pages[1]._replace(count=9)),
}


def test_a_sound_walk_keeps_every_promise() -> None:
    assert list(History(CHANGES).problems(sound())) == []


@pytest.mark.parametrize("said", BREAKS)
def test_a_broken_promise_is_told(said: str) -> None:
    walk = sound()
    BREAKS[said](walk)
    assert any(said in problem for problem in History(CHANGES).problems(walk)), list(History(CHANGES).problems(walk))
