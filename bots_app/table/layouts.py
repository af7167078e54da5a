"""The fields of a run whose record looks like others before it, read all at once instead of leaf by leaf.

A layout is made for records with the same keys and the same kinds of values: a type that msgspec holds a record against
in one go, and where in it the fields are. Most records of a session have one layout. No Redis, no HTTP.
"""

from __future__ import annotations

import math
import string
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from operator import attrgetter
from typing import Any

import msgspec
from msgspec.structs import astuple

from bots_app.metrics import metric_paths
from bots_app.records import BacktestRunRecord
from bots_app.table.field_names import CONFIG, names_at
from bots_app.table.shapes import STATUS, Fields, Shape, shape_of
from bots_app.table.sketches import FLAG, LIST, NUMBER, TEXT, Record, Sketch, sketch_of
from dashboard.structs import ready

#: Records that look alike before a layout is made for them, which takes as long as reading a hundred leaf by leaf.
LEARNED_AFTER = 4
#: Layouts, and what else is remembered of records.
MOST_LAYOUTS, MOST_KNOWN = 250, 1_000
#: Records that are not looked at for a layout after one that can have none.
ODD_FOR = 64
Column = tuple[Any, ...]
_TYPES = {NUMBER: int | float | None, TEXT: str | None, FLAG: bool | None}
_HOLDERS = {"object": dict, "list": list}
#: The order in which the parts of an object stand in its type.
_NUMBERS, _OTHERS, _UNNAMED, _BELOW, _IGNORED = range(_GROUPS := 5)
#: What no number begins with, also none that is infinite or not a number.
_LETTERS = frozenset(string.ascii_letters) - set("iInN")


class Layout:
    """What records that look alike hold."""

    def __init__(self, sketch: Record) -> None:
        #: Where the numbers are, the texts and booleans, and the objects and lists that hold no fields.
        self._paths: dict[int, list[str]] = {group: [] for group in (_NUMBERS, _OTHERS, _IGNORED)}
        self._names: list[str] = []
        self._other_names: list[str] = []
        #: How many parts each object and list has that is looked into, by where it is.
        self._counts: dict[str, int] = {}
        holders: list[type] = []
        starts = ("f0.", "f1.", "f2.")
        types = [self._add(sketch.configuration, CONFIG, starts[0], holders, is_config=True)]
        #: How many of the texts and booleans are parameters, of which a text is never a number.
        self.parameters = len(self._other_names)
        types.append(self._add(sketch.performance, "", starts[1], holders, is_config=False))
        count, other_count = len(self._names), len(self._other_names)
        types.append(self._add(sketch.results, "", starts[2], holders, is_config=False))
        # What is in the performance comes before what stands beside it, be it an object.
        beside = {*self._names[count:], *self._other_names[other_count:]}
        self._is_odd = any(key in beside for key, _ in sketch.performance.parts)
        self._type: Any = ready(_struct(list(zip(Record._fields, types, strict=True)), is_list=True))
        self._numbers, self._others, self._ignored = map(_getter, self._paths.values())
        paths, self._below = [path[:-1] for path in starts], list[int]()
        for place, path in enumerate(paths):
            if path in self._counts:
                self._below.append(place)
                paths += [f"{path}.f{number}" for number in range(self._counts[path])]
        self._columns_at = [[*map(paths.index, some)] for some in self._paths.values()]
        #: What the objects and lists without fields are: where one is a number it is a field.
        self._holders = tuple(holders)
        #: By the names of the run's metrics; None where two fields have one name.
        self._shapes: dict[tuple[str, ...], Shape | None] = {}
        #: With all the fields that a run may have.
        self.widest = Shape((*metric_paths(), "lastUpdated", *self._names), self._other_names)

    def _add(self, sketch: Sketch, start: str, path: str, holders: list[type], *, is_config: bool) -> Any:
        """Add an object or list, and what is in it; return its type."""
        names, groups = names_at(start, is_config=is_config), defaultdict[int, list[tuple[str, Any]]](list)
        for key, kind in sketch.parts:
            if isinstance(kind, Sketch):
                groups[_BELOW].append((key, kind))
            elif kind in _HOLDERS:
                groups[_IGNORED].append((key, Any))
                holders.append(_HOLDERS[kind])
            else:
                group = _UNNAMED if not names[key] else _NUMBERS if kind == NUMBER else _OTHERS
                groups[group].append((key, _TYPES[kind]))
        self._names += [names[key] for key, _ in groups[_NUMBERS]]
        self._other_names += [names[key] for key, _ in groups[_OTHERS]]
        places = [range(*ends) for ends in pairwise((0, *accumulate(len(groups[group]) for group in range(_GROUPS))))]
        for group, paths in self._paths.items():
            paths += [f"{path}f{place}" for place in places[group]]
        groups[_BELOW] = [
            (key, self._add(part, f"{start}{key}.", f"{path}f{place}.", holders, is_config=is_config))
            for place, (key, part) in zip(places[_BELOW], groups[_BELOW], strict=True)
        ]
        self._counts[path[:-1]] = len(sketch.parts)
        return _struct([field for group in range(_GROUPS) for field in groups[group]], is_list=sketch.kind == LIST)

    def parts(self, record: tuple[Any, ...]) -> Any:
        """Return the parts of a record, None where it is another; see `is_fit`."""
        try:
            return msgspec.convert(record, self._type)
        except msgspec.ValidationError:
            return None

    def is_fit(self, parts: Any) -> bool:
        """Tell whether the parts that hold no fields are what they were in other records."""
        return not self._holders or tuple(map(type, self._ignored(parts))) == self._holders

    def values(self, parts: Any) -> tuple[Sequence[Any], Sequence[Any]]:
        """Return the numbers of a record that is fit, and its texts and booleans; some of them are None."""
        return self._numbers(parts), self._others(parts)

    def columns(self, parts: Sequence[Any]) -> tuple[list[Column], list[Column]] | None:
        """Return the values of several records, each of all of them; None where one is not fit."""
        columns: list[Column] = [*zip(*map(astuple, parts), strict=True)]
        for place in self._below:
            columns += zip(*map(astuple, columns[place]), strict=True)
        numbers, others, ignored = ([columns[place] for place in places] for places in self._columns_at)
        if any({*map(type, column)} != {kind} for column, kind in zip(ignored, self._holders, strict=True)):
            return None
        return numbers, others

    def fields(self, run: BacktestRunRecord, numbers: Sequence[Any], others: Sequence[Any]) -> Fields | None:
        """Return the fields of a run with these values, None when it has to be read leaf by leaf."""
        names, metrics = tuple(run.metrics), [*run.metrics.values()]
        if None in metrics:
            names = tuple(name for name in names if run.metrics[name] is not None)
            metrics = [number for number in metrics if number is not None]
        if run.lastUpdated is not None:
            names, metrics = (*names, "lastUpdated"), [*metrics, run.lastUpdated]
        shape = self.shape(names)
        if shape is None or any(map(is_number, others[self.parameters :])):
            return None
        return _fields(shape, run.status, [*metrics, *numbers], others)

    def shape(self, metrics: tuple[str, ...]) -> Shape | None:
        """Return the shape of a run with these metrics and all other fields, None where two of them have one name."""
        if self._is_odd or metrics in self._shapes:
            return None if self._is_odd else self._shapes[metrics]
        names, others = (*metrics, *self._names), tuple(self._other_names)
        # Two fields may have one name by the settings, too.
        is_doubled = len({STATUS, *names, *others}) <= len(names) + len(others)
        found = None if is_doubled else shape_of(names, others)
        if len(self._shapes) < MOST_LAYOUTS:
            self._shapes[metrics] = found
        return found


def _getter(paths: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    """Return a function that takes what is at these paths, dotted names of attributes, out of an object."""
    if len(paths) > 1:
        return attrgetter(*paths)
    getters = [attrgetter(path) for path in paths]
    return lambda holder: tuple([getter(holder) for getter in getters])


def _struct(fields: list[tuple[str, Any]], *, is_list: bool) -> Any:
    """Return a type for objects with exactly these keys, or for lists with items of these types."""
    keys = {f"f{place}": key for place, (key, _) in enumerate(fields)}
    types = list(zip(keys, (kind for _, kind in fields), strict=True))
    return msgspec.defstruct("Part", types, rename=keys, array_like=is_list, forbid_unknown_fields=True, gc=False)


def _fields(shape: Shape, status: str, numbers: Sequence[Any], others: Sequence[Any]) -> Fields | None:
    """Return fields of which those that are None are not there, None unless all numbers are certain to be finite."""
    try:
        is_finite = math.isfinite(sum(numbers, 0.0))
    except OverflowError:
        return None
    except TypeError:
        is_whole = False
    else:
        is_whole = None not in others
    if not is_whole:
        count = 1 + len(numbers)
        kept = {name: value for name, value in zip(shape.names[1:count], numbers, strict=True) if value is not None}
        rest = {name: value for name, value in zip(shape.names[count:], others, strict=True) if value is not None}
        return _fields(shape_of(tuple(kept), tuple(rest)), status, [*kept.values()], [*rest.values()])
    # A sum beyond all doubles may be that of numbers that are not: those are looked at one by one.
    return Fields(shape, status, numbers, others) if is_finite else None


def is_number(value: str | bool | None) -> bool:
    """Tell whether a text is written like a number, be it none that is finite."""
    if type(value) is not str or value[:1] in _LETTERS:
        return False
    try:
        float(value)
    except ValueError:
        return False
    return True


class _Known:
    """The layouts met since it was made, and the one that a record probably has."""

    def __init__(self) -> None:
        self.paths = metric_paths()
        #: By something that is quickly looked at; or for how many records there is none.
        self.probable: dict[tuple[Any, ...], Layout | int] = {}
        self._layouts: dict[Record, Layout] = {}
        self._seen = Counter[int]()

    def find(self, hint: tuple[Any, ...], record: Record) -> Layout | None:
        """Return the layout that a record has, None where there is none yet or none is possible."""
        sketch = sketch_of(record)
        if sketch is None:
            if not self.probable.get(hint):
                self.probable[hint] = ODD_FOR
            return None
        layout = self._layouts.get(sketch)
        if layout is None:
            self._seen[hash(sketch)] += 1
            if self._seen[hash(sketch)] < LEARNED_AFTER:
                return None
            layout = self._layouts[sketch] = Layout(sketch)
        self.probable[hint] = layout
        return layout

    def is_full(self) -> bool:
        return len(self._layouts) > MOST_LAYOUTS or len(self._seen) > MOST_KNOWN or len(self.probable) > MOST_KNOWN


_known: _Known | None = None


class LaidOut(msgspec.Struct, frozen=True, gc=False):
    """A run whose record has a layout: for certain, or as far as its keys and the kinds of its values tell."""

    layout: Layout
    run: BacktestRunRecord
    parts: Any

    @property
    def shape(self) -> Shape:
        """Return a shape with all the fields that the run may have."""
        return self.layout.widest

    def fields(self) -> Fields | None:
        """Return the fields of the run, None where it has another layout after all, or has to be read leaf by leaf."""
        if not self.layout.is_fit(self.parts):
            return None
        return self.layout.fields(self.run, *self.layout.values(self.parts))


def laid_out(run: BacktestRunRecord, *, is_certain: bool = False) -> LaidOut | None:
    """Return a run with its layout, None where its fields have to be read leaf by leaf."""
    global _known
    known = _known
    if known is None or known.paths is not metric_paths():
        known = _known = _Known()
    results = run.whole.get("resultsMetadata")
    results = results if type(results) is dict else {}
    performance = results.get("performance")
    performance = performance if type(performance) is dict else {}
    record, hint = (run.configuration, performance, results), (len(run.configuration), len(performance), *results)
    probable = known.probable.get(hint)
    if type(probable) is Layout:
        parts = probable.parts(record)
        if parts is not None and (not is_certain or probable.is_fit(parts)):
            return LaidOut(probable, run, parts)
    elif type(probable) is int and probable > 0:
        known.probable[hint] = probable - 1
        return None
    if known.is_full():
        known = _known = _Known()
    layout = known.find(hint, Record(*record))
    parts = None if layout is None else layout.parts(record)
    return None if layout is None or parts is None or not layout.is_fit(parts) else LaidOut(layout, run, parts)


def quick_fields(run: BacktestRunRecord) -> Fields | None:
    """Return the fields of a run, None where they have to be read leaf by leaf."""
    found = laid_out(run, is_certain=True)
    return None if found is None else found.fields()
