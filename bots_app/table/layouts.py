"""The fields of a run whose record looks like others before it, read object by object instead of leaf by leaf.

A layout is what was found out about the objects at one place of records: which keys they have, and which kind of value
each. Most records of a session are made of layouts that are known. No Redis, no HTTP.
"""

from __future__ import annotations

import math
import string
from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any

from bots_app.metrics import metric_paths
from bots_app.records import BacktestRunRecord
from bots_app.table.field_names import CONFIG, MOST_LEAVES, MOST_LETTERS, names_at
from bots_app.table.shapes import STATUS, Fields, Shape, shape_of

#: Objects in a record, and keys of one, beyond which it is read leaf by leaf.
MOST_OBJECTS, MOST_KEYS = 100, 300
#: Layouts, and places and shapes made of them, that are remembered.
MOST_KNOWN = 2_000
_NUMBER, _TEXT, _FLAG, _OBJECT, _LIST, _NOTHING = range(6)
_KINDS = {int: _NUMBER, float: _NUMBER, str: _TEXT, bool: _FLAG, dict: _OBJECT, list: _LIST, type(None): _NOTHING}
#: Keys of the items of a list.
_PLACES = tuple(map(str, range(MOST_KEYS)))
#: What no number begins with, also none that is infinite or not a number.
_LETTERS = frozenset(string.ascii_letters) - set("iInN")

Holder = dict[str, Any]
Pick = Callable[[Holder], Iterable[Any]]


class Layout:
    """What an object with certain keys, and certain kinds of values under them, holds."""

    __slots__ = ("below", "is_odd", "keys", "number_names", "numbers", "other_names", "others", "texts")

    def __init__(self, count: int, numbers: dict[str, str], others: dict[str, str]) -> None:
        self.keys = count
        self.number_names, self.other_names = tuple(numbers.values()), tuple(others.values())
        self.numbers, self.others = _pick(numbers, count), _pick(others, count) if others else None
        #: Keys of texts that may be numbers all the same.
        self.texts: tuple[str, ...] = ()
        #: Keys of objects and lists, and the places where these are.
        self.below: tuple[tuple[str, Place], ...] = ()
        #: Whether a record with it has to be read leaf by leaf.
        self.is_odd = False


class Place:
    """A place of records where an object is, or a list that is taken for one, and every layout that was met there."""

    def __init__(self, known: _Known, start: str, *, is_config: bool, is_alone: bool = False) -> None:
        self._known, self._start, self._is_config = known, start, is_config
        #: Whether what is below is no part of it.
        self._is_alone = is_alone
        self.layouts: dict[tuple[tuple[Any, ...], tuple[Any, ...]], Layout] = {}

    def learn(self, holder: Holder) -> Layout:
        """Return the layout of an object of this place, and remember it."""
        keys, types = tuple(holder), tuple(map(type, holder.values()))
        # Whether a number is whole makes no difference: there would be a layout for each combination of them.
        kinds = tuple(map(_KINDS.get, types))
        layout = self.layouts.get((keys, kinds))
        if layout is None:
            layout = self._layout(keys, kinds)
        self.layouts[keys, kinds] = self.layouts[keys, types] = layout
        self._known.count += 1 + len(layout.below)
        return layout

    def _layout(self, keys: tuple[str, ...], kinds: tuple[int | None, ...]) -> Layout:
        # A key with dots may have the name of another that is deeper down; what is of no kind is not from JSON.
        if None in kinds or any("." in key for key in keys):
            odd = Layout(len(keys), {}, {})
            odd.is_odd = True
            return odd
        names, of_kind = names_at(self._start, is_config=self._is_config), dict(zip(keys, kinds, strict=True))
        named = {key: names[key] for key in keys if names[key]}
        texts = {key: name for key, name in named.items() if of_kind[key] == _TEXT}
        flags = {key: name for key, name in named.items() if of_kind[key] == _FLAG}
        numbers = {key: name for key, name in named.items() if of_kind[key] == _NUMBER}
        layout = Layout(len(keys), numbers, texts | flags)
        if not self._is_config:
            layout.texts = tuple(texts)
        if not self._is_alone:
            holders = (_OBJECT, _LIST) if self._is_config else (_OBJECT,)
            near = [key for key in keys if of_kind[key] in holders and len(self._start) + len(key) < MOST_LETTERS]
            places = [self._known.at(f"{self._start}{key}.", is_config=self._is_config) for key in near]
            layout.below = tuple(zip(near, places, strict=True))
        return layout


class _Known:
    """Every place and layout met since it was made."""

    def __init__(self) -> None:
        self.paths = metric_paths()
        #: How much is remembered.
        self.count = 0
        self._places: dict[tuple[str, bool], Place] = {}
        self._shapes: dict[tuple[Any, ...], Shape | None] = {}
        self.configuration = self.at(CONFIG, is_config=True)
        self.performance = self.at("", is_config=False)
        #: What stands beside the performance, as the early shape of records has it.
        self.results = Place(self, "", is_config=False, is_alone=True)

    def at(self, start: str, *, is_config: bool) -> Place:
        """Return the place whose keys `start` comes before."""
        found = self._places.get((start, is_config))
        if found is None:
            found = self._places[start, is_config] = Place(self, start, is_config=is_config)
        return found

    def shape(self, metrics: tuple[str, ...], layouts: tuple[Layout, ...]) -> Shape | None:
        """Return the shape of a run with these metrics and layouts, None when it has to be read leaf by leaf."""
        try:
            return self._shapes[metrics, layouts]
        except KeyError:
            shape = self._shapes[metrics, layouts] = _shape(metrics, layouts)
            self.count += 1
            return shape


def _shape(metrics: tuple[str, ...], layouts: tuple[Layout, ...]) -> Shape | None:
    numbers = (*metrics, *(name for layout in layouts for name in layout.number_names))
    others = tuple(name for layout in layouts for name in layout.other_names)
    # Two fields may have one name by the settings.
    is_doubled = len({STATUS, *numbers, *others}) <= len(numbers) + len(others)
    is_odd = any(layout.is_odd for layout in layouts) or sum(layout.keys for layout in layouts) > MOST_LEAVES
    return None if is_doubled or is_odd else shape_of(numbers, others)


def _pick(wanted: dict[str, str], count: int) -> Pick:
    """Return what takes the values of these keys from an object that has `count` keys."""
    if len(wanted) == count:
        return dict.values
    if len(wanted) == 1:
        [key] = wanted
        return lambda holder: (holder[key],)
    return itemgetter(*wanted) if wanted else lambda _: ()


_known: _Known | None = None


def _known_now() -> _Known:
    global _known
    known = _known
    if known is None or known.count > MOST_KNOWN or known.paths is not metric_paths():
        known = _known = _Known()
    return known


def quick_fields(run: BacktestRunRecord) -> Fields | None:
    """Return the fields of a run, None when they have to be read leaf by leaf."""
    known, results = _known_now(), run.whole.get("resultsMetadata")
    results = results if type(results) is dict else {}
    performance = results.get("performance")
    performance = performance if type(performance) is dict else {}
    metrics = {name: number for name, number in run.metrics.items() if number is not None}
    if run.lastUpdated is not None:
        metrics["lastUpdated"] = run.lastUpdated
    numbers, others, layouts = [*metrics.values()], list[str | bool](), list[Layout]()
    work = [(known.configuration, run.configuration), (known.performance, performance), (known.results, results)]
    for place, holder in work:
        if len(holder) > MOST_KEYS or len(work) > MOST_OBJECTS:
            return None
        layout = place.layouts.get((tuple(holder), tuple(map(type, holder.values())))) or place.learn(holder)
        layouts.append(layout)
        numbers += layout.numbers(holder)
        if layout.others is not None:
            others += layout.others(holder)
        for key in layout.texts:
            if _is_number(holder[key]):
                return None
        for key, below in layout.below:
            part = holder[key]
            if type(part) is list:
                if len(part) > MOST_KEYS:
                    return None
                part = dict(zip(_PLACES, part, strict=False))
            work.append((below, part))
    shape = known.shape(tuple(metrics), tuple(layouts))
    beside = layouts[2]
    if shape is None or not performance.keys().isdisjoint(beside.number_names + beside.other_names):
        return None
    return Fields(shape, run.status, numbers, others) if _is_finite(numbers) else None


def _is_number(text: str) -> bool:
    """Tell whether a text is written like a number, be it none that is finite."""
    if text[:1] in _LETTERS:
        return False
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_finite(numbers: list[int | float]) -> bool:
    """Tell whether all of them are certain to be finite, and near to a double."""
    try:
        return math.isfinite(sum(numbers, 0.0))
    except OverflowError:
        return False
