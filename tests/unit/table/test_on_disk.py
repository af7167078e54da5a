"""Columns in a file hold what columns in memory hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest

from bots_app.table.columns import Column
from bots_app.table.on_disk import FileColumn, Kept, Scratch
from bots_app.table.values import bits_in, bits_of, to_stored
from dashboard.errors import Unavailable
from dashboard.store.keys import SEGMENT_ROWS

SEGMENTS = 3


@pytest.fixture
def scratch() -> Iterator[Scratch]:
    with closing(Scratch()) as made:
        yield made


def content_of(chance: np.random.Generator, rows: int) -> bytes:
    """Return the stored bytes of some rows: numbers, texts, booleans and nothing."""
    values = chance.normal(size=rows)
    kinds = chance.integers(0, 6, rows)
    for kind, value in enumerate(("a text", True, None)):
        bits_in(values)[kinds == kind] = bits_of(value)
    return to_stored(values)


def test_a_column_in_a_file_says_what_one_in_memory_says(scratch):
    chance = np.random.default_rng(1)
    live = chance.random(2 * SEGMENTS * SEGMENT_ROWS) > 0.1
    columns = [FileColumn(scratch, SEGMENTS), Column(SEGMENTS)]
    for step in range(40):
        segment = int(chance.integers(0, SEGMENTS if step < 20 else SEGMENTS + 2))
        rows = int(chance.integers(0, SEGMENT_ROWS + 1))
        content = content_of(chance, rows) if step % 5 else None
        if step == 20:
            columns = [column.copy(SEGMENTS + 2) for column in columns]
        room = (SEGMENTS if step < 20 else SEGMENTS + 2) * SEGMENT_ROWS
        some = chance.choice(room, size=int(chance.integers(1, 30)), replace=False)
        changed = content_of(chance, len(some))
        for column in columns:
            column.put(segment, content, live)
            column.put_rows(some, changed, live)
        on_disk, held = columns
        assert np.array_equal(bits_in(on_disk.values[:room]), bits_in(held.values[:room]))
        assert (on_disk.numbers, on_disk.others) == (held.numbers, held.others)
    assert columns[0].has_room(SEGMENTS + 2) and not columns[0].has_room(SEGMENTS + 3)


def test_what_was_never_written_is_missing(scratch):
    assert np.isnan(FileColumn(scratch, 1).values).all()


@pytest.mark.parametrize("dtype", [np.float64, np.uint64, np.int64, np.int32])
def test_parts_of_arrays_are_what_was_kept(scratch, dtype):
    array = np.arange(-500, 500).astype(dtype)
    kept = [Kept(scratch, array), Kept(scratch, array[::-1]), Kept(scratch, array[:0])]
    assert np.array_equal(kept[0].part(10, 20), array[10:20])
    assert np.array_equal(kept[1].part(0, 1000), array[::-1])
    assert [len(kept[2].part(0, 0)), kept[0].part(999, 1000).tolist()] == [0, array[-1:].tolist()]


def test_a_file_that_is_cut_short_is_told(scratch):
    kept = Kept(scratch, np.arange(1000))
    scratch._file.truncate(0)
    with pytest.raises(Unavailable, match="shorter"):
        kept.part(0, 10)
