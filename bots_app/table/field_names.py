"""What the fields of a run are called by their places in its record. No Redis, no HTTP."""

from __future__ import annotations

from bots_app.metrics import metric_paths

#: Leaves of a record that are looked at, and letters of a name: more is no parameter and no metric.
MOST_LEAVES, MOST_LETTERS = 1_000, 200
#: What comes before a parameter's name, and before a metric's where its plateau score is meant (see plateaus.py).
CONFIG, PLATEAU = "config.", "plateau."
#: Names that mean what the row of the list says, whatever else a record has under them.
_OF_THE_ROW = frozenset(("configHash", "status", "profit", "botId", "lastUpdated", "notes", "tags"))


class Names(dict[str, str]):
    """The whole names of the keys of one place in a record, "" of those that are left out."""

    def __init__(self, start: str, *, is_config: bool) -> None:
        super().__init__()
        self.start, self.is_config = start, is_config
        #: Whether a key had dots, so that a name may be that of several leaves.
        self.is_ambiguous = False

    def __missing__(self, key: str) -> str:
        name = "" if len(key) + len(self.start) > MOST_LETTERS else self.start + key
        self.is_ambiguous = self.is_ambiguous or "." in key
        if name == CONFIG or not (self.is_config or is_metric_name(name)):
            name = ""
        if len(self) < MOST_LEAVES:
            self[key] = name
        return name


class _KnownNames:
    """The names of all places met, made once: most records of a session look alike."""

    def __init__(self) -> None:
        self.paths = metric_paths()
        self._at: dict[bool, dict[str, Names]] = {True: {}, False: {}}

    def at(self, start: str, *, is_config: bool) -> Names:
        """Return the names at a place; those of parameters begin with CONFIG."""
        known = self._at[is_config]
        found = known.get(start)
        if found is None:
            if len(known) >= MOST_LEAVES:
                known.clear()
            found = known[start] = Names(start, is_config=is_config)
        return found


_known = _KnownNames()


def names_at(start: str, *, is_config: bool) -> Names:
    """Return the names at a place of a configuration or of a performance, whose keys `start` comes before."""
    global _known
    if _known.paths is not metric_paths():
        _known = _KnownNames()
    return _known.at(start, is_config=is_config)


def is_metric_name(name: str) -> bool:
    """Tell whether a name is free for what a performance holds."""
    is_taken = name in _OF_THE_ROW or name in metric_paths() or name.startswith((CONFIG, PLATEAU))
    return not is_taken and 0 < len(name) <= MOST_LETTERS
