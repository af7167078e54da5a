"""Where a run may stand in a session's indexes, and with which score: for comparing them with the records. No Redis."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple

from bots_app.run_values import RunValues
from dashboard.store.keys import PER_STATUS, USUAL_STATUSES, SessionKeys

Score = Callable[[RunValues], float | None]


def _one(run: RunValues) -> float:
    return 1.0


def _if_unusual(score: Score, run: RunValues) -> float | None:
    return None if run.status in USUAL_STATUSES else score(run)


#: What each sorted set is called, and the score of a run in it; None where it does not belong.
SORTED: dict[str, tuple[str, Score]] = {
    "profit": ("by profit", lambda run: run.profit),
    "unranked": ("unranked", lambda run: 0.0 if run.profit is None else None),
    "updated": ("by time", lambda run: run.updated),
    "undated": ("undated", lambda run: 0.0 if run.updated is None else None),
}


class Place(NamedTuple):
    """An index that a run may stand in: what it is called, its key and type, its status ('' any), a run's score."""

    label: str
    key: str
    kind: str
    status: str = ""
    score: Score = _one


def whole_places(keys: SessionKeys, *, is_built: bool) -> list[Place]:
    """Return the indexes of the whole session; that of the profits is a fixed one."""
    places = [Place("bots", keys.bots, "set"), Place("profit", keys.profit, "zset", "", SORTED["profit"][1])]
    if is_built:
        places.append(Place("rows", keys.index("rows"), "hash"))
        for name in PER_STATUS:
            words, score = SORTED[name]
            if name == "unranked":
                places.append(Place(f"index {words}", keys.index(name), "zset", "", score))
            elif name != "profit":
                words = f"index of unusual statuses {words}"
                places.append(Place(words, keys.index(name), "zset", "", partial(_if_unusual, score)))
    return places


def places_of(keys: SessionKeys, status: str, *, is_built: bool) -> list[Place]:
    """Return the indexes of one status."""
    places = [Place(f"status {status}", keys.status(status), "set", status)]
    for name in PER_STATUS if is_built else ():
        words, score = SORTED[name]
        places.append(Place(f"index of {status} {words}", keys.index_status(status, name), "zset", status, score))
    return places


def all_places(keys: SessionKeys, statuses: Iterable[str], *, is_built: bool) -> Iterator[Place]:
    """Yield every index of a session."""
    yield from whole_places(keys, is_built=is_built)
    for status in sorted(statuses):
        yield from places_of(keys, status, is_built=is_built)


def misplaced(place: Place, run: RunValues | None) -> str | None:
    """Return what is wrong with an entry for a run in an index, None when it belongs there."""
    if run is None:
        return "an entry without a record"
    if place.kind == "set" and place.status and run.status != place.status:
        return "an entry of another status"
    if place.kind == "zset" and (place.score(run) is None or place.status not in ("", run.status)):
        return "an entry that should not be there"
    return None
