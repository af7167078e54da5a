"""What a follower has heard of and not yet looked at, and when it has to. No Redis."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice

import msgspec

from bots_app.reconcile import Outcome, Pair
from dashboard.store.keys import is_unclear, session_of
from dashboard.store.notifications import RECORD, SUMMARY, WRITTEN, Message
from dashboard.structs import ready

#: Seconds that a change waits for others: a program writes several keys in a row, and often several runs.
GATHER_S = 0.03
#: Seconds after which a run that agreed although it was written is told of, unless a script of ours says it wrote it.
TOUCH_S = 0.5
#: Seconds after which a run that was filed is compared once more: a slow writer may have set its indexes after that.
SECOND_LOOK_S = 1.5
#: Seconds for which it is known when a run was filed, and for which a session counts as being written.
KNOWN_S, BUSY_S = 10.0, 5.0
#: Changes of a key that leave what it holds alone.
HARMLESS = (b"expire", b"persist")


@ready
class Written(msgspec.Struct):
    """What a script of ours says that it wrote."""

    sid: str
    #: An empty list comes as an empty object.
    hashes: list[str] | dict[str, str]
    #: Whether it wrote the summary as well.
    summary: bool = False


class News:
    """Runs and summaries that were changed. Times are those of the clock, which has to be monotonic."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        #: Sessions whose summary changed; keys of records that do not say by themselves which session they are of.
        self.summaries: dict[str, None] = {}
        self.unclear: dict[str, None] = {}
        self._pending: dict[Pair, float] = {}
        self._touches: dict[Pair, float] = {}
        self._seconds: dict[Pair, float] = {}
        self._filed_at: dict[Pair, float] = {}
        self._active: dict[str, float] = {}
        self._lags: list[float] = []

    def hear(self, messages: Iterable[Message], since: float) -> None:
        """Take what was told; none of it happened before `since`."""
        for kind, key, event in messages:
            if kind == WRITTEN:
                self._take_back(event)
            elif event in HARMLESS:
                continue
            elif kind == RECORD and is_unclear(key):
                self.unclear[key] = None
            elif (found := session_of(key)) is None:
                continue
            elif kind == SUMMARY:
                self.summaries[found[0]] = None
            elif kind == RECORD and found[1] is not None:
                self._pending.setdefault((found[0], found[1]), since)
                self._active[found[0]] = since

    def _take_back(self, text: bytes) -> None:
        """Forget of runs that a script of ours wrote, and filed: whatever came before is covered by that."""
        try:
            written = msgspec.json.decode(text, type=Written)
        except msgspec.DecodeError:
            # Anybody may say anything on a channel; what is not taken back is compared.
            return
        if written.summary:
            self.summaries.pop(written.sid, None)
        for config_hash in written.hashes:
            self._pending.pop((written.sid, config_hash), None)
            self._touches.pop((written.sid, config_hash), None)

    def is_due(self) -> bool:
        """Tell whether there are changes that have waited for others long enough, or are many."""
        return bool(self._pending) and self.clock() >= next(iter(self._pending.values())) + GATHER_S

    def due_at(self) -> float | None:
        """Return when there will be something to do, None when nothing waits."""
        firsts = [next(iter(queue.values())) for queue in (self._touches, self._seconds) if queue]
        firsts += [next(iter(self._pending.values())) + GATHER_S] if self._pending else []
        return min(firsts, default=None)

    def take(self, most: int) -> dict[Pair, float]:
        """Take the oldest changes, each with the time before which it did not happen."""
        taken = dict(islice(self._pending.items(), most))
        for pair in taken:
            del self._pending[pair]
        return taken

    def take_touches(self, most: int) -> list[Pair]:
        """Take runs that were written without any index showing it."""
        return self._take_due(self._touches, most)

    def take_seconds(self, most: int) -> list[Pair]:
        """Take runs to be compared once more."""
        return self._take_due(self._seconds, most)

    def _take_due(self, queue: dict[Pair, float], most: int) -> list[Pair]:
        now = self.clock()
        taken = []
        for pair, due in islice(queue.items(), most):
            if due > now:
                break
            taken.append(pair)
        for pair in taken:
            del queue[pair]
        return taken

    def look_again(self, pairs: Iterable[Pair], after_s: float) -> None:
        """Have runs compared later."""
        due = self.clock() + after_s
        for pair in pairs:
            self._seconds.pop(pair, None)
            self._seconds[pair] = due

    def done(self, outcome: Outcome, since: Mapping[Pair, float] | None = None) -> None:
        """Take what became of runs; `since` has the times of those that were taken from the news."""
        now = self.clock()
        changed = [*outcome.filed, *outcome.dropped]
        for pair in changed:
            self._filed_at.pop(pair, None)
            self._filed_at[pair] = now
            self._touches.pop(pair, None)
            self._active[pair[0]] = now
        self.look_again(outcome.again, TOUCH_S)
        if since is None:
            return
        self.look_again(changed, SECOND_LOOK_S)
        for pair in outcome.equal:
            # What was filed after the change happened has been told of.
            if since[pair] > self._filed_at.get(pair, since[pair] - 1):
                self._touches.setdefault(pair, now + TOUCH_S)
        self._lags += [now - since[pair] for pair in (*changed, *outcome.equal)]

    def is_busy(self, sid: str) -> bool:
        """Tell whether the session is being written, so that its keys may disagree for the moment."""
        return self.clock() < self._active.get(sid, float("-inf")) + BUSY_S

    def tidy(self) -> None:
        """Forget what is long ago."""
        now = self.clock()
        self._filed_at = {pair: at for pair, at in self._filed_at.items() if at > now - KNOWN_S}
        self._active = {sid: at for sid, at in self._active.items() if at > now - BUSY_S}

    def take_lags(self) -> Sequence[float]:
        """Return how many seconds each change took until it was filed, since the last time this was asked."""
        lags, self._lags = self._lags, []
        return sorted(lags)
