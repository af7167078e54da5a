"""What a machine keeps from everybody on it: pauses that no clock of a process tells, and memory that is slow at first.

A virtual machine stands still now and then without its system knowing; and what it has given back to its host takes
that many times as long when it is touched again.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from typing import Any

import numpy as np

#: Seconds between two wakings, and lateness from which on one is put down.
WAKE_S, LATE_S = 0.001, 0.002
#: Seconds of rest after each go: who goes before all others is stopped for 50 ms a second if it never rests.
REST_S = 0.001
#: Bytes that are touched and then read from, in parts of so many, and places read in one go.
READ_FROM, PART, PLACES = 1 << 30, 1 << 21, 5_000


@contextmanager
def pauses() -> Iterator[dict[int, float]]:
    """Watch every core for a while; afterwards the dict has the most ms that one woke late, by second of the clock.

    Empty where nobody may be woken before all others (Linux, as root).
    """
    found: dict[int, float] = {}
    context = get_context("spawn")
    told, is_over = context.Queue(), context.Event()
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    watchers = [context.Process(target=watch, args=(core, told, is_over), daemon=True) for core in cores]
    for one in watchers:
        one.start()
    try:
        yield found
    finally:
        is_over.set()
        for _ in watchers:
            for second, late in told.get(timeout=60).items():
                found[second] = max(found.get(second, 0.0), late)
        for one in watchers:
            one.join()


def watch(core: int, told: Any, is_over: Any) -> None:
    """Sleep on one core, before all others, until it is over; tell the ms of the latest waking of each second."""
    late: dict[int, float] = defaultdict(float)
    try:
        os.sched_setaffinity(0, {core})
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
    except OSError:
        told.put({})
        return
    last = looked = time.monotonic()
    while True:
        time.sleep(WAKE_S)
        now = time.monotonic()
        if now - last > WAKE_S + LATE_S:
            second = int(time.time())
            late[second] = max(late[second], (now - last - WAKE_S) * 1e3)
        if now - looked > 0.5:
            if is_over.is_set():
                break
            looked = time.monotonic()
        last = now
    told.put(dict(late))


def slow_memory(seconds: float) -> tuple[float, float]:
    """Return the most ms that a favoured process took to touch PART bytes first, and, in so long, to read PLACES."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(read_memory, [seconds])


def read_memory(seconds: float) -> tuple[float, float]:
    """Touch memory, read it for so long; return the most ms that a part took, and that reading took in one go."""
    with suppress(AttributeError, PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    memory, touched, longest = np.empty(READ_FROM // 8), 0.0, 0.0
    for first in range(0, len(memory), PART // 8):
        start = time.perf_counter()
        memory[first : first + PART // 8] = 1.0
        touched = max(touched, time.perf_counter() - start)
        time.sleep(REST_S)
    draw, end = np.random.default_rng(1), time.monotonic() + seconds
    while time.monotonic() < end:
        places = draw.integers(0, len(memory), PLACES)
        start = time.perf_counter()
        memory[places].sum()
        longest = max(longest, time.perf_counter() - start)
        time.sleep(REST_S)
    return touched * 1e3, longest * 1e3
