"""Forms of the pages about runs: the filters of a list, the order of trades, notes and tags."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict

from bots_app.query import RunQuery, status_filter
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


class RunListForm(QueryForm):
    """Everything the address of a session's page may say."""

    repeatable = ("status",)

    status = WordsField(required=False)
    minProfit = NumberField("Profit at least")
    maxProfit = NumberField("Profit at most")
    ordering = OrderingField(("profit", "lastUpdated"))
    limit = forms.TypedChoiceField(required=False, coerce=int, choices=[(size, str(size)) for size in PAGE_SIZES])
    cursor = forms.CharField(required=False, max_length=2_000)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        low, high = values.get("minProfit"), values.get("maxProfit")
        if low is not None and high is not None and low > high:
            self.add_error("maxProfit", "This must not be below the other end of the range.")
        try:
            RunQuery(**status_filter(values.get("status") or ()))
        except InvalidParameter as error:
            self.add_error("status", error.message)
        return values

    def run_query(self) -> RunQuery:
        """Return what to ask the registry for; only for a valid form."""
        return RunQuery(
            **status_filter(self.value("status")),
            min_profit=self.value("minProfit"),
            max_profit=self.value("maxProfit"),
            ordering=self.value("ordering") or RunQuery().ordering,
        )


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
