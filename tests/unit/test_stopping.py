"""The wish to end a process: noted at any moment, without a lock, once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from dashboard.stopping import SIGNALS, Stop, held, stoppable
from dashboard.supervisor import how_ended


@pytest.fixture
def stop() -> Iterator[Stop]:
    """One that hears; the handlers there were come back after it."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    stop = Stop()
    with stoppable(stop):
        yield stop
    for number, handler in before.items():
        signal.signal(number, handler)


def test_the_first_signal_counts_and_further_ones_change_nothing(stop):
    assert not stop.wait(0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGTERM):
        signal.raise_signal(number)
    assert stop.is_asked
    with pytest.raises(SystemExit) as ended:
        stop.leave()
    assert ended.value.code == 128 + signal.SIGINT


def test_a_signal_that_another_thread_is_given_wakes_who_waits(stop):
    threading.Timer(0.1, lambda: signal.pthread_kill(threading.get_ident(), signal.SIGTERM)).start()
    started = time.monotonic()
    while not stop.wait(20):
        assert time.monotonic() < started + 20
    assert time.monotonic() < started + 10


def test_other_descriptors_wake_too_and_other_signals_do_not_end_it(stop):
    reading, writing = os.pipe()
    os.write(writing, b"x")
    started = time.monotonic()
    assert not stop.wait(20, [reading])
    assert time.monotonic() < started + 10
    os.close(reading)
    os.close(writing)
    before = signal.signal(signal.SIGUSR1, lambda *received: None)
    signal.raise_signal(signal.SIGUSR1)
    assert not stop.wait(0) and not stop.wait(0)
    signal.signal(signal.SIGUSR1, before)


def test_while_a_command_starts_it_ends_at_once_and_what_it_notes_it_ends_in_order():
    program = """
import os, signal
from dashboard.stopping import Stop, stoppable
stop = Stop(code=0, is_at_once=True)
with stoppable(stop):
    with stop.noting():
        if {noted}:
            signal.raise_signal(signal.SIGTERM)
            print("in order", flush=True)
            stop.leave()
    try:
        signal.raise_signal(signal.SIGTERM)
    finally:
        print("never said")
"""
    for noted in (True, False):
        done = subprocess.run([sys.executable, "-c", program.format(noted=noted)], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        assert ("in order" in done.stdout, "never" in done.stdout) == (noted, False)


def test_a_process_started_under_hold_is_not_ended_until_it_lets_signals_in():
    program = """
import signal, sys
from dashboard.stopping import HELD
print("up", flush=True)
sys.stdin.readline()
print("still there", flush=True)
signal.signal(signal.SIGINT, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)
print("never said", flush=True)
"""
    with held():
        process = subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ()) & set(SIGNALS)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate("go on\n", timeout=20)
    assert said.split("\n")[:2] == ["up", "still there"]
    assert (process.returncode, "never" in said) == (-signal.SIGINT, False)


@pytest.mark.parametrize(
    ("code", "said"),
    [(-9, "was ended by SIGKILL"), (3, "ended by itself with exit code 3"), (-99, "was ended by signal 99")],
)
def test_how_a_worker_ended_is_told_in_words(code, said):
    assert how_ended(code) == said
