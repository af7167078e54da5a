"""Entries of the tail of a sweep table, as readers take them apart."""

from __future__ import annotations

import pytest

from dashboard.store.table_tail import labels_of, tail_rows

ONE, TWO = b"\x01" * 8, b"\x02" * 8
SHAPES = [b"d1", b'["status","profit"]', b"d2", None]


def entry(head: bytes, values: bytes = ONE + TWO, rest: bytes = b'[1,"5","completed"]') -> bytes:
    return head + b"\n" + values + rest


def test_a_row_has_the_values_that_its_shape_names() -> None:
    [row] = tail_rows([b"a", entry(b"7 12 2 d1")], SHAPES)
    assert (row.config_hash, row.row, row.revision) == (b"a", 7, 12)
    assert [row.value(name) for name in ("status", "profit", "other")] == [ONE, TWO, bytes(8)]
    assert labels_of([row.texts]) == {5: "completed"}


def test_names_in_another_order_are_those_of_the_entry() -> None:
    [row] = tail_rows([b"a", entry(b"7 12 2 d1", rest=b'[1,"5","completed"]\n["profit","status"]')], SHAPES)
    assert [row.value(name) for name in ("status", "profit")] == [TWO, ONE]
    assert labels_of([row.texts]) == {5: "completed"}


def test_values_may_hold_what_separates_other_parts() -> None:
    [row] = tail_rows([b"a", entry(b"0 1 2 d1", b"\n1 2 3 d\n"[:8] + TWO)], SHAPES)
    assert (row.value("status"), row.value("profit")) == (b"\n1 2 3 d", TWO)


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"theirs",
        entry(b"7 12 2"),
        entry(b"-7 12 2 d1"),
        entry(b"7 12 2 d2"),
        entry(b"7 12 3 d1"),
        entry(b"7 12 2 x"),
    ],
)
def test_what_is_no_entry_is_left_out(broken: bytes) -> None:
    assert [row.config_hash for row in tail_rows([b"a", broken, b"b", entry(b"1 2 2 d1")], SHAPES)] == [b"b"]


def test_the_texts_of_several_rows_are_one_table() -> None:
    assert labels_of([b'[1,"5","completed","6","ema"]', b'[1,"7","failed"]']) == {5: "completed", 6: "ema", 7: "failed"}
