"""The process above the workers: it starts them, replaces those that die, and ends them all when it is told to."""

from __future__ import annotations

import logging
import signal
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from granian.server.mp import MPServer, WorkerProcess

from dashboard.errors import DashboardError
from dashboard.stopping import GROUP_S, Stop, held

#: Seconds between two looks at whether all workers are alive, for one whose end is not told at once.
LOOK_S = 1.0
#: A worker that has died this often in a row, each time sooner than these seconds after its start, is given up.
MOST_DEATHS, LEAST_LIFE_S = 3, 10.0

log = logging.getLogger(__name__)


class WorkersDie(DashboardError):
    """Raised when workers end as soon as they are started."""


class Supervisor(MPServer):
    """granian's server of several processes, with a loop of its own.

    granian's sets a `threading.Event` in its handler of signals. Its lock may be the main thread's at that moment, as
    it is when two signals come one upon the other: then the process waits for itself for ever. It also takes a worker
    that had the same signal for one that failed, and loses one of two that die at once.
    """

    def __init__(self, target: str, *, stop: Stop, **options: Any) -> None:
        super().__init__(target, **options)
        self.failure: str | None = None
        self._stop = stop
        self._deaths: Counter[int] = Counter()
        self._spawn: Callable[..., WorkerProcess]
        self.on_startup(stop.hear)  # granian has just set handlers of its own

    def signal_handler_interrupt(self, *received: Any) -> None:
        """Note a signal that comes before `Stop` hears them again."""
        self._stop.ask(*received)

    signal_handler_reload = signal_handler_interrupt

    def _spawn_workers(self, spawn_target: Callable[..., None], target_loader: Callable[..., Any]) -> None:
        self._spawn = partial(self._spawn_worker, target=spawn_target, callback_loader=target_loader)
        for place in range(self.workers):
            if not self._stop.is_asked:
                self.wrks.append(self._start(place))

    def _start(self, place: int) -> WorkerProcess:
        worker = self._spawn(idx=place)
        with held():
            worker.inner.start()  # `worker.start` would have a thread watch it
        return worker

    def _serve_loop(self, spawn_target: Callable[..., None], target_loader: Callable[..., Any]) -> None:
        while not self._stop.is_asked and self.failure is None:
            self._stop.wait(LOOK_S, [worker.inner.sentinel for worker in self.wrks])
            # What ended a worker may have been a signal to all of us, of which ours is on its way.
            if not all(worker.is_alive() for worker in self.wrks) and not self._stop.wait(GROUP_S):
                self._replace_dead()

    def _replace_dead(self) -> None:
        for place, worker in enumerate(self.wrks):
            if worker.is_alive():
                continue
            lived_s = time.monotonic() - worker.birth
            self._deaths[place] = self._deaths[place] + 1 if lived_s < LEAST_LIFE_S else 1
            if self._deaths[place] == MOST_DEATHS:
                self.failure = (
                    f"The server ends: worker {place + 1} has ended {MOST_DEATHS} times in a row, each time within "
                    f"{LEAST_LIFE_S:.0f} seconds; the last time it {how_ended(worker.inner.exitcode)}."
                )
                return
            log.error("Worker %d %s; another takes its place.", place + 1, how_ended(worker.inner.exitcode))
            self.wrks[place] = self._start(place)


def how_ended(code: int | None) -> str:
    """Say how a process ended, from its exit code as `multiprocessing` has it."""
    if code is None or code >= 0:
        return f"ended by itself with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
