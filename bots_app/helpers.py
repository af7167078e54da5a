"""Processes that do a part of the work on a large session, as the processor of one is what takes its time.

They are started anew, not forked: no connection, lock or thread of this one is theirs. One that loses its parent ends
at once; one that ends before its time is told of.
"""

from __future__ import annotations

import logging
import multiprocessing
import multiprocessing.connection
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from multiprocessing.connection import Connection
from typing import Any

from dashboard.errors import DashboardError, StoreUnavailable, Unavailable
from dashboard.stopping import held, ignore
from dashboard.store.address import Address, address, connect_to
from dashboard.store.client import KeyTypeError, override

#: Helpers of one work unless another number is asked for, at most; and runs of a session from which on they are worth
#: the half of a second that it takes to start one.
MOST_HELPERS, LEAST_RUNS = 4, 50_000
#: Seconds that a helper has to end by itself.
GRACE_S = 5.0
#: How far behind others helpers stand for a processor: the server, and whoever asks it something, come first.
NICENESS = 5

log = logging.getLogger(__name__)

Work = Callable[..., None]


class HelperEnded(DashboardError):
    """Raised when a helper has ended in the midst of its work."""


def usual_helpers() -> int:
    """Return how many processes share the work on a large session: one for each processor, up to a few."""
    return min(MOST_HELPERS, os.cpu_count() or 1)


def can_help() -> bool:
    """Tell whether helpers can be started here, and reach the store."""
    return not multiprocessing.current_process().daemon and address() is not None


class Helper:
    """A process that runs `work(connection, *arguments)`, a function of a module, beside this one."""

    def __init__(self, work: Work, *arguments: Any) -> None:
        spawn = multiprocessing.get_context("spawn")
        self.connection, theirs = spawn.Pipe()
        self._process = spawn.Process(target=_run, args=(theirs, address(), work, arguments), daemon=True)
        with held():
            self._process.start()
        theirs.close()

    def send(self, message: Any) -> None:
        """Tell the helper something. Raises HelperEnded."""
        try:
            self.connection.send(message)
        except OSError as error:
            raise self._ended() from error

    def receive(self) -> Any:
        """Return the next that the helper says; what it raised is raised here. Raises HelperEnded."""
        try:
            message = self.connection.recv()
        except (EOFError, OSError) as error:
            raise self._ended() from error
        if isinstance(message, DashboardError):
            raise message
        return message

    def _ended(self) -> HelperEnded:
        self._process.join(GRACE_S)
        return HelperEnded(f"Process {self._process.pid}, which did a part of the work, has ended before its time.")

    def close(self) -> None:
        """Have the helper end, whatever it is doing; may be called again."""
        self.connection.close()
        self._process.join(GRACE_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def close_all(helpers: Sequence[Helper]) -> None:
    """Have all helpers end, each told before one is waited for."""
    for helper in helpers:
        helper.connection.close()
    for helper in helpers:
        helper.close()


def wait_for(helpers: Sequence[Helper], *, seconds: float | None) -> list[Helper]:
    """Return the helpers that have something to say, none of them when the time is over."""
    found = multiprocessing.connection.wait([helper.connection for helper in helpers], seconds)
    return [helper for helper in helpers if helper.connection in found]


def _run(connection: Connection, store: Address | None, work: Work, arguments: Sequence[Any]) -> None:
    ignore()  # Ctrl-C reaches the whole group; the parent alone answers it, and ends its helpers
    os.nice(NICENESS)
    threading.Thread(target=_end_with_parent, name="parent-watch", daemon=True).start()
    try:
        with override(connect_to(store)) if store else nullcontext():
            work(connection, *arguments)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # nobody wants the rest
    except BaseException as error:
        if not isinstance(error, DashboardError):
            log.exception("A process that helps has failed.")
        _tell(connection, error)


def _tell(connection: Connection, error: BaseException) -> None:
    """Hand an error to the parent, as one of those that it knows."""
    known: DashboardError = Unavailable("A part of the work has failed; the log says why.")
    if isinstance(error, StoreUnavailable):
        known = StoreUnavailable(str(error), is_nothing_done=error.is_nothing_done)
    elif isinstance(error, DashboardError):
        known = (KeyTypeError if isinstance(error, KeyTypeError) else Unavailable)(str(error))
    try:
        connection.send(known)
    except OSError:
        return  # nobody wants to know


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    multiprocessing.connection.wait([parent.sentinel])
    os._exit(1)
