"""A source that a thread goes through: everything comes once and in order, errors too, and no more than is wanted."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from bots_app.beside import AHEAD, Beside


def test_everything_comes_once_and_in_order() -> None:
    with closing(Beside(range(1_000))) as beside:
        found = list(beside.ready())
        assert found + list(beside.rest()) == list(range(1_000))
        assert list(beside.ready()) == list(beside.rest()) == []


def test_what_goes_wrong_is_raised_after_what_was_found() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    for take in (Beside.rest, Beside.ready):
        found, beside = [], Beside(source())
        beside._thread.join()
        with pytest.raises(ValueError, match="no more"):
            for number in take(beside):
                found.append(number)
        assert found == [1]


def test_only_a_few_lie_ready_and_nothing_more_is_looked_for_in_the_end() -> None:
    begun = itertools.count()
    with closing(Beside(begun)):
        time.sleep(0.3)
        assert next(begun) <= AHEAD + 1
    deadline = time.monotonic() + 5
    while any(thread.name == "beside" for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
