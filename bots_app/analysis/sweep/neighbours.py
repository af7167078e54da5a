"""The runs one step away from one run: is it on a plateau, on a spike, at the edge of the grid?"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from bots_app.analysis.sweep.columns import Floats, Mask, Parameter, check_lengths, number, shortened
from bots_app.analysis.sweep.grid import reach_of

MOST_PARAMETERS = 64
#: Neighbours that are listed; more are counted.
MOST_LISTED = 500


class Step(msgspec.Struct, frozen=True, rename="camel"):
    """Hold a parameter of the run: its value (a number or a label) and the next ones down and up.

    `below` or `above` is None at the edge of the grid, and for texts, which have no order. `runs` are the neighbours by
    this parameter; 0 with a next value means that nothing was tried there. A parameter that is `held` has no steps: it
    is missing, the same in all runs, or a text with more than 20 labels.
    """

    parameter: str
    value: float | str | None
    below: float | None
    above: float | None
    runs: int
    held: bool


class Neighbour(msgspec.Struct, frozen=True, rename="camel"):
    """Hold a run's place in the columns, the number of the step that leads to it, its value there, its metric."""

    run: int
    step: int
    value: float | str | None
    metric: float | None


class Neighbours(msgspec.Struct, frozen=True, rename="camel"):
    """Hold the neighbours of a run, by parameter and place: the first 500 of `count`.

    `plateau` is the median metric of the `known` ones with a finite metric, all of them, listed or not.
    """

    metric: float | None
    plateau: float | None
    count: int
    known: int
    steps: list[Step]
    neighbours: list[Neighbour]


def neighbours(parameters: Sequence[Parameter], run_index: int, metric: Floats) -> Neighbours:
    """Find the runs that differ from one in a single parameter, and there by one step; the columns are of all runs.

    Exactly the neighbours of `plateau_scores`. O(n) a parameter. At most 64 parameters, hence at most 250 KiB of JSON
    with names of at most 200 characters. Raises ValueError for more, columns of different lengths, or no such run.
    """
    if len(parameters) > MOST_PARAMETERS:
        raise ValueError(f"At most {MOST_PARAMETERS} parameters.")
    runs = check_lengths(metric, *(parameter.values for parameter in parameters))
    if not 0 <= run_index < runs:
        raise ValueError(f"There is no run {run_index} among {runs}.")
    differences = np.zeros(runs, dtype=np.uint8)
    for parameter in parameters:
        differences += ~_is_same(parameter.values, run_index)
    places = np.flatnonzero(differences == 1)
    steps, found = [], []
    for parameter in parameters:
        step, allowed = _step(parameter, run_index, places)
        steps.append(step)
        found.append(places[allowed])
    listed = [
        Neighbour(run, i, _shown(parameters[i], parameters[i].values[run]), number(metric[run]))
        for i, runs_of_step in enumerate(found)
        for run in runs_of_step[:MOST_LISTED].tolist()
    ]
    together = metric[np.concatenate(found)] if found else np.empty(0)
    known = together[np.isfinite(together)]
    return Neighbours(
        metric=number(metric[run_index]),
        plateau=number(_median(known)) if len(known) else None,
        count=len(together),
        known=len(known),
        steps=steps,
        neighbours=listed[:MOST_LISTED],
    )


def _is_same(values: Floats, run_index: int) -> Mask:
    value = values[run_index]
    return np.isnan(values) if np.isnan(value) else values == value


def _step(parameter: Parameter, run_index: int, places: np.ndarray) -> tuple[Step, Mask]:
    """Return the step, and which of the runs in `places`, that differ in one parameter, it leads to."""
    values = parameter.values
    value, there = values[run_index], values[places]
    nowhere = np.zeros(len(places), dtype=np.bool_)
    shown = _shown(parameter, value)
    if np.isnan(value):
        return Step(parameter.name, shown, None, None, 0, True), nowhere
    if parameter.labels is not None:
        levels = len(np.unique(values[~np.isnan(values)]))
        if levels == 1 or not reach_of(parameter, levels):
            return Step(parameter.name, shown, None, None, 0, True), nowhere
        allowed = ~np.isnan(there) & (there != value)
        return Step(parameter.name, shown, None, None, int(allowed.sum()), False), allowed
    lower, higher = values[values < value], values[values > value]
    below = float(lower.max()) if len(lower) else None
    above = float(higher.min()) if len(higher) else None
    allowed = nowhere
    for level in (below, above):
        if level is not None:
            allowed = allowed | (there == level)
    is_held = below is None and above is None
    ends = [None if level is None else number(level) for level in (below, above)]
    return Step(parameter.name, shown, ends[0], ends[1], int(allowed.sum()), is_held), allowed


def _shown(parameter: Parameter, value: float) -> float | str | None:
    if np.isnan(value) or parameter.labels is None:
        return number(value)
    return shortened(parameter.labels[int(value)])


def _median(known: Floats) -> float:
    """Return the median of finite numbers, at least one, as everywhere here."""
    parted = np.sort(known)
    lower, upper = float(parted[(len(parted) - 1) // 2]), float(parted[len(parted) // 2])
    both = lower + upper
    return both / 2 if np.isfinite(both) else lower / 2 + upper / 2
