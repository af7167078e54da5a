"""What an index put aside names and the one in use does not is found, whatever kind and size of key it is."""

from __future__ import annotations

from collections import Counter
from itertools import chain

import pytest
import redis

from bots_app import lost_entries as module
from bots_app.lost_entries import lost_entries


def found(*names: str) -> Counter[bytes]:
    return Counter(chain.from_iterable(lost_entries("used", names)))


@pytest.mark.parametrize(("size", "at_once"), [(1, 1), (7, 1), (7, 7), (1_200, 20), (1_200, 250)])
def test_each_entry_that_the_set_lacks_is_found_once_for_each_key(
    store: redis.Redis, monkeypatch: pytest.MonkeyPatch, size: int, at_once: int
) -> None:
    monkeypatch.setattr(module, "LOOKED_AT", at_once)
    names = [f"run-{n}" for n in range(size)]
    store.sadd("used", *names)
    store.sadd("a", *names, "lost", b"\xff odd")
    store.zadd("b", {name: n % 5 for n, name in enumerate([*names, "lost", "other"])})
    store.sadd("c", *range(size))
    store.set("text", "lost")
    store.hset("hash", "lost", "1")
    assert set(found("b", "text", "hash", "not there")) == {b"lost", b"other"}
    assert found("a", "b") == {b"lost": 2, b"other": 1, b"\xff odd": 1}
    assert set(found("c")) == {str(n).encode() for n in range(size)}


def test_nothing_in_use_lacks_everything(store: redis.Redis) -> None:
    store.sadd("a", "run-1", "run-2")
    assert set(found("a")) == {b"run-1", b"run-2"}
    assert found() == Counter()
