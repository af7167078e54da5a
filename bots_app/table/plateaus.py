"""Names of the columns that are worked out instead of stored: `plateau.<metric>`, the plateau score of each metric.

The score of a run is the median of a metric over its neighbours (see analysis/sweep/plateau.py), so that any write may
change it anywhere. What a record itself holds under such a name is no field: the name means the same in every session.
"""

from __future__ import annotations

from functools import lru_cache

from bots_app.table.fields import CONFIG, PLATEAU

#: Fields of a run that are no metric, besides its parameters.
_NO_METRICS = frozenset(("status", "lastUpdated"))


def is_plateau(name: str) -> bool:
    """Tell whether a field is the plateau score of another one."""
    return name.startswith(PLATEAU)


def metric_of(name: str) -> str:
    """Return the metric whose plateau score a field is."""
    return name.removeprefix(PLATEAU)


def plateau_of(metric: str) -> str:
    """Return the name of the plateau score of a metric."""
    return PLATEAU + metric


@lru_cache(256)
def with_plateaus(names: frozenset[str]) -> frozenset[str]:
    """Return the names of fields that may be asked for where there are columns of these names."""
    stored = {name for name in names if not is_plateau(name)}
    metrics = (name for name in stored if name not in _NO_METRICS and not name.startswith(CONFIG))
    return frozenset(stored.union(map(plateau_of, metrics)))
