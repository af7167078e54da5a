"""Going through something that waits for the store in a thread, while what it yields is worked on, and other things."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")
#: Items that lie ready at most, and seconds between two looks whether they are still wanted.
AHEAD, LOOK_EVERY_S = 4, 0.1


class Beside(Generic[Item]):
    """Items that a thread looks for from now on; to be closed, after which it ends with the next one that it finds."""

    def __init__(self, source: Iterable[Item]) -> None:
        self._source, self._found = source, queue.Queue[Item](AHEAD)
        self._is_wanted, self._error = True, list[BaseException]()
        self._thread = threading.Thread(target=self._look, name="beside", daemon=True)
        self._thread.start()

    def _look(self) -> None:
        try:
            for item in self._source:
                while not self._has_put(item):
                    if not self._is_wanted:
                        return
        except BaseException as error:  # noqa: BLE001 - raised where the items are taken
            self._error.append(error)

    def _has_put(self, item: Item) -> bool:
        try:
            self._found.put(item, timeout=LOOK_EVERY_S)
        except queue.Full:
            return False
        return True

    def ready(self) -> Iterator[Item]:
        """Yield what was found by now. Raises what the source has raised."""
        while not self._found.empty():
            yield self._found.get()
        if self._error:
            raise self._error[0]

    def rest(self) -> Iterator[Item]:
        """Yield whatever is still found, and wait for it. Raises what the source has raised."""
        while self._thread.is_alive():
            try:
                yield self._found.get(timeout=LOOK_EVERY_S)
            except queue.Empty:
                continue
        yield from self.ready()

    def close(self) -> None:
        """Want nothing more."""
        self._is_wanted = False
