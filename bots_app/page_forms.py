"""Forms of the pages about runs: the filters of a list, the order of trades, notes and tags."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict

from bots_app.filters import run_query
from bots_app.query import RunQuery
from bots_app.table_lists import start_in
from dashboard.errors import InvalidParameter
from dashboard.web.forms import NumberField, OrderingField, QueryForm
from dashboard.web.links import query

PAGE_SIZES = (50, 100, 200, 500)
#: Most characters of a tag, and most tags of a run.
TAG_LENGTH, MOST_TAGS = 60, 30


class WordsField(forms.Field):
    """Words given by repeating a parameter or with commas between them."""

    widget = forms.MultipleHiddenInput

    def to_python(self, value: Any) -> tuple[str, ...]:
        given = [word.strip() for text in value or () for word in text.split(",")]
        return tuple(dict.fromkeys(word for word in given if word))


class OrderField(forms.CharField):
    """Fields of runs to order by, see RunQuery."""

    def __init__(self) -> None:
        super().__init__(required=False, max_length=500, widget=forms.HiddenInput)


class RunListForm(QueryForm):
    """Everything the address of a session's page may say: what the API's list takes, but for the columns."""

    repeatable = ("status",)
    families = {"min.": NumberField, "max.": NumberField}

    status = WordsField(required=False)
    minProfit = NumberField("Profit at least")
    maxProfit = NumberField("Profit at most")
    where = forms.CharField(required=False, strip=False, max_length=2_000)
    ordering = OrderField()
    limit = forms.TypedChoiceField(required=False, coerce=int, choices=[(size, str(size)) for size in PAGE_SIZES])
    cursor = forms.CharField(required=False, max_length=2_000)
    start = forms.CharField(required=False, max_length=40)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        try:
            self.start = start_in(values.get("start", "").replace(",", ""))
            if self.start is not None and values.get("cursor"):
                raise InvalidParameter("start", "a cursor says where to go on already; leave one of them out.")
            self.query = run_query(self._given(values))
        except InvalidParameter as error:
            self.refuse(error)
        return values

    def refuse(self, error: InvalidParameter) -> None:
        """Show what is wrong with a parameter beside it."""
        self.add_error(error.name if error.name in self.fields else None, error.message)

    def _given(self, values: dict[str, Any]) -> dict[str, Any]:
        given = {name: values.get(name) for name in ("minProfit", "maxProfit", "where", "ordering")}
        ranges = {prefix: self.family(prefix) for prefix in self.families}
        return {**given, **ranges, "status": values.get("status") or ()}

    def numbers(self) -> dict[str, float]:
        """Return the numbers given by parameter; only for a valid form."""
        given = {name: self.value(name) for name, field in self.fields.items() if isinstance(field, NumberField)}
        return {name: value for name, value in given.items() if value is not None}

    def run_query(self) -> RunQuery:
        """Return what to ask the registry for; only for a valid form."""
        return self.query


class RunAddressForm(QueryForm):
    """What the address of every page of a run may say: the list that its neighbours are looked up in."""

    list = forms.CharField(required=False, max_length=4_000)


class TradeListForm(RunAddressForm):
    """Everything the address of a run's trades may say."""

    ordering = OrderingField(("index", "entryTime", "exitTime", "profit"))
    limit = forms.TypedChoiceField(required=False, coerce=int, choices=[(size, str(size)) for size in PAGE_SIZES])
    cursor = forms.CharField(required=False, max_length=2_000)


class RunNotesForm(forms.Form):
    """What an operator may change of a run; `version` tells what was shown."""

    notes = forms.CharField(required=False, max_length=20_000, widget=forms.Textarea({"rows": 4}))
    tags = forms.CharField(
        required=False, max_length=TAG_LENGTH * MOST_TAGS, widget=forms.TextInput({"autocomplete": "off"})
    )
    version = forms.CharField(widget=forms.HiddenInput)

    def clean_tags(self) -> list[str]:
        tags = list(dict.fromkeys(tag.strip() for tag in self.cleaned_data["tags"].split(",") if tag.strip()))
        if len(tags) > MOST_TAGS or any(len(tag) > TAG_LENGTH for tag in tags):
            raise forms.ValidationError(f"At most {MOST_TAGS} tags of {TAG_LENGTH} characters, separated by commas.")
        return tags


def page_sizes(params: QueryDict) -> list[dict[str, Any]]:
    """Return the numbers of rows to choose from, each with where it leads."""
    return [{"size": size, "href": query(params, limit=size)} for size in PAGE_SIZES]
