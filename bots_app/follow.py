"""Following the writes of programs that know only the six fixed keys, or only records.

The server tells of every change of a record or a summary. Changes are gathered for some milliseconds, compared with the
indexes and filed where they differ, by the same script as every write. What nobody told of (before the start, while the
connection was gone, while the server's notifications are off) is found by walking over everything, in steps between
which the news comes first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from bots_app import catch_up
from bots_app.catch_up import NONE, OURS, Look
from bots_app.hearing import BEAT_S, NOTIFIED, POLLING, Gap, Hearing
from bots_app.indexing import BATCH_RUNS
from bots_app.news import BUSY_S, News
from bots_app.reconcile import WRONG_TYPE, Outcome, Pair, Reconciler
from dashboard.errors import StoreUnavailable, Unavailable
from dashboard.store.client import KeyTypeError
from dashboard.store.outage import reason_of
from dashboard.store.session_list import listed
from dashboard.store.shared import chunked
from sessions_app.discovery import list_session

#: Seconds between two looks at the counts of all sessions, with notifications and without.
LOOK_EVERY_S = {NOTIFIED: 30.0, POLLING: 2.0}
#: Without notifications: rest this many times as long as a step took, and so long between two rounds over the records.
RESTS, ROUND_EVERY_S = 4.0, 5.0
#: Seconds between attempts while Redis does not answer, at first and at most.
BACKOFF_S, MOST_BACKOFF_S = 0.25, 5.0
#: Seconds between two lines about what was done, longest wait for news in one go, and longest without a step of a walk.
TELL_EVERY_S, IDLE_S, STARVED_S = 10.0, 1.0, 0.2
#: Seconds that a session has after its summary was removed to lose its runs as well.
REMOVAL_S = 0.5
#: Seconds in which more may turn up that a summary followed wrongly.
REWRITE_S = 0.5


class Follower:
    """Follows until it is interrupted; `tell` takes lines for the operator."""

    def __init__(self, tell: Callable[[str], None], *, enable: bool = False) -> None:
        self.tell, self.clock = tell, time.monotonic
        self.hearing = Hearing(tell, enable=enable)
        self.reconciler, self.news = Reconciler(), News(self.clock)
        #: Changes filed, runs compared.
        self.filed = self.compared = 0
        self._told_filed = 0
        self._lags: list[float] = []
        self._next_note, self._next_tell = self.clock(), self.clock() + TELL_EVERY_S
        self.start_anew()

    def start_anew(self) -> None:
        """Begin at the beginning: nothing is known of what happened before now."""
        now = self.clock()
        self._walk: Iterator[None] | None = catch_up.catch_up(self._apply, self._arrange)
        self._look: Iterator[None] | None = None
        self._sweep: Iterator[None] | None = None
        #: Sessions to be swept; when to look at those without a summary, and to rewrite a summary that followed a wrong
        #: index; counts that a sweep could not bring in agreement.
        self._to_sweep: dict[str, None] = {}
        self._unsaid: dict[str, float] = {}
        self._to_rewrite: dict[str, float] = {}
        self._accepted: dict[str, bytes] = {}
        self._walk_began, self._walk_compared, self._walk_filed = now, self.compared, self.filed
        self._next_walk = self._next_look = self._rest_until = self._stepped_at = now
        self.is_caught_up = False
        self.hearing.facts(isCaughtUp=False)

    def run(self) -> None:
        """Follow for ever; ends with KeyboardInterrupt, or whatever else a signal raises."""
        backoff, is_troubled = BACKOFF_S, False
        try:
            while True:
                try:
                    self.turn()
                    if is_troubled and self.hearing.is_connected:
                        self.tell("The store can be used again; catching up with what was missed.")
                        backoff, is_troubled = BACKOFF_S, False
                except Gap as gap:
                    self.tell(f"{gap} Catching up with what may have been missed.")
                    self.start_anew()
                except StoreUnavailable as error:
                    if not is_troubled:
                        self.tell(f"The store cannot be used: {reason_of(error)}. Trying again until it can.")
                    is_troubled = True
                    self._recover()
                    time.sleep(backoff)
                    backoff = min(backoff * 2, MOST_BACKOFF_S)
        finally:
            self.hearing.leave()

    def _recover(self) -> None:
        """After an error: a walk that met it cannot go on."""
        if self.hearing.is_connected and self.is_caught_up:
            self._sweep = self._look = None
            self._next_look = self.clock()
        else:
            self.start_anew()

    def turn(self) -> None:
        """Wait for news for a moment at most and do what is due. Raises StoreUnavailable, Gap."""
        if not self.hearing.has_place():
            time.sleep(BEAT_S)
            return
        if not self.hearing.is_connected:
            self.hearing.connect()
            self.start_anew()
        self.news.hear(*self.hearing.receive(self._idle_s()))
        unclear, self.news.unclear = list(self.news.unclear), {}
        self.news.look_again(catch_up.resolved(unclear), 0)
        self._settle_summaries()
        if self.news.is_due():
            self._file_news()
        if touched := self.news.take_touches(BATCH_RUNS):
            self.news.done(self._reconcile(touched, touch=set(touched)))
        if not self.news.is_due() or self.clock() > self._stepped_at + STARVED_S:
            self._step()
        if self.clock() >= self._next_note:
            self._note()

    def _idle_s(self) -> float:
        """Return how long there is nothing to do but to wait for news."""
        now = self.clock()
        steps_at = min(self._next_look, self._next_walk if self.hearing.mode == POLLING else self._next_look)
        if self._walk or self._look or self._sweep or self._to_sweep:
            steps_at = now
        due = [now + IDLE_S, max(steps_at, self._rest_until), self._next_note]
        due += [*self._unsaid.values(), *self._to_rewrite.values()]
        if (at := self.news.due_at()) is not None:
            due.append(at)
        return max(0.0, min(due) - now)

    def _file_news(self) -> None:
        since = self.news.take(BATCH_RUNS)
        outcome = self._reconcile(since)
        self.news.done(outcome, since)
        for sid in outcome.unbuilt:
            self._to_sweep[sid] = None

    def _apply(self, hashes: Mapping[str, Sequence[str]]) -> None:
        """Compare runs on behalf of a walk."""
        pairs = [(sid, config_hash) for sid, some in hashes.items() for config_hash in some]
        self.news.done(self._reconcile(pairs, is_catching_up=True))

    def _reconcile(
        self, pairs: Iterable[Pair], *, touch: Collection[Pair] = (), is_catching_up: bool = False
    ) -> Outcome:
        pairs = list(pairs)
        hashes: dict[str, list[str]] = {}
        for sid, config_hash in pairs:
            hashes.setdefault(sid, []).append(config_hash)
        outcome = Outcome()
        try:
            self.reconciler.reconcile(hashes, outcome, touch=touch, is_catching_up=is_catching_up)
        except StoreUnavailable:
            # Whether they were filed is not known. Compared again, what was filed is not told of twice.
            self.news.look_again(pairs, 0)
            raise
        self.filed += len(outcome.filed) + len(outcome.dropped)
        self.compared += outcome.compared
        for sid, reason in outcome.refused.items():
            self._refuse(sid, reason)
        for sid in outcome.mended:
            self._to_rewrite.setdefault(sid, self.clock() + REWRITE_S)
        return outcome

    def _refuse(self, sid: str, reason: str) -> None:
        self.hearing.say_once(sid, f"Session {sid} is left out: {reason}")

    def _with_session(self, sid: str, work: Callable[..., object], **options: object) -> None:
        """Do something to a session; one that cannot be worked on is told of and left out."""
        found = catch_up.parsed(sid)
        try:
            if found is not None:
                work(found, **options)
        except StoreUnavailable:
            raise
        except (KeyTypeError, Unavailable) as error:
            self._refuse(sid, str(error))

    def _settle_summaries(self) -> None:
        """Honour summaries that other programs wrote or removed."""
        changed, self.news.summaries = list(self.news.summaries), {}
        for some in chunked(changed, catch_up.LOOKS):
            for sid, look in catch_up.look_at(some).items():
                if look is not None and look.summary == NONE and not look.is_deleting:
                    # Its runs may be on their way out too; until then nothing is written in its place.
                    self._unsaid[sid] = self.clock() + REMOVAL_S
                else:
                    self._arrange(sid, look)
        for sid in _due(self._to_rewrite):
            self._with_session(sid, catch_up.mend_summary, is_ours=True)
        due = _due(self._unsaid)
        for sid, look in catch_up.look_at(due).items() if due else ():
            if look is not None and look.runs == 0 and look.summary in (NONE, OURS):
                self._with_session(sid, catch_up.forget, with_summary=True)
            else:
                self._arrange(sid, look)

    def _arrange(self, sid: str, look: Look | None) -> None:
        """Do or plan what the counts of a session call for."""
        if look is None:
            self._refuse(sid, WRONG_TYPE)
        elif look.is_deleting:
            return
        elif look.runs == 0 and look.summary == NONE:
            self._with_session(sid, catch_up.forget, with_summary=False)
        elif not look.is_built:
            self._to_sweep[sid] = None
        else:
            if look.summary != OURS and sid not in self._unsaid:
                self._with_session(sid, catch_up.mend_summary)
            if look.is_in_agreement or self._accepted.get(sid) == look.fingerprint:
                return
            if self.hearing.mode == NOTIFIED and self.news.is_busy(sid):
                # What is being written disagrees for moments, and is looked after by the news.
                self._next_look = min(self._next_look, self.clock() + BUSY_S)
            else:
                self._to_sweep[sid] = None

    def _step(self) -> None:
        """Compare once more what was filed lately, and do one step of the walk that matters most."""
        began = self._stepped_at = self.clock()
        if again := self.news.take_seconds(BATCH_RUNS):
            self.news.done(self._reconcile(again))
        if began < self._rest_until:
            return
        if self._sweep is None and self._to_sweep:
            self._sweep = self._swept(self._to_sweep.popitem()[0])
        if self._sweep is not None:
            self._sweep = self._stepped(self._sweep)
        elif self._look is not None:
            self._look = self._stepped(self._look)
        elif began >= self._next_look:
            self._next_look = began + LOOK_EVERY_S[self.hearing.mode]
            self._look = catch_up.look_over(listed(), self._arrange)
        elif self._walk is not None:
            self._walk = self._stepped(self._walk)
            if self._walk is None:
                self._end_walk()
        elif self.hearing.mode == POLLING and began >= self._next_walk:
            self._walk = catch_up.catch_up(self._apply, self._arrange)
        if self.hearing.mode == POLLING and self.is_caught_up:
            self._rest_until = self.clock() + RESTS * (self.clock() - began)

    def _stepped(self, walk: Iterator[None]) -> Iterator[None] | None:
        """Return the walk after one more step, None when it has ended."""
        return walk if next(walk, walk) is None else None

    def _swept(self, sid: str) -> Iterator[None]:
        """Sweep a session, and see whether that brought its keys in agreement."""
        found = catch_up.parsed(sid)
        if found is None:
            return
        try:
            list_session(sid)
            yield from catch_up.sweep_session(found, self._apply)
            after = catch_up.look_at([sid])[sid]
        except StoreUnavailable:
            raise
        except (KeyTypeError, Unavailable) as error:
            self._refuse(sid, str(error))
            return
        if after is not None and not after.is_in_agreement and not self.news.is_busy(sid):
            self._accepted[sid] = after.fingerprint
            self.hearing.say_once(
                sid, f"The counts of session {sid} do not agree; check_indexes tells why, rebuild_indexes mends it."
            )

    def _end_walk(self) -> None:
        now = self.clock()
        self._next_walk = now + ROUND_EVERY_S
        if not self.is_caught_up:
            compared, filed = self.compared - self._walk_compared, self.filed - self._walk_filed
            self.tell(
                f"Caught up: {compared:,} runs compared, {filed:,} changes filed, in {now - self._walk_began:.1f} s."
            )
        self.is_caught_up = True
        self.hearing.facts(isCaughtUp=True, at_once=True)

    def _note(self) -> None:
        """Say what was done lately: in Redis, and more seldom to the operator."""
        now = self.clock()
        self._next_note = now + BEAT_S
        self.news.tidy()
        lags = self.news.take_lags()
        self._lags = sorted([*self._lags, *lags])
        self.hearing.facts(filed=self.filed, lagMs=_part(lags, 95))
        if now < self._next_tell:
            return
        self._next_tell = now + TELL_EVERY_S
        if (filed := self.filed - self._told_filed) > 0:
            lag = f"; lag {_part(self._lags, 50)} ms, 95 % within {_part(self._lags, 95)} ms" if self._lags else ""
            self.tell(f"{filed:,} changes filed{lag}.")
        self._told_filed, self._lags = self.filed, []


def _part(lags: Sequence[float], percent: int) -> float | None:
    """Return the ms within which so many percent of the seconds, which are sorted, lie; None when there are none."""
    return round(lags[len(lags) * percent // 100] * 1000, 1) if lags else None


def _due(times: dict[str, float]) -> list[str]:
    """Take out the names whose time has come."""
    now = time.monotonic()
    due = [name for name, at in times.items() if at <= now]
    for name in due:
        del times[name]
    return due
