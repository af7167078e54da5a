"""Strict input: form fields for parameters, serializer fields for bodies. Nothing is guessed at."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from rest_framework import serializers

NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
#: Digits of the longest number that is read.
MAX_DIGITS = 400


class NumberField(forms.Field):
    """A finite number in plain or exponent form; no thousands separators, no spaces, no names such as nan."""

    widget = forms.TextInput(attrs={"inputmode": "decimal"})

    def to_python(self, value: Any) -> float | None:
        """Return the number; None when absent."""
        if value in self.empty_values:
            return None
        number = float(value) if len(value) <= MAX_DIGITS and NUMBER.fullmatch(value) else math.nan
        if not math.isfinite(number):
            raise ValidationError("Not a finite number. Accepted are numbers such as 250, -0.5 or 2.5e2.")
        return number


class IntegerField(forms.Field):
    """A whole number within bounds, in plain digits; absent, it is `default`."""

    widget = forms.TextInput(attrs={"inputmode": "numeric"})

    def __init__(self, *, least: int, most: int, default: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.least, self.most, self.default = least, most, default

    def to_python(self, value: Any) -> int:
        """Return the number."""
        if value in self.empty_values:
            return self.default
        number = int(value) if re.fullmatch(r"[0-9]{1,18}", value) else None
        if number is None or not self.least <= number <= self.most:
            raise ValidationError(f"Not a whole number from {self.least} to {self.most}.")
        return number


class BooleanField(forms.Field):
    """`true` or `false`; None when absent."""

    widget = forms.Select(choices=[("", ""), ("true", "true"), ("false", "false")])

    def to_python(self, value: Any) -> bool | None:
        """Return the truth value."""
        if value in self.empty_values:
            return None
        if value not in ("true", "false"):
            raise ValidationError("Neither true nor false, which are all that is accepted.")
        return bool(value == "true")


class FlagField(forms.Field):
    """`1` or `0`; False when absent."""

    widget = forms.Select(choices=[("", ""), ("1", "1"), ("0", "0")])

    def to_python(self, value: Any) -> bool:
        """Return the truth value."""
        if value not in (*self.empty_values, "0", "1"):
            raise ValidationError("Neither 1 nor 0, which are all that is accepted.")
        return bool(value == "1")


class OrderingField(forms.Field):
    """One of the orderings that a list offers; absent, it is `default`."""

    def __init__(self, *, orderings: Sequence[str], default: str, **kwargs: Any) -> None:
        kwargs.setdefault(
            "widget", forms.Select(choices=[("", f"default ({default})"), *((name, name) for name in orderings)])
        )
        super().__init__(**kwargs)
        self.orderings, self.default = orderings, default

    def to_python(self, value: Any) -> str:
        """Return the ordering."""
        if value in self.empty_values:
            return self.default
        if value not in self.orderings:
            raise ValidationError(f"This list cannot be ordered so. Accepted are: {', '.join(self.orderings)}.")
        return str(value)


class CommaWidget(forms.TextInput):
    """A text input whose parameter may repeat: all values are read, and shown joined."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        """Return every value sent."""
        return data.getlist(name) if hasattr(data, "getlist") else data.get(name, [])

    def format_value(self, value: Any) -> str | None:
        """Return the text of the input."""
        return ",".join(value) if isinstance(value, list | tuple) else value


class NamesField(forms.Field):
    """Names, repeated or comma-separated, each once, in the order given."""

    widget = CommaWidget

    def __init__(self, *, most: int, pattern: str = r"(?s:.+)", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.most, self.pattern = most, re.compile(pattern)

    def to_python(self, value: Any) -> tuple[str, ...]:
        """Return the names."""
        parts = [part for text in value or () for part in self.parts_of(text)]
        names = tuple(dict.fromkeys(part for part in parts if part))
        if len(names) > self.most:
            raise ValidationError(f"{len(names)} are more than the {self.most} that may be given at once.")
        for name in names:
            if len(name) > 200 or not self.pattern.fullmatch(name):
                raise ValidationError(
                    f"{name[:80]!r} is no name. Accepted are letters, digits and . _ - in names such as config.fast."
                )
        return names

    def parts_of(self, text: str) -> list[str]:
        """Return the names in a text."""
        return text.split(",")


class QuotedNamesField(NamesField):
    """Names, of which one that holds a comma stands in backquotes, as in an expression; a backquote there twice."""

    _part = re.compile(r"`((?:[^`]|``)*)`(?=,|\Z)|([^,]+)", re.DOTALL)

    def parts_of(self, text: str) -> list[str]:
        """Return the names in a text; a backquote without another one is one like any letter."""
        found = self._part.finditer(text)
        return [match[2] if match[1] is None else match[1].replace("``", "`") for match in found]


class StrictCharField(serializers.CharField):
    """Text and nothing else: a number is not taken for its digits. Spaces at the ends are kept."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_blank=True, trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        """Return the text."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class StrictBooleanField(serializers.BooleanField):
    """JSON's true or false and nothing else."""

    def to_internal_value(self, data: Any) -> bool:
        """Return the truth value."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class StrictSerializer(serializers.Serializer):
    """Input in which a field that is not known is an error, and so is a body without any."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return the validated fields."""
        if isinstance(data, Mapping):
            accepted = ", ".join(self.fields)
            if unknown := [name for name in data if name not in self.fields]:
                raise serializers.ValidationError(
                    {name: [f"This cannot be changed. Accepted are: {accepted}."] for name in unknown}
                )
            if not data:
                raise serializers.ValidationError(
                    {"non_field_errors": [f"Nothing to change. Accepted are: {accepted}."]}
                )
        return super().to_internal_value(data)
