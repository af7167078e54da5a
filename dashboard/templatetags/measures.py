"""Template tags for numbers that carry their unit, or the reason why they are undefined."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard.web import numbers
from dashboard.web.links import definition_path

register = template.Library()

#: Units whose numbers are coloured by their sign where a page asks for signs.
COLOURED = ("money", "percent")


def text_of(value: Any, unit: str, *, signed: bool = False) -> str:
    """Return a value as its unit is written: money, percent (of a ratio), number, count, ms or days."""
    match unit:
        case "money":
            return numbers.money(value, signed=signed)
        case "percent":
            return numbers.percent(value, signed=signed)
        case "count":
            return numbers.count(value)
        case "ms":
            return numbers.duration(value / 1000) if numbers.finite(value) is not None else numbers.MISSING
        case "days":
            return f"{numbers.number(value, 0)} days" if numbers.finite(value) is not None else numbers.MISSING
    return numbers.number(value, 2, signed=signed)


@register.simple_tag
def measured(measure: Any, unit: str, signed: bool = False) -> SafeString:
    """Return a measure as text, the stored value or the reason in its title; `signed` gives it sign and colour."""
    value, reason = measure.value, measure.reason or ""
    if value is None:
        return format_html('<span class="quiet" title="{}">{}</span>', reason, numbers.MISSING)
    css = numbers.tone(value) if signed and unit in COLOURED else ""
    title = f"{numbers.exact(value)} {reason}".strip()
    return format_html('<span class="{}" title="{}">{}</span>', css, title, text_of(value, unit, signed=signed))


@register.simple_tag
def valued(value: Any, unit: str, signed: bool = False) -> SafeString:
    """Return a plain value as text with its unit, the stored value in its title."""
    css = numbers.tone(value) if signed and unit in COLOURED else ""
    return format_html(
        '<span class="{}" title="{}">{}</span>', css, numbers.exact(value), text_of(value, unit, signed=signed)
    )


@register.simple_tag
def definition(key: str, label: str, text: str) -> SafeString:
    """Return the name of a number: its definition on hover and focus, and at the end of its link."""
    return format_html(
        '<a class="def" href="{}" data-tip="{}" hx-boost="false">{}</a>', definition_path(key), text, label
    )


@register.filter
def times_hundred(measure: Any) -> str:
    """Return a ratio in percent without the sign of percent, for a table whose header says it."""
    return "" if measure.value is None else numbers.number(100 * measure.value, 1, signed=True)


@register.filter
def part_of(value: Any, whole: Any) -> float:
    """Return the share in percent of a value in a whole, for the length of a bar."""
    size = numbers.finite(whole)
    return round(100 * abs(numbers.finite(value) or 0) / abs(size), 1) if size else 0


@register.simple_tag
def held(trade: Any) -> str:
    """Return how long a trade was held."""
    if trade.entry_time is None or trade.exit_time is None:
        return numbers.MISSING
    return numbers.duration((trade.exit_time - trade.entry_time) / 1000)
