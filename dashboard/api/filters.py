"""Parameters of an address: django-filter's sets over queries of ours instead of Django's.

The fields of a set validate; what passed is handed to the query as a whole, since a registry answers in one call.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache, lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

import django_filters
from django import forms
from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from dashboard.api import fields

if TYPE_CHECKING:
    # DRF's views read the settings that name this module.
    from rest_framework.views import APIView


#: Parameters as they were sent: names and all their values.
Asked = tuple[tuple[str, tuple[str, ...]], ...]
#: Longest query string whose meaning is remembered.
MOST_REMEMBERED = 1000


class Page(Protocol):
    """One page of a list, however it came about."""

    next_cursor: str | None
    previous_cursor: str | None

    def body(self) -> bytes:
        """Return the JSON of the answer."""
        ...


class RepositoryQuery(ABC):
    """What a list view asks of its registry; stands where DRF and django-filter expect a QuerySet."""

    model: type | None = None

    def all(self) -> Self:
        """Return the query itself: it holds no results."""
        return self

    @abstractmethod
    def narrowed(self, values: Mapping[str, Any]) -> Self:
        """Return the query under the validated parameters."""

    @abstractmethod
    def page(self, *, cursor: str | None, limit: int) -> Page:
        """Return a page of the answer."""


class NumberFilter(django_filters.Filter):
    """A finite number."""

    field_class = fields.NumberField


class IntegerFilter(django_filters.Filter):
    """A whole number within bounds."""

    field_class = fields.IntegerField


class BooleanFilter(django_filters.Filter):
    """`true` or `false`."""

    field_class = fields.BooleanField


class FlagFilter(django_filters.Filter):
    """`1` or `0`."""

    field_class = fields.FlagField


class TextFilter(django_filters.Filter):
    """Text as it was sent, spaces and all."""

    field_class = forms.CharField

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strip=False, **kwargs)


class NamesFilter(django_filters.Filter):
    """Several names; the one kind of parameter that may repeat."""

    field_class = fields.NamesField


class QuotedNamesFilter(NamesFilter):
    """Several names of fields, which may hold commas."""

    field_class = fields.QuotedNamesField


class OrderingFilter(django_filters.Filter):
    """One of the orderings a list offers."""

    field_class = fields.OrderingField


class RepositoryFilterSet(django_filters.FilterSet):
    """A set of parameters; one without any is that of an address that takes none.

    Filters here hold no state of a request, so that nothing is copied for each, as django-filter would. A filter in
    `families` stands for every parameter whose name begins with its prefix; its values are validated under the name of
    the prefix, as a mapping of what follows it.
    """

    families: ClassVar[Mapping[str, django_filters.Filter]] = {}

    def __init__(
        self, data: Mapping | None = None, queryset: Any = None, *, request: Any = None, prefix: str | None = None
    ) -> None:
        self.is_bound = data is not None
        self.data = data if data is not None else MultiValueDict()
        self.queryset = queryset
        self.request = request
        self.form_prefix = prefix
        self.filters = self.base_filters

    def get_form_class(self) -> type[forms.Form]:
        """Return the form that shows the parameters, the same for every request."""
        return _form_class(type(self))

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> dict[str, list[str]]:
        """Return what is wrong, by parameter, with values each of which is right by itself; others are left out."""
        return {}

    @classmethod
    def repeatable(cls) -> frozenset[str]:
        """Return the names of the parameters that may be given more than once."""
        return _repeatable(cls)

    @classmethod
    def family_of(cls, name: str) -> str | None:
        """Return the prefix of the family that a parameter belongs to, None when there is none, or nothing follows."""
        for prefix in cls.families:
            if name.startswith(prefix) and name != prefix:
                return prefix
        return None


@cache
def _repeatable(filterset: type[RepositoryFilterSet]) -> frozenset[str]:
    return frozenset(name for name, one in filterset.base_filters.items() if isinstance(one, NamesFilter))


@cache
def _fields(filterset: type[RepositoryFilterSet]) -> dict[str, forms.Field]:
    return {name: one.field for name, one in filterset.base_filters.items()}


@cache
def _absent(filterset: type[RepositoryFilterSet]) -> dict[str, Any]:
    """Return the value of each parameter that is not sent, without those that have to be."""
    found = {}
    for name, field in _fields(filterset).items():
        with suppress(forms.ValidationError):
            found[name] = _cleaned(field, MultiValueDict(), name)
    return found


def _cleaned(field: forms.Field, sent: MultiValueDict, name: str) -> Any:
    return field.clean(field.widget.value_from_datadict(sent, MultiValueDict(), name))


@cache
def _form_class(filterset: type[RepositoryFilterSet]) -> type[forms.Form]:
    form = type(f"{filterset.__name__}Form", (_ShownForm,), {**_fields(filterset), "filterset": filterset})
    form.base_fields = _SharedFields(form.base_fields)
    return form


class _ShownForm(forms.Form):
    """The parameters as the browsable page shows them, with what is wrong with them."""

    filterset: type[RepositoryFilterSet]

    def clean(self) -> dict[str, Any]:
        """Look at the parameters together."""
        for name, messages in self.filterset.check(self.cleaned_data).items():
            self.add_error(name, messages)
        return self.cleaned_data


class _SharedFields(dict[str, forms.Field]):
    """Fields that hold no state of a request: a form that copies each takes as long as all else that it does."""

    def __deepcopy__(self, memo: Any) -> dict[str, forms.Field]:
        return dict(self)


class RepositoryFilterBackend(DjangoFilterBackend):
    """Narrows a view's query by the parameters that the view has validated before anything is asked of Redis."""

    def filter_queryset(self, request: Request, queryset: RepositoryQuery, view: APIView) -> RepositoryQuery:
        """Return the narrowed query."""
        return queryset.narrowed(view.parameters)


def parameters_of(request: HttpRequest | Request, filterset: type[RepositoryFilterSet]) -> Mapping[str, Any]:
    """Return the validated parameters of a request. Raises ValidationError, a map of parameters."""
    cursor = request.GET.get("cursor", "")
    is_short = len(request.META.get("QUERY_STRING", "")) < MOST_REMEMBERED + len(cursor)
    return parameters_in(request.GET, filterset, is_short=is_short)


def parameters_in(
    params: MultiValueDict, filterset: type[RepositoryFilterSet], *, is_short: bool = True
) -> Mapping[str, Any]:
    """Return the validated parameters; short ones are remembered. Raises ValidationError, a map of parameters."""
    params = strict_parameters(params, filterset)
    # What a walk changes from page to page is left out, so that the rest is found again.
    cursor = params.get("cursor", "")
    asked = tuple((name, tuple(values)) for name, values in params.lists() if name != "cursor")
    values = (_remembered if is_short else validated)(filterset, asked)
    return values if not cursor else {**values, "cursor": cursor}


def validated(filterset: type[RepositoryFilterSet], asked: Asked) -> Mapping[str, Any]:
    """Return validated parameters. Raises ValidationError, a map of parameters.

    Of ten parameters that an address takes two or three are sent, and no other is looked at.
    """
    families, errors = _families(filterset, asked)
    absent, sent = _absent(filterset), MultiValueDict({name: list(values) for name, values in asked})
    values = dict(absent)
    for name, field in _fields(filterset).items():
        if name in sent or name not in absent:
            try:
                values[name] = _cleaned(field, sent, name)
            except forms.ValidationError as error:
                values.pop(name, None)
                errors[name] = [str(message) for message in error.messages]
    errors |= filterset.check(values)
    if errors:
        raise ValidationError(errors)
    return MappingProxyType(values | families)


def _families(
    filterset: type[RepositoryFilterSet], asked: Asked
) -> tuple[dict[str, dict[str, Any]], dict[str, list[str]]]:
    """Return the values of each family's parameters by what follows the prefix, and what is wrong with the others."""
    found: dict[str, dict[str, Any]] = {prefix: {} for prefix in filterset.families}
    errors: dict[str, list[str]] = {}
    for name, values in asked:
        if name in filterset.base_filters or (prefix := filterset.family_of(name)) is None:
            continue
        try:
            found[prefix][name.removeprefix(prefix)] = filterset.families[prefix].field.clean(values[-1])
        except forms.ValidationError as error:
            errors[name] = [str(message) for message in error.messages]
    return found, errors


#: The same parameters mean the same every time, and a form costs as much as a page of runs.
_remembered = lru_cache(maxsize=1024)(validated)


def strict_parameters(params: MultiValueDict, filterset: type[RepositoryFilterSet]) -> MultiValueDict:
    """Return the parameters without empty ones, which count as absent.

    Raises ValidationError for one that is unknown, or given twice though it has one value.
    """
    if not params:
        return params
    accepted, repeatable = filterset.base_filters, filterset.repeatable()
    errors, kept = {}, dict[str, list[str]]()
    for name, values in params.lists():
        values = [value for value in values if value] if "" in values else values
        if name not in accepted and filterset.family_of(name) is None:
            errors[name] = [_unknown([*accepted, *(f"{prefix}<field>" for prefix in filterset.families)])]
        elif len(values) > 1 and name not in repeatable:
            errors[name] = ["Given more than once; it takes one value."]
        elif values:
            kept[name] = values
    if errors:
        raise ValidationError(errors)
    return MultiValueDict(kept)


def _unknown(accepted: Sequence[str]) -> str:
    return (
        f"Unknown parameter. Accepted are: {', '.join(accepted)}."
        if accepted
        else "Unknown parameter; this address takes none."
    )
