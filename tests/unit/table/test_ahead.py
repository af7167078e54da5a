"""The strings of a table's next segment are made a few at a time, and none of them where there is one already."""

from __future__ import annotations

import msgspec
import redis

from dashboard.store.scripts import FOLDER

ROWS, WIDTH = 4_080, 16
NAMES = [f"f{number}" for number in range(49)]
TEXT = (
    "--- KEYS\nlocal SEGMENT_ROWS, FULL = 4080, 8 * 4080\n" + (FOLDER / "includes/table_ahead.lua").read_text()
    + "make_ahead({key = 't:', names = cjson.decode(ARGV[1]), rows = ARGV[2] + ARGV[3], width = 16}, tonumber(ARGV[2]))"
)  # fmt: skip


def give_out(store: redis.Redis, first: int, count: int) -> list[str]:
    """Give out rows in the columns, and return the keys that this made."""
    before = set(store.keys("*"))
    store.eval(TEXT, 0, msgspec.json.encode(NAMES), first, count)
    return sorted(key.decode() for key in set(store.keys("*")) - before)


def begin(store: redis.Redis, segment: int) -> int:
    """Have a segment begun in all columns but the first; return its first row."""
    store.setrange(f"t:hashes:{segment}", ROWS * WIDTH - 1, b"\0")
    for name in NAMES[1:]:
        store.setrange(f"t:values:{segment}:{name}", 8 * ROWS - 1, b"\0")
    return segment * ROWS


def test_all_are_there_in_time_a_few_at_once(real_store: redis.Redis) -> None:
    start, made = begin(real_store, 20), list[str]()
    for first in range(0, ROWS, 160):
        new = give_out(real_store, start + first, min(160, ROWS - first))
        assert len(new) <= 6 and (first >= 1_900 or not new)
        assert first < 3_570 or not new
        made += new
    assert sorted(made) == sorted(["t:hashes:21", *(f"t:values:21:{name}" for name in NAMES[1:])])
    assert made[0] == "t:hashes:21" and real_store.get("t:hashes:21") == bytes(WIDTH * ROWS)
    assert all(real_store.get(f"t:values:21:{name}") == bytes(8 * ROWS) for name in NAMES[1:])


def test_those_that_are_there_are_left_as_they_are(real_store: redis.Redis) -> None:
    start = begin(real_store, 20)
    real_store.set("t:values:21:f7", b"theirs")
    give_out(real_store, start + 2_000, 2_080)
    assert real_store.get("t:values:21:f7") == b"theirs" and real_store.exists("t:values:21:f8")


def test_none_is_made_without_the_hashes_nor_for_a_small_session(real_store: redis.Redis) -> None:
    start = begin(real_store, 20)
    assert not give_out(real_store, start + 3_000, 160)
    assert not give_out(real_store, begin(real_store, 15) + 2_000, 2_080)
    assert "t:hashes:17" in give_out(real_store, begin(real_store, 16) + 2_000, 2_080)
