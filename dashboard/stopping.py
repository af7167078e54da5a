"""The wish that this process ends: SIGTERM, Ctrl-C, or a terminal that hung up, at whatever moment it comes.

A signal's handler runs between any two steps of the main thread, also inside a lock that this thread holds, and inside
the handler of the signal before. So the handler here takes no lock and wakes nobody that takes one: it leaves a note,
and what waits in the main thread waits on the socket that Python writes each signal's number to.
"""

from __future__ import annotations

import multiprocessing.connection
import multiprocessing.resource_tracker
import os
import signal
import socket
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

#: What asks a program to end. A whole group gets it at once: from a terminal, systemd, or an init in a container.
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
#: Those of them that a process which has just begun had better not get.
HELD = (signal.SIGINT, signal.SIGHUP)
#: Seconds until a signal that was sent to a whole group has reached this process too.
GROUP_S = 0.3


class Stop:
    """Whether this process has been asked to end; the first signal counts, all further ones change nothing.

    With `is_at_once` the process ends right there; the exit code is `code`, or one that tells the signal.
    """

    def __init__(self, *, code: int | None = None, is_at_once: bool = False) -> None:
        self.is_asked = False
        self.is_at_once = is_at_once
        self._code = code
        self._number = 0
        self._told, self._telling = socket.socketpair()
        self._told.setblocking(False)
        self._telling.setblocking(False)
        # `nohup` has it ignored, and means that.
        self._heard = [one for one in SIGNALS if one != signal.SIGHUP or signal.getsignal(one) is not signal.SIG_IGN]

    def hear(self) -> None:
        """Hear the signals from now on; only the main thread may say so."""
        # Also wakes the main thread when the system hands the signal to another one.
        signal.set_wakeup_fd(self._telling.fileno(), warn_on_full_buffer=False)
        for number in SIGNALS:
            signal.signal(number, self.ask if number in self._heard else signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)

    def ask(self, number: int, frame: FrameType | None) -> None:
        """Note that a signal has come; may be called at any moment, and again."""
        if self.is_asked or number not in self._heard:
            return
        self.is_asked, self._number = True, number
        if self.is_at_once:
            os._exit(self._exit_code())  # an exception may come where Python can only print it, and be lost

    def leave(self) -> NoReturn:
        """End the process in order."""
        raise SystemExit(self._exit_code())

    def _exit_code(self) -> int:
        return 128 + self._number if self._code is None else self._code

    def wait(self, seconds: float, others: Collection[int] = ()) -> bool:
        """Wait until the process is asked to end, another descriptor is ready, or the time is over; tell the first."""
        if not self.is_asked:
            multiprocessing.connection.wait([self._told, *others], seconds)
            with suppress(BlockingIOError):
                self._told.recv(64)
        return self.is_asked

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Have a signal noted inside, and nothing else: what is done there asks whether one has come."""
        before, self.is_at_once = self.is_at_once, False
        try:
            yield
        finally:
            self.is_at_once = before

    def close(self) -> None:
        """Give the sockets back; nothing is heard or waited for any more."""
        self._told.close()
        self._telling.close()


@contextmanager
def stoppable(stop: Stop) -> Iterator[None]:
    """Hear the signals inside; once one was heard, further ones are ignored for good, as this process is at its end."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    wakeup = signal.set_wakeup_fd(-1)
    stop.hear()
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if stop.is_asked else handler)
        stop.close()


@contextmanager
def held() -> Iterator[None]:
    """Hold Ctrl-C and hung-up terminals back from processes that are started inside, until these let them in.

    A process that has just begun has no handlers yet, and would tell of Ctrl-C with a stack trace. On SIGTERM it just
    ends, as it should. What this thread is sent meanwhile, it gets afterwards.
    """
    multiprocessing.resource_tracker.ensure_running()  # it unblocks the signals of the thread that starts it
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ignore() -> None:
    """Leave Ctrl-C and hung-up terminals to the parent, which ends this process by SIGTERM or otherwise."""
    for number in HELD:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)
