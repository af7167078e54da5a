"""Progress of long work: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TextIO

#: Seconds between two lines where there is no terminal.
LINE_EVERY_S = 5.0


class Progress:
    """Counts up to a total; use as a context manager, so that the bar is closed whatever happens."""

    def __init__(self, label: str, *, unit: str, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self.label, self.unit, self.stream, self.clock = label, unit, stream, clock
        self.total = self.done = 0
        self.bar: Any = None
        self.told = clock()

    def expect(self, total: int) -> None:
        """Say how much there is to do; nothing is shown when that is nothing."""
        self.total = total
        if total and self.stream.isatty():
            self._open(total)

    def _open(self, total: int | None) -> None:
        from tqdm import tqdm

        # `disable` is said outright: a library may have turned bars off for the whole process.
        self.bar = tqdm(
            total=total, desc=self.label, unit=f" {self.unit}", file=self.stream, dynamic_ncols=True, disable=False
        )

    def advance(self, count: int) -> None:
        """Say that so much more is done."""
        self.done += count
        if self.bar is not None:
            self.bar.update(count)
        elif self.clock() - self.told >= LINE_EVERY_S:
            self.told = self.clock()
            done = f"{self.done:,} of {self.total:,}" if self.total else f"{self.done:,}"
            self.stream.write(f"{self.label}: {done} {self.unit}\n")
            self.stream.flush()

    def reach(self, done: int) -> None:
        """Say how much is done in all, for work whose end is not known: a bar then counts without a total."""
        if self.bar is None and not self.total and self.stream.isatty():
            self._open(None)
        self.advance(done - self.done)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        if self.bar is not None:
            self.bar.close()
