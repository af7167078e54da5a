"""Forms over the query string: the address is the state of a list, and nothing in it is ignored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.http import QueryDict

from dashboard.errors import InvalidParameter


class QueryForm(forms.Form):
    """A GET form whose fields are all that an address may say.

    Raises InvalidParameter for an unknown parameter, and for a single-valued one given twice; an empty one counts as
    absent. Fields named in `repeatable` may be given more than once. A prefix in `families` makes a field of every
    parameter whose name begins with it.
    """

    repeatable: tuple[str, ...] = ()
    families: Mapping[str, Callable[[str], forms.Field]] = {}

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        for name, values in data.lists():
            prefix = next((prefix for prefix in self.families if name.startswith(prefix) and name != prefix), None)
            if prefix is not None:
                self.fields[name] = self.families[prefix](name)
            elif name not in self.fields:
                names = [*self.fields, *(f"{prefix}<field>" for prefix in self.families)]
                raise InvalidParameter(name, f"unknown parameter; this page knows {', '.join(names)}.")
            if name not in self.repeatable and sum(value != "" for value in values) > 1:
                raise InvalidParameter(name, "given more than once; it takes one value.")

    def value(self, name: str) -> Any:
        """Return the cleaned value of a field, None when it is absent or not understood."""
        value = self.cleaned_data.get(name)
        return None if value == "" else value

    def family(self, prefix: str) -> dict[str, Any]:
        """Return the cleaned values of a family by what follows the prefix, absent ones left out."""
        names = [name for name in self.cleaned_data if name.startswith(prefix)]
        return {name.removeprefix(prefix): self.value(name) for name in names if self.value(name) is not None}


class OrderingField(forms.ChoiceField):
    """The name of a field to order by, with a minus in front for the largest first."""

    def __init__(self, names: tuple[str, ...]) -> None:
        choices = [(sign + name, sign + name) for name in names for sign in ("", "-")]
        super().__init__(choices=choices, required=False, widget=forms.HiddenInput)
        self.error_messages["invalid_choice"] = (
            f"Choose one of {', '.join(names)}, with a minus in front for the largest first."
        )


class NumberField(forms.FloatField):
    """A finite number in plain notation; thousands, spaces and a typographic minus are understood."""

    default_error_messages = {"invalid": "Enter a number, such as 1500 or −0.25."}

    def __init__(self, label: str, placeholder: str = "") -> None:
        widget = forms.TextInput({"inputmode": "decimal", "autocomplete": "off", "placeholder": placeholder})
        super().__init__(label=label, required=False, localize=False, widget=widget)

    def to_python(self, value: Any) -> float | None:
        if isinstance(value, str):
            value = value.replace("\N{MINUS SIGN}", "-").replace(",", "").replace(" ", "").replace("_", "?")
        return super().to_python(value)
