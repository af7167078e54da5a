"""Pages of a mask in an order, against sorting everything: ties, nothing at all, alike hashes, any place, both ways."""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots_app.table import nearest, selection
from bots_app.table.hashes import Hashes, words_of_all
from bots_app.table.selection import Key, Order, Place, place_of, row_at, select

NAN = math.nan
VALUES = st.sampled_from([NAN, -1.5, -0.0, 0.0, 1.0, 2.0, 5e-324, 1e300])
#: Of different lengths, one the beginning of another, the first bytes or words alike.
HASHES = st.one_of(
    st.text("ab", min_size=1, max_size=3),
    st.text("ab", min_size=1, max_size=3).map(lambda end: "same-beginning-of-all-" + end),
    st.text("aé�", min_size=1, max_size=20),
)
WIDTH = 16


class Run(NamedTuple):
    values: tuple[float, float]
    hash: bytes
    is_in: bool


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[Run], int, tuple[bool, bool]]:
    hashes = draw(st.lists(HASHES, min_size=1, max_size=40, unique=True))
    runs = [
        Run((draw(VALUES), draw(VALUES)), text.encode(), draw(st.integers(0, 4)) > 0) for text in hashes
    ]  # fmt: skip
    return runs, draw(st.integers(1, 2)), (draw(st.booleans()), draw(st.booleans()))


def order_of(runs: list[Run], keys: int, down: tuple[bool, bool]) -> Order:
    long = {row: run.hash for row, run in enumerate(runs) if len(run.hash) > WIDTH}
    hashes = Hashes(words_of_all([run.hash[:WIDTH] for run in runs], WIDTH), long)
    columns = [np.array([run.values[place] for run in runs]) for place in range(keys)]
    return Order(tuple(Key(*pair) for pair in zip(columns, down, strict=False)), hashes, down[0])


def compare(first: Run, second: Run, *, keys: int, down: tuple[bool, bool]) -> int:
    """Say which of two runs comes first, as the contract words it."""
    is_down = down[0]
    for place in range(keys):
        one, other = first.values[place], second.values[place]
        if math.isnan(one) or math.isnan(other):
            if not (math.isnan(one) and math.isnan(other)):
                return 1 if math.isnan(one) else -1
            if place == 0:
                is_down = False
                break
        elif one != other:
            return -1 if (one < other) != down[place] else 1
    if first.hash == second.hash:
        return 0
    return -1 if (first.hash < second.hash) != is_down else 1


@pytest.fixture(autouse=True, params=["small", "as it is"])
def _sizes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the ways of a large table through a small one too."""
    if request.param == "small":
        for module, name, value in (
            (selection, "FEW", 2), (selection, "SPARSE", 3), (nearest, "SAMPLE", 8), (nearest, "MANY", 3),
        ):  # fmt: skip
            monkeypatch.setattr(module, name, value)


@given(tables(), st.integers(0, 12), st.data())
@settings(max_examples=250, deadline=None)
def test_every_page_is_what_sorting_gives(table, limit, data):
    runs, keys, down = table
    mask = np.array([run.is_in for run in runs])
    order = order_of(runs, keys, down)
    key = functools.cmp_to_key(functools.partial(compare, keys=keys, down=down))
    listed = sorted((run for run in runs if run.is_in), key=key)

    def hashes(rows: np.ndarray) -> list[bytes]:
        return order.hashes.at(rows)

    found = select(mask, order, limit=limit)
    assert (hashes(found.rows), found.preceding, found.count) == (
        [run.hash for run in listed[:limit]], 0, len(listed),
    )  # fmt: skip
    found = select(mask, order, limit=limit, backward=True)
    last = listed[max(0, len(listed) - limit) :]
    assert (hashes(found.rows), found.preceding) == ([run.hash for run in last], len(listed) - len(last))

    # Any run's place, of those outside the mask too: as if it had been deleted since.
    place_run = data.draw(st.sampled_from(runs))
    place = place_of(runs.index(place_run), order)
    assert place.hash == place_run.hash
    before = sum(key(run) < key(place_run) for run in listed)
    behind = [run for run in listed if key(run) > key(place_run)]
    found = select(mask, order, limit=limit, place=place)
    assert (hashes(found.rows), found.preceding) == ([run.hash for run in behind[:limit]], len(listed) - len(behind))
    found = select(mask, order, limit=limit, place=place, is_inclusive=True)
    assert (hashes(found.rows), found.preceding) == ([run.hash for run in listed[before : before + limit]], before)
    found = select(mask, order, limit=limit, place=place, backward=True)
    first = max(0, before - limit)
    assert (hashes(found.rows), found.preceding) == ([run.hash for run in listed[first:before]], first)
    for rank, run in enumerate(listed):
        assert runs[row_at(mask, order, rank)] is run
    with pytest.raises(IndexError):
        row_at(mask, order, len(listed))


def test_many_rows_that_share_their_value_and_the_beginning_of_their_hash_are_paged_through():
    count, generator = 60_000, np.random.default_rng(4)
    names = [f"sweep-of-{number:08x}" for number in generator.permutation(count)]
    hashes = Hashes(words_of_all([name.encode() for name in names], 24), {})
    values = generator.integers(0, 3, count).astype(float)
    values[generator.random(count) < 0.1] = NAN
    mask = generator.random(count) < 0.9
    for descending in (False, True):
        order = Order((Key(values, descending),), hashes, descending)
        present = sorted(np.flatnonzero(mask & (values == values)), key=lambda row: (values[row], names[row]))
        listed = [*(present[::-1] if descending else present)]
        listed += sorted(np.flatnonzero(mask & np.isnan(values)), key=lambda row: names[row])
        for at in (0, 1, 17_000, 40_000, len(listed) - 70, len(listed) - 1):
            assert row_at(mask, order, at) == listed[at]
            place = place_of(listed[at], order)
            found = select(mask, order, limit=60, place=place)
            assert (found.rows.tolist(), found.preceding) == (listed[at + 1 : at + 61], at + 1)
            found = select(mask, order, limit=60, place=place, backward=True)
            assert found.rows.tolist() == listed[max(0, at - 60) : at]


def test_a_place_between_rows_needs_no_row():
    hashes = Hashes(words_of_all([b"a", b"b", b"c"], 8), {})
    order = Order((Key(np.array([1.0, 2.0, 3.0])),), hashes)
    found = select(np.ones(3, dtype=bool), order, limit=5, place=Place((1.5,), b"z"))
    assert (found.rows.tolist(), found.preceding) == ([1, 2], 1)


def test_a_hash_is_found_by_its_bytes():
    names = [b"a", b"ab", b"sixteen-bytes-16", b"sixteen-bytes-16-and-more", b"sixteen-bytes-16-and-other"]
    hashes = Hashes(words_of_all([name[:16] for name in names], 16), {3: names[3], 4: names[4]})
    assert [hashes.row_of(name) for name in names] == [0, 1, 2, 3, 4]
    assert hashes.row_of(b"sixteen-bytes-16-and") is None
    assert hashes.row_of(b"b") is None
