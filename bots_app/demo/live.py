"""Keeps a sweep going, so that pages have something to follow: runs start, run for a while, and complete."""

from __future__ import annotations

import os
import random
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from bots_app.demo.crossover import Crossover
from bots_app.demo.load import hashes_of, sid_of
from bots_app.demo.sweep import PLANS, Plan
from bots_app.registry import BotRegistry
from bots_app.writing import RunWrite
from dashboard.errors import RecordUnreadable, RunNotFound, SessionNotFound, Unavailable
from dashboard.stopping import Stop
from sessions_app.registry import SessionRegistry

#: Seconds between two steps; each step completes one run and starts another.
STEP_S = 0.4
#: Runs that are under way at the same time.
UNDER_WAY = 60
#: Finer than the grid of the demo, so that the best run is found late.
FAST, SLOW_ABOVE, STOPS, TARGETS = range(3, 80), range(5, 300), range(1, 40), range(0, 60)


def new_configs(seed: int = 0) -> Iterator[Crossover]:
    """Yield configurations without end, the same ones for the same seed."""
    chance = random.Random(seed)
    while True:
        fast = chance.choice(FAST)
        target = chance.choice(TARGETS)
        yield Crossover(
            fast=fast,
            slow=fast + chance.choice(SLOW_ABOVE),
            stop_loss=chance.choice(STOPS) / 2000,
            take_profit=target / 2000 if target else None,
            average=chance.choice(("sma", "ema")),
            direction=chance.choice(("both", "long", "short")),
        )


def config_of(configuration: Mapping[str, Any]) -> Crossover | None:
    """Return the configuration that a stored record was started with, None when it is not one of ours."""
    try:
        params, risk = configuration["strategy"]["params"], configuration["riskManagement"]
        return Crossover(
            fast=params["fast"],
            slow=params["slow"],
            stop_loss=risk["stopLoss"],
            take_profit=risk.get("takeProfit"),
            average=params["average"],
            direction=params["direction"],
        )
    except (KeyError, TypeError, AttributeError):
        return None


class LiveSweep:
    """The runs that are under way, and the configurations still to come."""

    def __init__(self, plan: Plan = PLANS["forex"], *, configs: Iterator[Crossover] | None = None) -> None:
        self.plan, self.sid, self.registry = plan, sid_of(plan), BotRegistry()
        self.known = hashes_of(self.registry, self.sid)
        self.configs = configs or new_configs()
        self.under_way = deque(sorted(hashes_of(self.registry, self.sid, statuses=("running",))))

    def mark(self, *, active: bool) -> None:
        """Say in the session's summary whether runs are being added to it."""
        SessionRegistry().annotate(self.sid, active=active)

    def step(self) -> None:
        """Complete the run that has been under way longest, when there are enough, and start another."""
        writes = []
        if len(self.under_way) >= UNDER_WAY and (finished := self._finished(self.under_way.popleft())):
            writes.append(finished)
        started = self.plan.record(self._unknown_config(), is_finished=False)
        writes.append(started)
        self.registry.put_many(self.sid, [RunWrite.parse(record) for record in writes])
        if started["status"] == "running":
            self.under_way.append(started["configHash"])

    def _finished(self, config_hash: str) -> dict[str, Any] | None:
        try:
            stored = self.registry.get(self.sid, config_hash)
        except (RunNotFound, RecordUnreadable):
            return None  # somebody has deleted or overwritten it meanwhile
        config = config_of(stored.configuration)
        return None if config is None else self.plan.record(config)

    def _unknown_config(self) -> Crossover:
        while True:
            config = next(self.configs)
            config_hash = self.plan.hash_of(config)
            if config_hash not in self.known:
                self.known.add(config_hash)
                return config


def keep_sweeping(is_wanted: Callable[[], bool], *, wait: Callable[[float], object] = time.sleep) -> None:
    """Take a step every now and then for as long as it is wanted; a store that is away is waited for."""
    sweep: LiveSweep | None = None
    is_marked = False
    while is_wanted():
        try:
            sweep = sweep or LiveSweep()
            sweep.step()
            if not is_marked:
                sweep.mark(active=True)
                is_marked = True
        except Unavailable as error:
            wait(error.retry_after_s)
        wait(STEP_S)
    if sweep is not None and is_marked:
        with suppress(Unavailable, SessionNotFound):  # gone before us: there is nothing to take back
            sweep.mark(active=False)


def run_beside(parent: int) -> None:
    """Keep sweeping in this process until it is told to end, or the process `parent` has ended."""
    import django  # in a process of its own, before anything of the project is used

    stop = Stop()
    stop.hear()
    django.setup()

    def is_wanted() -> bool:
        return os.getppid() == parent and not stop.is_asked

    keep_sweeping(is_wanted, wait=stop.wait)
