"""Loaded into the pytest of the suite, and nowhere else: repeats walks until somebody has written meanwhile.

Some tests walk through a list beside a writer. One that was right but over before the writer's fifth write proves
nothing and says so by failing. What writers leave makes the list longer, so that sooner or later a walk is disturbed.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

RACING = ("test_a_walk_forward_shows_every_steady_run_once", "test_a_walk_back_shows_every_steady_run_once")
ATTEMPTS = 100
_UNDISTURBED = re.compile(r"only \d+ writes .*: it proves nothing")


def is_disturbed(walk: Callable[[], object]) -> bool:
    """Walk until it was disturbed; tell whether it ever was. Whatever else a walk fails by is raised."""
    for _ in range(ATTEMPTS):
        try:
            walk()
        except AssertionError as error:
            if not _UNDISTURBED.match(str(error)):
                raise
        else:
            return True
    return False


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Call a racing test as often as it takes, and any other as usual.

    One that was never disturbed was right all the same; tests/integration/test_concurrency.py holds walks under writers
    whatever their speed.
    """
    if pyfuncitem.originalname not in RACING:
        return None
    given = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    if not is_disturbed(lambda: pyfuncitem.obj(**given)):
        pytest.skip(f"right, but over before anybody wrote in each of {ATTEMPTS} walks")
    return True
