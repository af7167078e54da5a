"""Template filters over `dashboard.web.numbers`: text for a cell, and elements with the stored value in their title."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard.web import numbers

register = template.Library()

for _function in (
    numbers.count,
    numbers.price,
    numbers.probability,
    numbers.parameter,
    numbers.tone,
    numbers.day,
    numbers.minute,
    numbers.stamp,
    numbers.duration,
    numbers.exact,
):
    register.filter(_function.__name__, _function)


@register.filter
def number(value: Any, places: int = 2) -> str:
    return numbers.number(value, places)


@register.filter
def percent(value: Any, places: int = 1) -> str:
    return numbers.percent(value, places)


@register.filter
def signed_percent(value: Any, places: int = 1) -> str:
    return numbers.percent(value, places, signed=True)


@register.filter
def money(value: Any) -> str:
    return numbers.money(value)


@register.filter
def signed_money(value: Any) -> str:
    return numbers.money(value, signed=True)


@register.filter
def ago(ms: Any) -> SafeString | str:
    """Return a `time` element with the age as text and the exact moment as title."""
    stamp = numbers.stamp(ms)
    if not stamp:
        return numbers.MISSING
    return format_html('<time datetime="{}" title="{} UTC">{}</time>', stamp, numbers.minute(ms), numbers.age(ms))


@register.simple_tag
def span_years(start_ms: Any, end_ms: Any) -> str:
    """Return the length of a period in years."""
    return numbers.years(start_ms, end_ms)
