"""Forms of the sessions page and of a session's notes."""

from __future__ import annotations

from django import forms

from dashboard.web.forms import OrderingField, QueryForm

#: Fields of the summary that the list can be ordered by.
ORDERED_BY = (
    "symbol",
    "timeframe",
    "runCount",
    "completedRuns",
    "errorCount",
    "bestProfit",
    "avgProfit",
    "lastUpdate",
)


class SessionListForm(QueryForm):
    """Everything the address of the sessions page may say."""

    search = forms.CharField(required=False, max_length=200)
    symbol = forms.CharField(required=False, strip=False)
    timeframe = forms.CharField(required=False, strip=False)
    active = forms.ChoiceField(required=False, choices=[("true", "Active"), ("false", "Idle")])
    ordering = OrderingField(ORDERED_BY)
    page = forms.IntegerField(required=False, min_value=1)


class SessionNotesForm(forms.Form):
    """What an operator may change of a session; `version` tells what was shown."""

    notes = forms.CharField(required=False, max_length=20_000, strip=True, widget=forms.Textarea({"rows": 4}))
    active = forms.BooleanField(required=False)
    version = forms.CharField(widget=forms.HiddenInput)
