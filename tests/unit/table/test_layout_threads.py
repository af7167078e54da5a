"""Threads that hold records against a new layout at the same moment: a type that msgspec has not seen crashed them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from bots_app.table.layouts import Layout
from bots_app.table.sketches import Record, sketch_of

THREADS, KINDS = 4, 60


@pytest.fixture
def _often() -> Iterator[None]:
    """Have threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def of_kind(kind: int) -> Record:
    configuration: dict[str, Any] = {f"p{place}": place for place in range(10)}
    for depth in range(4):
        configuration = {f"f{kind}-{depth}": 1.5, f"below{kind}": configuration}
    return Record(configuration, {"totalProfit": 1.0}, {})


@pytest.mark.usefixtures("_often")
def test_a_layout_may_be_used_by_several_threads_as_soon_as_it_is_made() -> None:
    found = list[bool]()
    for record in map(of_kind, range(KINDS)):
        layout, begin = Layout(sketch_of(record)), threading.Barrier(THREADS)

        def read(layout: Layout = layout, record: Record = record, begin: threading.Barrier = begin) -> None:
            begin.wait()
            parts = layout.parts(record)
            found.append(parts is not None and 1.5 in layout.values(parts)[0])

        threads = [threading.Thread(target=read) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [True] * (THREADS * KINDS)
