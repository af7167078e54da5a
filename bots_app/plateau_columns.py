"""Plateau scores as columns of a snapshot, worked out for all runs of the session, once for each state of its table.

The parameters of the grid are those of the configuration in which the runs of the session differ at that very state;
what a query filters by does not matter. What is worked out stays in the bounded memory beside the columns.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, ExitStack

import numpy as np

from bots_app.analysis.sweep.columns import Parameter
from bots_app.analysis.sweep.neighbours import MOST_PARAMETERS
from bots_app.analysis.sweep.plateau import plateaus
from bots_app.chosen_columns import Columns
from bots_app.table.fields import CONFIG
from bots_app.table.plateaus import is_plateau, metric_of
from bots_app.table.snapshot import Snapshot
from dashboard.errors import InvalidParameter, Unavailable
from dashboard.store.shared import chunked

#: Values of parameters that are loaded together: 512 MB.
MOST_VALUES = 64_000_000
#: Attempts at having parameters that are loaded in parts in one state.
ATTEMPTS = 5

#: Gives the state of now of stored fields.
Open = Callable[[Collection[str]], AbstractContextManager[Snapshot]]


class NoPlateau(InvalidParameter):  # noqa: N818 - named as what it is raised for, like its base
    """Raised when more parameters vary than a grid may have."""

    def __init__(self, parameters: int) -> None:
        most = f"a run has neighbours, and a plateau score, where at most {MOST_PARAMETERS} do"
        super().__init__("plateau", f"{parameters} parameters vary among the runs; {most}.")


def enter_snapshot(stack: ExitStack, open_stored: Open, fields: Collection[str]) -> Snapshot:
    """Return the state of now of these fields, among which may be plateau scores; `stack` lets go of it.

    Raises Unavailable, NoPlateau, and what `open_stored` raises. Cost: after a write, for plateau scores, O(n log n):
    about a second a million runs.
    """
    wanted = {name: metric_of(name) for name in fields if is_plateau(name)}
    if not wanted:
        return stack.enter_context(open_stored(fields))
    stored = [name for name in fields if name not in wanted]
    snapshot = _if_kept(stack, open_stored, stored, wanted)
    if snapshot is not None:
        return snapshot
    with open_stored(()) as before:
        turn = before.turn()
    with turn:
        for _ in range(ATTEMPTS):
            # Another thread may have worked them out while this one waited for its turn.
            snapshot = _if_kept(stack, open_stored, stored, wanted) or _worked_out(stack, open_stored, stored, wanted)
            if snapshot is not None:
                return snapshot
    raise Unavailable("The runs of this session are written too quickly for plateau scores; try again in a moment.")


def _if_kept(
    stack: ExitStack, open_stored: Open, stored: Collection[str], wanted: Mapping[str, str]
) -> Snapshot | None:  # fmt: skip
    """Return the state of now if there is nothing to be worked out for it."""
    with ExitStack() as own:
        snapshot = own.enter_context(open_stored(stored))
        for name in wanted.keys() & snapshot.names():
            scores = snapshot.kept((name,))
            if scores is None:
                return None
            snapshot.add(name, scores)
        stack.push(own.pop_all())
        return snapshot


def _worked_out(
    stack: ExitStack, open_stored: Open, stored: Collection[str], wanted: Mapping[str, str]
) -> Snapshot | None:  # fmt: skip
    """Return the state of now with plateau scores, None when it was another one while its parameters were looked at."""
    with open_stored(()) as seen:
        known, rows = _parameters_of(seen), seen.rows
    names, states = known, set()
    if len(known) * rows > MOST_VALUES:
        names = []
        for part in chunked(known, max(1, MOST_VALUES // rows)):
            with open_stored(part) as seen:
                names += _varying(Columns(seen, seen.is_live()), part)
                states.add((seen.generation, seen.revision))
    with ExitStack() as own:
        snapshot = own.enter_context(open_stored({*stored, *wanted.values(), *names}))
        if _parameters_of(snapshot) != known or states - {(snapshot.generation, snapshot.revision)}:
            return None
        _add_scores(snapshot, names, wanted)
        snapshot.keep_only(stored)
        stack.push(own.pop_all())
        return snapshot


def _add_scores(snapshot: Snapshot, names: list[str], wanted: Mapping[str, str]) -> None:
    live = snapshot.is_live()
    columns = Columns(snapshot, live)
    found = {name: metric for name, metric in wanted.items() if snapshot.has_numbers(metric)}
    grid = _grid(columns, names) if found else []
    scores = plateaus(grid, [columns.values(metric) for metric in found.values()])
    for name, one in zip(found, scores, strict=True):
        values = np.full(snapshot.rows, np.nan)
        values[live] = one.scores
        snapshot.keep((name,), values)
        snapshot.add(name, values)


def _grid(columns: Columns, names: list[str]) -> list[Parameter]:
    varying = _varying(columns, names)
    if len(varying) > MOST_PARAMETERS:
        raise NoPlateau(len(varying))
    return [columns.parameter(name) for name in varying]


def _varying(columns: Columns, names: Collection[str]) -> list[str]:
    return [name for name in names if columns.varies(name)]


def _parameters_of(snapshot: Snapshot) -> list[str]:
    return sorted(name for name in snapshot.names() if name.startswith(CONFIG))
