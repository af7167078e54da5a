"""The order of all rows is that of the pages: ties, missing values, several keys, long hashes, both directions."""

from __future__ import annotations

import numpy as np
import pytest

from bots_app.table.hashes import Hashes, words_of_all
from bots_app.table.selection import Key, Order, ordered, select


@pytest.mark.parametrize("seed", range(40))
def test_all_rows_are_in_the_order_of_the_pages(seed):
    chance = np.random.default_rng(seed)
    count = int(chance.integers(0, 400))
    names = [f"{'same' * int(chance.integers(0, 4))}-{number:04}".encode() for number in chance.permutation(count)]
    long = {row: names[row] + b"x" * 40 for row in range(count) if seed % 4 == 0 and row % 9 == 0}
    words = words_of_all([long.get(row, name)[:24] for row, name in enumerate(names)], 24)
    keys = []
    for _ in range(int(chance.integers(1, 4))):
        values = chance.integers(0, int(chance.integers(1, 50)), count).astype(float)
        values[chance.random(count) < 0.2] = np.nan
        keys.append(Key(values, bool(chance.integers(2))))
    order = Order(tuple(keys), Hashes(words, long), keys[0].descending)
    mask = chance.random(count) < 0.8
    assert ordered(mask, order).tolist() == select(mask, order, limit=count).rows.tolist()
