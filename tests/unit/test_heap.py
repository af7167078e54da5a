"""Memory is given back where the C library can do that, and nothing happens elsewhere."""

from __future__ import annotations

import ctypes

from dashboard import heap


def test_it_is_given_back_where_that_can_be_asked_for(monkeypatch):
    asked: list[int] = []

    class Library:
        malloc_trim = asked.append

    class Other:
        """A library that has no such function."""

    for library in (Library, Other):
        monkeypatch.setattr(ctypes, "CDLL", lambda _name, found=library: found)
        heap._trim.cache_clear()
        heap.give_back()
    heap._trim.cache_clear()
    assert asked == [0]
